import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Kind } from "./kinds.ts";
import { KEPT_DAYS } from "./notification.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export interface Told {
  kind: Kind;
  /** Accounts to tell; those closed, and those who silenced this kind, are left out. */
  to: string[];
  /** One French sentence. */
  text: string;
  /** Where to look at it. */
  path: string | null;
}

/** Tells people something, in the transaction of its cause (ACT-5). */
export async function notify(em: EntityManager, { kind, to, text, path }: Told): Promise<void> {
  if (to.length === 0) return;
  await sql`
    insert into notification (tenant_id, id, user_id, kind, text, path, changeset_id)
    select u.tenant_id, uuidv7(), u.id, ${kind}, ${text}, ${path}, nullif(current_setting('app.changeset_id', true), '')::uuid
    from app_user u where u.id = any (${to}::uuid[]) and u.deactivated_at is null and ${kind} <> all (u.silenced)`.execute(
    transaction(em),
  );
}

/** The same, but one a day where the organisation is: what is told again takes the place of what was, unread. */
export async function notifyOncePerDay(em: EntityManager, { kind, to, text, path }: Told): Promise<void> {
  const { rows } = await sql<{ user_id: string }>`
    update notification n set text = ${text}, read_at = null, changeset_id = nullif(current_setting('app.changeset_id', true), '')::uuid
    from tenant t where t.id = n.tenant_id and n.kind = ${kind} and n.user_id = any (${to}::uuid[])
      and n.created_at >= date_trunc('day', app_now(), t.zone)
    returning n.user_id`.execute(transaction(em));
  const told = new Set(rows.map(({ user_id }) => user_id));
  await notify(em, { kind, to: to.filter((id) => !told.has(id)), text, path });
}

/** Accounts that have one of these roles. */
export async function peopleWith(em: EntityManager, roles: string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from app_user where roles && ${roles}::text[]`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

export interface NotificationLine {
  id: string;
  kind: Kind;
  text: string;
  path: string | null;
  at: Date;
  isRead: boolean;
}

export interface NotificationPage {
  lines: NotificationLine[];
  newer: string | null;
  older: string | null;
}

/** A person's notifications, newest first, one page by keyset. */
export async function listNotifications(
  em: EntityManager,
  { userId, unread }: { userId: string; unread: boolean },
  { before, after, size }: { before?: string | undefined; after?: string | undefined; size: number },
): Promise<NotificationPage> {
  const bound = after ? sql`id > ${after}::uuid` : before ? sql`id < ${before}::uuid` : sql`true`;
  const { rows } = await sql<{ id: string; kind: Kind; text: string; path: string | null; at: string; read: boolean }>`
    select id, kind, text, path, created_at as at, read_at is not null as read from notification
    where user_id = ${userId}::uuid and ${unread ? sql`read_at is null` : sql`true`} and ${bound}
      and created_at > app_now() - make_interval(days => ${sql.lit(KEPT_DAYS)})
    order by id ${after ? sql`asc` : sql`desc`} limit ${sql.lit(size + 1)}`.execute(transaction(em));
  const more = rows.length > size;
  const shown = after ? rows.slice(0, size).reverse() : rows.slice(0, size);
  const lines = shown.map(({ at, read, ...line }) => ({ ...line, at: new Date(at), isRead: read }));
  const [newest, oldest] = [lines.at(0)?.id ?? null, lines.at(-1)?.id ?? null];
  return {
    lines,
    newer: after ? (more ? newest : null) : before ? newest : null,
    older: after || more ? oldest : null,
  };
}

/** Marks one notification of this person as read. Gives where it leads, or undefined when it is not theirs. */
export async function markRead(
  em: EntityManager,
  { userId, id }: { userId: string; id: string },
): Promise<{ path: string | null } | undefined> {
  const { rows } = await sql<{ path: string | null }>`
    update notification set read_at = coalesce(read_at, app_now()) where id = ${id}::uuid and user_id = ${userId}::uuid
    returning path`.execute(transaction(em));
  return rows[0];
}

/** Marks all of them as read. Gives how many were not. */
export async function markAllRead(em: EntityManager, userId: string): Promise<number> {
  const { numAffectedRows } = await sql`
    update notification set read_at = app_now() where user_id = ${userId}::uuid and read_at is null`.execute(
    transaction(em),
  );
  return Number(numAffectedRows ?? 0);
}

/** Forgets what is older than it is listed. Gives how many. */
export async function purgeNotifications(em: EntityManager): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from notification where created_at <= app_now() - make_interval(days => ${sql.lit(KEPT_DAYS)})`.execute(
    transaction(em),
  );
  return Number(numAffectedRows ?? 0);
}

/** Who was told something by these changesets, as live topics. */
export async function toldBy(em: EntityManager, changesetIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ user_id: string }>`
    select distinct user_id from notification where changeset_id = any (${changesetIds}::uuid[])`.execute(
    transaction(em),
  );
  return rows.map(({ user_id }) => topicOf(user_id));
}

/** The hub's name for what one person is told. */
export const topicOf = (userId: string): string => `notifications:${userId}`;
