import { defineEntity, p } from "@mikro-orm/core";
import { bytes, createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import { toUser } from "./user.ts";

const schema = defineEntity({
  name: "AccessLink",
  tableName: "access_link",
  ...lookedUpTable,
  indexes: [{ properties: ["tokenHash"] }],
  properties: {
    ...tenantKey(),
    // Null for the set-up link, which makes the first account (INS-1).
    user: () => toUser().nullable(),
    purpose: p.enum(["invitation", "setup"] as const),
    tokenHash: bytes(),
    expiresAt: p.datetime(),
    usedAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    createdById: p.uuid().nullable(),
    ...createdAt(),
  },
});

/** A secret address that opens one thing once; only the SHA-256 of its token is kept (P49). */
export class AccessLink extends schema.class {
  isOpen(now: Date) {
    return this.usedAt == null && this.revokedAt == null && this.expiresAt > now;
  }
}
schema.setClass(AccessLink);
export const AccessLinkSchema = schema;
