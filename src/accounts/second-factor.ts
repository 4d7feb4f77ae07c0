import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { generateSecret, generateURI, verify } from "otplib";
import { type Closed, close, open } from "../platform/cipher.ts";
import { bytes, lookedUpTable } from "../platform/db/entity.ts";
import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { drawRecoveryCodes, forgetRecoveryCodes } from "./recovery-code.ts";
import { type Account, claimStep } from "./sign-in-guard.ts";
import { aboutUser, type By, User } from "./user.ts";

const schema = defineEntity({
  name: "SecondFactor",
  tableName: "second_factor",
  ...lookedUpTable,
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    user: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    seed: bytes(),
    keyId: p.text(),
    // The tracked column: history says that a telephone was enrolled, never its key (HIS-3).
    confirmedAt: p.datetime(),
  },
});

/** The telephone of a person, as the seed of its codes, closed with a key that is not in the database (ACC-12, P57). */
export class SecondFactor extends schema.class {}
schema.setClass(SecondFactor);
export const SecondFactorSchema = schema;

const STEP_SECONDS = 30;
const ISSUER = "OpsTracker";
const USE = "second-factor";
const rowOf = ({ tenantId, userId }: Account) => `${tenantId}:${userId}`;

/** A new key for an authenticator application, in base 32. */
export const drawKey = (): string => generateSecret({ length: 20 });

// Past this a telephone shows no more of it, and a drawing of any name would end too dense to be read.
const LONGEST_NAME = 60;

/** What the QR code says, and what a telephone opens by itself. */
export function keyUri(key: string, { email, tenant }: { email: string; tenant: string }): string {
  const signs = [...tenant];
  const name = signs.length > LONGEST_NAME ? `${signs.slice(0, LONGEST_NAME - 1).join("")}…` : tenant;
  return generateURI({ issuer: ISSUER, label: `${name} (${email})`, secret: key, period: STEP_SECONDS, digits: 6 });
}

/** Whether this text has the shape of a code of a telephone: six figures, however they are spaced. */
export const isTelephoneCode = (text: string): boolean => /^\d{6}$/.test(text.replace(/\s/g, ""));

/** The step of 30 s this code is for, one before and one after included; null when it is for none [ACC-12]. */
export async function stepOf(key: string, code: string, now: Date): Promise<number | null> {
  if (!isTelephoneCode(code)) return null;
  const token = code.replace(/\s/g, "");
  const epoch = Math.floor(now.getTime() / 1000);
  const found = await verify({ secret: key, token, epoch, period: STEP_SECONDS, epochTolerance: STEP_SECONDS });
  return found.valid ? Math.floor(epoch / STEP_SECONDS) + found.delta : null;
}

export const hasSecondFactor = (db: Database, { tenantId, userId }: Account): Promise<boolean> =>
  db.read(tenantId, async (em) => (await em.count(SecondFactor, { tenantId, id: userId })) > 0);

/** As it stands in the row of this account: what no copy of the database can read [P57]. */
export const closeKey = (key: string, account: Account, secret: string): Closed =>
  close(secret, USE, key, rowOf(account));

/** The key of a person's telephone, or null when they have none. Throws CannotOpen once SECRET has changed. */
export async function findKey(em: EntityManager, account: Account, secret: string): Promise<string | null> {
  const factor = await em.findOne(SecondFactor, { tenantId: account.tenantId, id: account.userId });
  return factor && open(secret, USE, { keyId: factor.keyId, bytes: factor.seed }, rowOf(account));
}

/**
 * Takes a telephone as second factor once one of its codes proves it, in place of the former if there was one. Gives the
 * ten recovery codes, to be shown once [ACC-12]. The caller flushes.
 */
export async function enrolSecondFactor(
  em: EntityManager,
  user: User,
  { key, code }: { key: string; code: string },
  { secret, now }: { secret: string; now: Date },
): Promise<string[]> {
  const { tenantId, id } = user;
  if (user.supportOf != null) throw new RuleBroken("Un accès de support se prouve par le téléphone de l’instance.");
  const account = { tenantId, userId: id };
  const step = await stepOf(key, code, now);
  if (step === null || !(await claimStep(em, account, step))) {
    throw new RuleBroken(
      "Ce code n’est pas celui de cette clé. Attendez le code suivant, et vérifiez que l’heure de votre téléphone est réglée automatiquement.",
      "code",
    );
  }
  const { keyId, bytes: seed } = closeKey(key, account, secret);
  const known = await em.findOne(SecondFactor, { tenantId, id });
  const factor = known ?? em.create(SecondFactor, { tenantId, id, user, seed, keyId, confirmedAt: now });
  Object.assign(factor, { seed, keyId, confirmedAt: now });
  em.persist(factor);
  record(em, "user.second_factor_enrolled", aboutUser(user), { replaced: known !== null });
  return drawRecoveryCodes(em, user);
}

/** Ten other recovery codes; the former ones are worth nothing from then on. The caller flushes. */
export async function renewRecoveryCodes(em: EntityManager, user: User): Promise<string[]> {
  await refuseWithout(em, user);
  record(em, "user.recovery_codes_renewed", aboutUser(user), {});
  return drawRecoveryCodes(em, user);
}

/** A person gives up their own second factor, a code of it just proved [ACC-11]. */
export async function removeSecondFactor(em: EntityManager, user: User): Promise<void> {
  await forget(em, user);
  record(em, "user.second_factor_removed", aboutUser(user), {});
}

/** Takes away the factor of somebody who lost their telephone; their sessions close, by reaction [ACC-13]. */
export async function resetSecondFactor(em: EntityManager, user: User, { by }: { by: By }): Promise<void> {
  if (by?.id === user.id) {
    throw new RuleBroken(
      "C’est votre propre compte : changez de téléphone depuis « Mon compte », ou demandez-le à une autre personne qui administre.",
    );
  }
  await forget(em, user);
  record(em, "user.second_factor_reset", aboutUser(user), { by: by?.id ?? null });
}

async function forget(em: EntityManager, user: User): Promise<void> {
  em.remove(await refuseWithout(em, user));
  await forgetRecoveryCodes(em, user);
}

async function refuseWithout(em: EntityManager, { tenantId, id }: User): Promise<SecondFactor> {
  const factor = await em.findOne(SecondFactor, { tenantId, id });
  if (!factor) throw new RuleBroken("Ce compte n’a pas de double authentification : il n’y a rien à changer.");
  return factor;
}
