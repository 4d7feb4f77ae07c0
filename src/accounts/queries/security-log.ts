import type { EntityManager } from "@mikro-orm/postgresql";
import { PAGE_SIZE, type Paged, paged } from "../../platform/db/paging.ts";
import type { SecurityKind } from "../security-event.ts";

export interface SecurityLine {
  id: string;
  at: Date;
  kind: SecurityKind;
  userId: string | null;
  actorId: string | null;
  address: string;
  userAgent: string;
  detail: Record<string, unknown>;
}

export interface SecurityFilter {
  kind?: string | undefined;
  userId?: string | undefined;
  /** Local days of the tenant's zone, both included. */
  from?: string | undefined;
  to?: string | undefined;
  zone: string;
}

/** One page of the security log, newest first. */
export async function listSecurityEvents(
  em: EntityManager,
  { kind, userId, from, to, zone }: SecurityFilter,
  { mark, size = PAGE_SIZE }: { mark: { id: string; back: boolean } | null; size?: number },
): Promise<Paged<SecurityLine>> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const add = (condition: string, ...given: unknown[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (kind) add("e.kind = ?", kind);
  if (userId) add("(e.user_id = ? or e.actor_id = ?)", userId, userId);
  if (from) add("e.at >= (?::date)::timestamp at time zone ?", from, zone);
  if (to) add("e.at < (?::date + 1)::timestamp at time zone ?", to, zone);
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  const [{ total }] = (await em.execute<{ total: number }[]>(
    `select count(*)::int as total from security_event e ${where}`,
    values,
  )) as [{ total: number }];
  const backwards = mark?.back ?? false;
  const seek = mark ? `${where ? "and" : "where"} e.id ${backwards ? ">" : "<"} ?::uuid` : "";
  const found = await em.execute<SecurityRow[]>(
    `select e.id, e.at, e.kind, e.user_id, e.actor_id, e.address, e.user_agent, e.detail from security_event e
     ${where} ${seek} order by e.id ${backwards ? "asc" : "desc"} limit ?`,
    [...values, ...(mark ? [mark.id] : []), size + 1],
  );
  return paged(found, { backwards, size, more: mark !== null, total, markOf: (row) => row.id, line: toSecurityLine });
}

/** What the browsers that opened this account said of themselves, each once. */
export async function listUsedAgents(em: EntityManager, userId: string): Promise<string[]> {
  const rows = await em.execute<{ user_agent: string }[]>(
    "select distinct user_agent from security_event where user_id = ? and kind = 'sign_in.succeeded'",
    [userId],
  );
  return rows.map(({ user_agent }) => user_agent);
}

interface SecurityRow {
  id: string;
  at: string;
  kind: SecurityKind;
  user_id: string | null;
  actor_id: string | null;
  address: string;
  user_agent: string;
  detail: Record<string, unknown>;
}

const toSecurityLine = (row: SecurityRow): SecurityLine => ({
  id: row.id,
  at: new Date(row.at),
  kind: row.kind,
  userId: row.user_id,
  actorId: row.actor_id,
  address: row.address,
  userAgent: row.user_agent,
  detail: row.detail,
});
