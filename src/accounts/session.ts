import { defineEntity, p } from "@mikro-orm/core";
import { bytes, createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import { toUser } from "./user.ts";

const schema = defineEntity({
  name: "Session",
  tableName: "session",
  ...lookedUpTable,
  indexes: [{ properties: ["tokenHash"] }, { properties: ["tenantId", "user"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    tokenHash: bytes(),
    payload: p.json<Record<string, unknown>>().columnType("jsonb"),
    userAgent: p.text(),
    address: p.text(),
    stay: p.boolean().default(false),
    authenticatedAt: p.datetime(),
    lastSeenAt: p.datetime(),
    expiresAt: p.datetime(),
    ...createdAt(),
  },
});

/** One browser signed in (ACC-10). A measure more than an act: out of history, in the security log. */
export class Session extends schema.class {}
schema.setClass(Session);
export const SessionSchema = schema;
