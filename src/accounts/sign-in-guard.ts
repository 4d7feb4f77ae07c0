import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { lookedUpTable } from "../platform/db/entity.ts";

const schema = defineEntity({
  name: "SignInGuard",
  tableName: "sign_in_guard",
  ...lookedUpTable,
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    failures: p.integer().default(0),
    lockedUntil: p.datetime().nullable(),
    lastSignInAt: p.datetime().nullable(),
    lastMethod: p.text().nullable(),
    // Apart from those of the password: knowing it must not give back tries at the code (ACC-13).
    codeFailures: p.integer().default(0),
    lastStep: p.bigint("number").nullable(),
  },
});

/** Failures and lock of one account (ACC-3), on the database clock and in PostgreSQL, so that no restart resets it. */
export class SignInGuard extends schema.class {}
schema.setClass(SignInGuard);
export const SignInGuardSchema = schema;

export const MOST_FAILURES = 5;
export const LOCK_MINUTES = 15;

export interface Account {
  tenantId: string;
  userId: string;
}

/**
 * Takes a number for one attempt, before the password is looked at: of any number of guesses sent at once, only the
 * first five are ever compared [P16]. Gives the rank of this failure-to-be since the last success or the end of the
 * last lock; from the fifth on the account is locked, and beyond it even the right password is refused.
 */
export async function takeAttempt(em: EntityManager, { tenantId, userId }: Account): Promise<number> {
  const [row] = await em.execute<{ failures: number }[]>(
    `insert into sign_in_guard as g (tenant_id, id, failures) values (?, ?, 1)
     on conflict (tenant_id, id) do update set
       failures = case when g.locked_until <= app_now() then 1 else g.failures + 1 end,
       locked_until = case
         when g.locked_until > app_now() then g.locked_until
         when g.locked_until is null and g.failures + 1 >= ${MOST_FAILURES} then app_now() + interval '${LOCK_MINUTES} minutes'
       end,
       code_failures = case when g.locked_until <= app_now() then 0 else g.code_failures end
     returning failures`,
    [tenantId, userId],
  );
  return row!.failures;
}

/**
 * The same for a code of the second factor: its fifth failure locks the account, password included, and while a lock
 * lasts no code is compared [ACC-13].
 */
export async function takeCodeAttempt(em: EntityManager, { tenantId, userId }: Account): Promise<number> {
  const [row] = await em.execute<{ rank: number }[]>(
    `insert into sign_in_guard as g (tenant_id, id, code_failures) values (?, ?, 1)
     on conflict (tenant_id, id) do update set
       code_failures = case when g.locked_until <= app_now() then 1 else g.code_failures + 1 end,
       failures = case
         when g.locked_until <= app_now() then 0
         when g.code_failures + 1 >= ${MOST_FAILURES} then greatest(g.failures, ${MOST_FAILURES})
         else g.failures
       end,
       locked_until = case
         when g.locked_until > app_now() then g.locked_until
         when g.locked_until is null and g.code_failures + 1 >= ${MOST_FAILURES} then app_now() + interval '${LOCK_MINUTES} minutes'
       end
     returning case when code_failures < ${MOST_FAILURES} and failures >= ${MOST_FAILURES} then failures + 1 else code_failures end as rank`,
    [tenantId, userId],
  );
  return row!.rank;
}

/** Takes a step of 30 s for this account; false when it, or a later one, was used before: no code works twice [ACC-12]. */
export async function claimStep(em: EntityManager, { tenantId, userId }: Account, step: number): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `insert into sign_in_guard as g (tenant_id, id, last_step) values (?, ?, ?)
     on conflict (tenant_id, id) do update set last_step = excluded.last_step
       where g.last_step is null or g.last_step < excluded.last_step
     returning id`,
    [tenantId, userId, step],
  );
  return rows.length > 0;
}

/** The code was right too: everything counted is forgotten. An administrator who lifts a lock does the same. */
export async function forgetCodeFailures(em: EntityManager, { tenantId, userId }: Account): Promise<void> {
  await em.execute(
    "update sign_in_guard set failures = 0, code_failures = 0, locked_until = null where tenant_id = ? and id = ?",
    [tenantId, userId],
  );
}

/** The password was right: its failures and the lock are forgotten [ACC-3]; those of the code are not. */
export async function forgetFailures(em: EntityManager, { tenantId, userId }: Account): Promise<void> {
  await em.execute("update sign_in_guard set failures = 0, locked_until = null where tenant_id = ? and id = ?", [
    tenantId,
    userId,
  ]);
}

/** Gives one attempt back: the password was right for another account of the same person. */
export async function giveBackAttempt(em: EntityManager, { tenantId, userId }: Account): Promise<void> {
  await em.execute(
    `update sign_in_guard set failures = greatest(failures - 1, 0),
       locked_until = case when failures - 1 >= ${MOST_FAILURES} then locked_until end
     where tenant_id = ? and id = ?`,
    [tenantId, userId],
  );
}

/** Last sign-in and its way [ACC-19]. */
export async function noteSignIn(em: EntityManager, { tenantId, userId }: Account, method: string): Promise<void> {
  await em.execute(
    `insert into sign_in_guard (tenant_id, id, last_sign_in_at, last_method) values (?, ?, app_now(), ?)
     on conflict (tenant_id, id) do update set last_sign_in_at = app_now(), last_method = excluded.last_method`,
    [tenantId, userId, method],
  );
}
