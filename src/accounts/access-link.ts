import { createHash, randomBytes, randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { bytes, createdAt, lookedUpTable, tenantKey } from "../platform/db/entity.ts";
import { toUser, type User } from "./user.ts";

export const INVITATION_DAYS = 7;
export const RESET_MINUTES = 30;
const MINUTE_MS = 60_000;

export type Purpose = "invitation" | "setup" | "reset";
const MINUTES: Record<Purpose, number> = {
  invitation: INVITATION_DAYS * 24 * 60,
  setup: 24 * 60,
  reset: RESET_MINUTES,
};

const schema = defineEntity({
  name: "AccessLink",
  tableName: "access_link",
  ...lookedUpTable,
  indexes: [{ properties: ["tokenHash"] }],
  properties: {
    ...tenantKey(),
    // Null for the set-up link, which makes the first account (INS-1).
    user: () => toUser().nullable(),
    purpose: p.enum(["invitation", "setup", "reset"] as const),
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

/** What the database knows of a token: nothing that could be used as one. */
export const hashToken = (token: string): Buffer => createHash("sha256").update(token).digest();

/** Opens a link and gives its token, which exists nowhere else: show it once, keep it nowhere. */
export function openLink(
  em: EntityManager,
  { tenantId, purpose, user, by, now }: OpenedLink,
): { link: AccessLink; token: string } {
  const token = randomBytes(32).toString("base64url");
  const link = em.create(AccessLink, {
    tenantId,
    id: randomUUIDv7(),
    user,
    purpose,
    tokenHash: hashToken(token),
    expiresAt: new Date(now.getTime() + MINUTES[purpose] * MINUTE_MS),
    usedAt: null,
    revokedAt: null,
    createdById: by?.id ?? null,
    createdAt: now,
  });
  em.persist(link);
  return { link, token };
}

interface OpenedLink {
  tenantId: string;
  purpose: Purpose;
  user: User | null;
  by: { id: string } | null;
  now: Date;
}

/** Shuts what is still open of these links; the caller flushes. */
export async function revokeLinks(
  em: EntityManager,
  which: { purpose: "setup" } | { userId: string },
  { now }: { now: Date },
): Promise<AccessLink[]> {
  const of = "userId" in which ? { user: { id: which.userId } } : { purpose: which.purpose };
  const links = await em.find(AccessLink, { ...of, usedAt: null, revokedAt: null, expiresAt: { $gt: now } });
  for (const link of links) link.revokedAt = now;
  return links;
}

/** The link behind a token if it still opens something, held until the end of the transaction: two uses cannot both find it. */
export async function holdOpenLink(
  em: EntityManager,
  id: string,
  { purpose, now }: { purpose: Purpose; now: Date },
): Promise<AccessLink | null> {
  const link = await em.findOne(AccessLink, { id, purpose }, { lockMode: LockMode.PESSIMISTIC_WRITE, populate: [] });
  return link?.isOpen(now) ? link : null;
}
