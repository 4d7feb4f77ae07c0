import { defineEntity, p } from "@mikro-orm/core";
import { tenantKey, tenantTable } from "../platform/db/entity.ts";

const schema = defineEntity({
  name: "SecurityEvent",
  tableName: "security_event",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "userId", "id"] }],
  properties: {
    ...tenantKey(),
    at: p.datetime().defaultRaw("app_now()"),
    kind: p.text(),
    userId: p.uuid().nullable(),
    actorId: p.uuid().nullable(),
    address: p.text(),
    userAgent: p.text(),
    detail: p.json<Record<string, unknown>>().columnType("jsonb"),
  },
});

/** One line of the security log, apart from history (HIS-16, rulings 12). */
export class SecurityEvent extends schema.class {}
schema.setClass(SecurityEvent);
export const SecurityEventSchema = schema;
