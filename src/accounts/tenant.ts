import { defineEntity, p } from "@mikro-orm/core";
import { createdAt, lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";

export const PASSWORD_PRESETS = ["robustesse", "composition"] as const;
export type PasswordPreset = (typeof PASSWORD_PRESETS)[number];

const schema = defineEntity({
  name: "Tenant",
  tableName: "tenant",
  ...lookedUpTable,
  checks: [{ name: "tenant_is_its_own_tenant", expression: "tenant_id = id" }],
  properties: {
    ...tenantKey(),
    name: p.text(),
    // The one `instance` tenant holds the super-admins and the pages of the instance (rulings 1).
    kind: p.enum(["instance", "organisation"] as const),
    zone: p.text().default("Europe/Paris"),
    holidayZone: p.text().default("metropole"),
    passwordPreset: p.enum(PASSWORD_PRESETS).default("robustesse"),
    accent: p.text().nullable(),
    stayConnectedDays: p.integer().default(30),
    demo: p.boolean().default(false),
    ...createdAt(),
    ...versioned(),
  },
});

/** One organisation on a shared instance: the boundary no data crosses (TEN-1). */
export class Tenant extends schema.class {
  isInstance() {
    return this.kind === "instance";
  }
}
schema.setClass(Tenant);
export const TenantSchema = schema;
