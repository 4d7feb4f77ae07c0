import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { type Mark, PAGE_SIZE, type Paged, paged } from "../platform/db/paging.ts";
import type { FileState } from "../platform/storage/file.ts";
import { type DocumentKind, TRASH_DAYS } from "./document.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** A version with its file, as pages show it. */
export interface VersionLine {
  number: number;
  fileId: string;
  blob: string;
  name: string;
  type: string;
  size: number;
  sha256: Buffer;
  state: FileState;
  ownerId: string;
  at: Date;
}

type VersionRow = Omit<VersionLine, "size" | "at"> & { size: string; at: string };

const VERSION = sql`v.number, f.id as "fileId", f.blob, f.name, f.type, f.size, f.sha256, f.state, f.owner_id as "ownerId", f.created_at as at`;

const toVersion = ({ size, at, ...row }: VersionRow): VersionLine => ({ ...row, size: Number(size), at: new Date(at) });

/** All versions of a document, the last one first. */
export async function listVersions(em: EntityManager, documentId: string): Promise<VersionLine[]> {
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from document_version v join file f on f.tenant_id = v.tenant_id and f.id = v.file_id
    where v.document_id = ${documentId}::uuid order by v.number desc`.execute(transaction(em));
  return rows.map(toVersion);
}

export async function findVersion(
  em: EntityManager,
  { documentId, number }: { documentId: string; number: number },
): Promise<VersionLine | null> {
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from document_version v join file f on f.tenant_id = v.tenant_id and f.id = v.file_id
    where v.document_id = ${documentId}::uuid and v.number = ${number}`.execute(transaction(em));
  return rows[0] ? toVersion(rows[0]) : null;
}

/** Which document shows this file, or null. */
export async function documentOfFile(em: EntityManager, fileId: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select document_id as id from document_version where file_id = ${fileId}::uuid`.execute(transaction(em));
  return rows[0]?.id ?? null;
}

/** A document and the version in force: the last one that may be read, else the last one. */
export interface DocumentLine extends VersionLine {
  id: string;
  title: string;
  kind: DocumentKind;
  trashedAt: Date | null;
  /** The last version, when it is not the one in force. */
  newer: { number: number; state: FileState } | null;
}

type DocumentRow = VersionRow & {
  id: string;
  title: string;
  kind: DocumentKind;
  trashedAt: string | null;
  newerNumber: number | null;
  newerState: FileState | null;
  mark: string;
};

/** Each order is total: the id settles ties. */
const ORDERS: Record<string, RawBuilder<string>> = {
  title: sql`lower(public.unaccent(d.title))`,
  kind: sql`d.kind`,
  size: sql`lpad(c.size::text, 15, '0')`,
  date: sql`to_char(c.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`,
};
export type DocumentOrder = "title" | "kind" | "size" | "date";
export const isDocumentOrder = (text: string | undefined): text is DocumentOrder =>
  text !== undefined && Object.hasOwn(ORDERS, text);

export interface DocumentFilter {
  q?: string | undefined;
  kind?: DocumentKind | undefined;
  trashed: boolean;
}

/** One page of documents by keyset, and how many there are. */
export async function listDocuments(
  em: EntityManager,
  { q, kind, trashed }: DocumentFilter,
  {
    order,
    descending,
    mark,
    size = PAGE_SIZE,
  }: { order: DocumentOrder; descending: boolean; mark: Mark | null; size?: number },
): Promise<Paged<DocumentLine>> {
  const conditions = [trashed ? sql`d.trashed_at is not null` : sql`d.trashed_at is null`];
  for (const word of (q ?? "").split(/\s+/u).filter(Boolean).slice(0, 5)) {
    const like = `%${word.replace(/[\\%_]/g, "\\$&")}%`;
    conditions.push(sql`public.unaccent(lower(d.title || ' ' || c.name)) like public.unaccent(lower(${like}))`);
  }
  if (kind) conditions.push(sql`d.kind = ${kind}`);
  const key = ORDERS[order]!;
  const backwards = mark?.back ?? false;
  const down = descending !== backwards;
  const way = down ? sql`desc` : sql`asc`;
  const seek = mark ? sql`and (${key}, d.id) ${down ? sql`<` : sql`>`} (${mark.value}, ${mark.id}::uuid)` : sql``;
  const documents = sql`
    from document d
    join lateral (
      select ${VERSION} from document_version v join file f on f.tenant_id = v.tenant_id and f.id = v.file_id
      where v.tenant_id = d.tenant_id and v.document_id = d.id
      order by f.state = 'clean' desc, v.number desc limit 1) c on true
    where ${sql.join(conditions, sql` and `)}`;
  const { rows: counted } = await sql<{ total: number }>`select count(*)::int as total ${documents}`.execute(
    transaction(em),
  );
  const { rows } = await sql<DocumentRow>`
    select d.id, d.title, d.kind, d.trashed_at as "trashedAt", c.*, n.number as "newerNumber", n.state as "newerState", d.mark
    from (select d.*, ${key} as mark ${documents} ${seek} order by ${key} ${way}, d.id ${way} limit ${size + 1}) d
    join lateral (
      select ${VERSION} from document_version v join file f on f.tenant_id = v.tenant_id and f.id = v.file_id
      where v.tenant_id = d.tenant_id and v.document_id = d.id
      order by f.state = 'clean' desc, v.number desc limit 1) c on true
    left join lateral (
      select v.number, f.state from document_version v join file f on f.tenant_id = v.tenant_id and f.id = v.file_id
      where v.tenant_id = d.tenant_id and v.document_id = d.id and v.number > c.number
      order by v.number desc limit 1) n on true
    order by d.mark ${way}, d.id ${way}`.execute(transaction(em));
  return paged(rows, {
    backwards,
    size,
    more: mark !== null,
    total: counted[0]!.total,
    markOf: (row) => row.mark,
    line: ({ mark: _mark, newerNumber, newerState, trashedAt, id, title, kind: its, ...version }) => ({
      ...toVersion(version),
      id,
      title,
      kind: its,
      trashedAt: trashedAt === null ? null : new Date(trashedAt),
      newer: newerNumber === null ? null : { number: newerNumber, state: newerState! },
    }),
  });
}

/** Takes away for good what has been in the trash long enough, files included. Gives how many documents left. */
export async function purgeTrash(em: EntityManager): Promise<number> {
  const old = sql`(select id from document where trashed_at <= app_now() - make_interval(days => ${sql.lit(TRASH_DAYS)}))`;
  await sql`delete from file where id in (select file_id from document_version where document_id in ${old})`.execute(
    transaction(em),
  );
  await sql`delete from document_version where document_id in ${old}`.execute(transaction(em));
  const { numAffectedRows } = await sql`delete from document where id in ${old}`.execute(transaction(em));
  return Number(numAffectedRows ?? 0);
}

/** Whether these changesets touch documents, as a live topic. */
export async function documentsTouched(em: EntityManager, changesetIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ touched: boolean }>`
    select exists (select from change where changeset_id = any (${changesetIds}::uuid[]) and table_name in ('document', 'document_version'))
      or exists (select from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
        where c.id = any (${changesetIds}::uuid[]) and a.subject_type = 'document') as touched`.execute(
    transaction(em),
  );
  return rows[0]!.touched ? ["documents"] : [];
}
