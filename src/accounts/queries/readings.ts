import type { EntityManager } from "@mikro-orm/postgresql";
import { PAGE_SIZE, type Paged, paged } from "../../platform/db/paging.ts";

export interface ReadingLine {
  id: string;
  at: Date;
  userId: string;
  page: string;
  subjectId: string | null;
  address: string;
}

/** Local days of the tenant's zone, both included. */
export interface ReadingFilter {
  userId?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  zone: string;
}

/** Writes that a person read a page of people [PRM-32]. */
export async function writeReading(
  em: EntityManager,
  { tenantId, userId, page, subjectId, address }: Omit<ReadingLine, "id" | "at"> & { tenantId: string },
): Promise<void> {
  await em.execute(
    "insert into people_read (tenant_id, id, user_id, page, subject_id, address) values (?, uuidv7(), ?, ?, ?, ?)",
    [tenantId, userId, page, subjectId, address],
  );
}

/** One page of the readings, newest first [HIS-16]. */
export async function listReadings(
  em: EntityManager,
  { userId, from, to, zone }: ReadingFilter,
  { mark, size = PAGE_SIZE }: { mark: { id: string; back: boolean } | null; size?: number },
): Promise<Paged<ReadingLine>> {
  const conditions = ["true"];
  const values: unknown[] = [];
  const add = (condition: string, ...given: unknown[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  if (userId) add("(r.user_id = ? or r.subject_id = ?)", userId, userId);
  if (from) add("r.at >= (?::date)::timestamp at time zone ?", from, zone);
  if (to) add("r.at < (?::date + 1)::timestamp at time zone ?", to, zone);
  const where = conditions.join(" and ");
  const [{ total }] = (await em.execute<{ total: number }[]>(
    `select count(*)::int as total from people_read r where ${where}`,
    values,
  )) as [{ total: number }];
  const backwards = mark?.back ?? false;
  const found = await em.execute<ReadingRow[]>(
    `select r.id, r.at, r.user_id, r.page, r.subject_id, r.address from people_read r
     where ${where} ${mark ? `and r.id ${backwards ? ">" : "<"} ?::uuid` : ""} order by r.id ${backwards ? "asc" : "desc"} limit ?`,
    [...values, ...(mark ? [mark.id] : []), size + 1],
  );
  return paged(found, { backwards, size, more: mark !== null, total, markOf: (row) => row.id, line: toLine });
}

interface ReadingRow {
  id: string;
  at: string;
  user_id: string;
  page: string;
  subject_id: string | null;
  address: string;
}

const toLine = ({ id, at, user_id, page, subject_id, address }: ReadingRow): ReadingLine => ({
  id,
  at: new Date(at),
  userId: user_id,
  page,
  subjectId: subject_id,
  address,
});
