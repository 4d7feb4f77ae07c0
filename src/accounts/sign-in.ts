import { randomBytes } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Database } from "../platform/db/index.ts";
import { sendMail } from "../platform/mail/outbox.ts";
import { Credential } from "./credential.ts";
import { deviceOf } from "./device.ts";
import { accountLocked, newDevice } from "./mails.ts";
import { hashPassword, needsRehash, verifyPassword } from "./password.ts";
import { listUsedAgents } from "./queries/security-log.ts";
import type { Role } from "./roles.ts";
import { noteSecurity, type Origin } from "./security-event.ts";
import { mayStay } from "./session.ts";
import { sweepSessions } from "./session-rows.ts";
import {
  type Account,
  forgetFailures,
  giveBackAttempt,
  MOST_FAILURES,
  noteSignIn,
  takeAttempt,
} from "./sign-in-guard.ts";
import { INSTANCE_ID, Tenant } from "./tenant.ts";
import { aboutUser, tidyEmail, User } from "./user.ts";

/** The one sentence of every refusal: unknown, wrong, locked, deactivated, not yet activated [ACC-2]. */
export const REFUSED =
  "L’adresse ou le mot de passe ne convient pas. Vérifiez les deux ; après cinq échecs, le compte attend quinze minutes.";

export type SignInMethod = "password" | "password_code" | "password_recovery" | "demo";

/** An account whose password has just been proved. */
export interface Proved extends Account {
  tenantName: string;
  givenName: string;
  familyName: string;
  roles: Role[];
}

interface Candidate extends Account {
  /** Nobody's: an address without account, so that its refusal costs the same work. */
  stranger: boolean;
  passwordHash: string;
  proved: Proved | null;
}

interface Row {
  tenant_id: string;
  tenant_name: string;
  user_id: string;
  given_name: string;
  family_name: string;
  roles: Role[];
  password_hash: string | null;
}

const NOBODY = "00000000-0000-7000-8000-000000000000";
// Of a text nobody knows: comparing with it takes as long as with a real one, and never succeeds.
const noHash = hashPassword(randomBytes(32).toString("base64url"));

/**
 * The accounts this e-mail and password open, in one or several organisations [TEN-3]; none for every refusal, after
 * the same work [ACC-2]. Attempts are counted before the passwords are compared, on the database clock [ACC-3].
 */
export async function proveSignIn(
  db: Database,
  { email, password }: { email: string; password: string },
  from: Origin,
  now: Date,
): Promise<Proved[]> {
  const tries = await Promise.all((await candidates(db, email)).map((one) => attempt(db, one, password)));
  const right = tries.filter((one) => one.right);
  if (right.length === 0) {
    for (const one of tries) await noteFailure(db, one, from, "sign_in.failed", now);
    return [];
  }
  const trusted = await isOldPassword(db, right, now);
  for (const { candidate } of right) await settle(db, candidate, password, now);
  for (const one of tries) {
    if (one.right) continue;
    // A person with one address and several passwords must not lock their other accounts each time they sign in. But
    // whoever could set a password at will on one account could then guess at another for free: a day apart at least.
    if (trusted) await db.note(one.candidate.tenantId, (em) => giveBackAttempt(em, one.candidate));
    else await noteFailure(db, one, from, "sign_in.failed", now);
  }
  return right.map(({ candidate }) => candidate.proved!);
}

/** Whether this is the password of a signed-in person, asked again before a sensitive act; failures count alike. */
export async function provePassword(
  db: Database,
  account: Account,
  password: string,
  from: Origin & { now: Date },
): Promise<boolean> {
  const { tenantId, userId } = account;
  const credential = await db.read(tenantId, (em) => em.findOne(Credential, { tenantId, id: userId }));
  const passwordHash = credential?.passwordHash ?? (await noHash);
  const one = await attempt(db, { ...account, passwordHash, stranger: false, proved: null }, password);
  if (!one.right) {
    await noteFailure(db, one, from, "step_up.failed", from.now);
    return false;
  }
  await db.note(tenantId, async (em) => {
    await forgetFailures(em, account);
    noteSecurity(em, from, { kind: "step_up.succeeded", userId, tenantId, detail: { method: "password" } });
  });
  return true;
}

/** Once the session is open: the account remembers it, the log says it, dead sessions are swept. */
export async function welcome(
  db: Database,
  account: Account,
  from: Origin,
  { method, stayDays, now }: { method: SignInMethod; stayDays: number; now: Date },
): Promise<void> {
  const { tenantId, userId } = account;
  await db.note(tenantId, async (em) => {
    if (method !== "demo") await tellNewDevice(em, account, from, now);
    await noteSignIn(em, account, method);
    await sweepSessions(em, userId);
    noteSecurity(em, from, { kind: "sign_in.succeeded", userId, tenantId, detail: { method, stayDays } });
  });
}

/** Says to the person that their account was opened from a kind of browser it had never been opened from [ACC-19]. */
async function tellNewDevice(em: EntityManager, { tenantId, userId }: Account, from: Origin, now: Date): Promise<void> {
  const used = new Set((await listUsedAgents(em, userId)).map((agent) => deviceOf(agent).label));
  const device = deviceOf(from.headers["user-agent"] ?? "").label;
  // The very first sign-in has nothing to be compared with.
  if (used.size === 0 || used.has(device)) return;
  const user = await em.findOneOrFail(User, { tenantId, id: userId });
  const to = { address: user.email, person: aboutUser(user) };
  await sendMail(em, newDevice, { tenantId, to, payload: { at: now.toISOString(), device } });
}

/** Days this session may last with « Rester connecté », 0 for an ordinary one [ACC-10]. */
export async function stayDaysFor(db: Database, { tenantId, roles }: Proved, wanted: boolean): Promise<number> {
  if (!wanted) return 0;
  const { stayConnectedDays } = await db.read(tenantId, (em) => em.findOneOrFail(Tenant, { tenantId, id: tenantId }));
  return mayStay(roles, stayConnectedDays) ? stayConnectedDays : 0;
}

async function candidates(db: Database, email: string): Promise<Candidate[]> {
  const rows = await db.lookup<Row>("accounts", [tidyEmail(email)]);
  const known = rows.flatMap((row): Candidate[] => {
    if (row.password_hash === null) return [];
    const { tenant_id: tenantId, user_id: userId, password_hash: passwordHash } = row;
    const { tenant_name: tenantName, given_name: givenName, family_name: familyName, roles } = row;
    const proved = { tenantId, userId, tenantName, givenName, familyName, roles };
    return [{ tenantId, userId, passwordHash, stranger: false, proved }];
  });
  if (known.length > 0) return known;
  return [{ tenantId: INSTANCE_ID, userId: NOBODY, passwordHash: await noHash, stranger: true, proved: null }];
}

interface Attempt {
  candidate: Candidate;
  rank: number;
  right: boolean;
}

async function attempt(db: Database, candidate: Candidate, password: string): Promise<Attempt> {
  const rank = await db.note(candidate.tenantId, (em) => takeAttempt(em, candidate));
  const same = await verifyPassword(candidate.passwordHash, password);
  return { candidate, rank, right: same && rank <= MOST_FAILURES && !candidate.stranger };
}

async function noteFailure(
  db: Database,
  { candidate: { tenantId, userId, stranger }, rank }: Attempt,
  from: Origin,
  kind: "sign_in.failed" | "step_up.failed",
  now: Date,
): Promise<void> {
  await db.note(tenantId, async (em) => {
    if (stranger) {
      // Not the address: people type their password in the wrong field.
      noteSecurity(em, from, { kind, userId: null, tenantId, detail: { unknown: true } });
      return;
    }
    noteSecurity(em, from, { kind, userId, tenantId, detail: { rank } });
    if (rank !== MOST_FAILURES) return;
    // Only one attempt has this rank: once a lock [ACC-3].
    await tellLock(em, { tenantId, userId }, from, now);
  });
}

/** A lock in the security log and in a message to the person, once each [ACC-3, ACC-13]. */
export async function tellLock(em: EntityManager, account: Account, from: Origin, now: Date): Promise<void> {
  const { tenantId, userId } = account;
  noteSecurity(em, from, { kind: "account.locked", userId, tenantId });
  const user = await em.findOneOrFail(User, { tenantId, id: userId });
  const to = { address: user.email, person: aboutUser(user) };
  await sendMail(em, accountLocked, { tenantId, to, payload: { at: now.toISOString() } });
}

/** Failures forgotten, and the hash redone if its cost has risen since [ACC-6]. */
async function settle(db: Database, candidate: Candidate, password: string, now: Date): Promise<void> {
  const { tenantId, userId, passwordHash } = candidate;
  await db.note(tenantId, (em) => forgetFailures(em, candidate));
  if (!needsRehash(passwordHash)) return;
  const stronger = await hashPassword(password);
  const act = {
    tenantId,
    actorId: null,
    channel: "job" as const,
    code: "credential.rehashed",
    label: "Empreinte du mot de passe refaite avec un coût plus élevé",
    subject: aboutUser({ id: userId }),
    now,
  };
  await db.act(act, async (em) => {
    await em.nativeUpdate(Credential, { tenantId, id: userId, passwordHash }, { passwordHash: stronger });
  });
}

const DAY_MS = 24 * 3_600_000;

async function isOldPassword(db: Database, right: Attempt[], now: Date): Promise<boolean> {
  for (const { candidate } of right) {
    const { tenantId, userId } = candidate;
    const { changedAt } = await db.read(tenantId, (em) => em.findOneOrFail(Credential, { tenantId, id: userId }));
    if (now.getTime() - changedAt.getTime() < DAY_MS) return false;
  }
  return true;
}
