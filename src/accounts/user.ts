import { defineEntity, p } from "@mikro-orm/core";
import { createdAt, lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";
import type { Role } from "./roles.ts";

const schema = defineEntity({
  name: "User",
  // `user` alone is a keyword that silently reads as the database role in raw SQL.
  tableName: "app_user",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "email"] }],
  properties: {
    ...tenantKey(),
    email: p.text(),
    givenName: p.text(),
    familyName: p.text(),
    roles: p.array().$type<Role[]>().columnType("text[]"),
    theme: p.enum(["system", "light", "dark"] as const).default("system"),
    density: p.enum(["comfort", "compact"] as const).default("comfort"),
    shortcuts: p.boolean().default(true),
    deactivatedAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** An account of one person in one tenant; deactivated one day perhaps, deleted never (ROL-4). */
export class User extends schema.class {
  isActive() {
    return this.deactivatedAt == null;
  }
  name() {
    return `${this.givenName} ${this.familyName}`;
  }
  has(role: Role) {
    return this.roles.includes(role);
  }
}
schema.setClass(User);
export const UserSchema = schema;

/** The composite reference to an account, for tables that belong to one. */
export const toUser = () =>
  p
    .manyToOne(User)
    .joinColumns("tenant_id", "user_id")
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action");
