import { createHash, randomInt, randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { bytes, createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import type { Account } from "./sign-in-guard.ts";
import { toUser, type User } from "./user.ts";

const schema = defineEntity({
  name: "RecoveryCode",
  tableName: "recovery_code",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "user"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    codeHash: bytes(),
    usedAt: p.datetime().nullable(),
    ...createdAt(),
  },
});

/** One of the ten ways back in when the telephone is lost; works once, only its hash is kept (ACC-12). */
export class RecoveryCode extends schema.class {}
schema.setClass(RecoveryCode);
export const RecoveryCodeSchema = schema;

export const RECOVERY_CODES = 10;
// No I, L, O nor U: copied by hand from paper. Sixteen signs are 80 bits, which a plain hash protects.
const SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 16;

/** Replaces all the codes of a person and gives the new ones, which exist nowhere else: show them once. */
export async function drawRecoveryCodes(em: EntityManager, user: User): Promise<string[]> {
  await forgetRecoveryCodes(em, user);
  const { tenantId, id: userId } = user;
  return Array.from({ length: RECOVERY_CODES }, () => {
    const code = Array.from({ length: LENGTH }, () => SIGNS[randomInt(SIGNS.length)]).join("");
    const codeHash = hashCode({ tenantId, userId }, code);
    em.persist(em.create(RecoveryCode, { tenantId, id: randomUUIDv7(), user, codeHash, usedAt: null }));
    return code.replace(/.{4}(?=.)/g, "$&-");
  });
}

export async function forgetRecoveryCodes(em: EntityManager, { id }: { id: string }): Promise<void> {
  await em.nativeDelete(RecoveryCode, { user: { id } });
}

/** Uses a code up, in one statement: of two at once, one finds it. */
export async function spendRecoveryCode(
  em: EntityManager,
  account: Account,
  typed: string,
  now: Date,
): Promise<boolean> {
  const { tenantId, userId } = account;
  const unused = { tenantId, user: { id: userId }, codeHash: hashCode(account, tidyCode(typed)), usedAt: null };
  return (await em.nativeUpdate(RecoveryCode, unused, { usedAt: now })) > 0;
}

export const countRecoveryCodes = (em: EntityManager, userId: string): Promise<number> =>
  em.count(RecoveryCode, { user: { id: userId }, usedAt: null });

/** As it was drawn, whatever the dashes, the case and the letters taken for figures. */
const tidyCode = (typed: string) =>
  typed
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1");

/** Whether this text has the shape of a recovery code. */
export const isRecoveryCode = (text: string): boolean =>
  /^[0-9a-z\s-]{16,40}$/i.test(text) && new RegExp(`^[${SIGNS}]{${LENGTH}}$`).test(tidyCode(text));

const hashCode = ({ tenantId, userId }: Account, code: string) =>
  createHash("sha256").update(`${tenantId}:${userId}:${code}`).digest();
