import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Counts, ImportState } from "../import.ts";

const run = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Who follows an import of theirs [IMP-33]. */
export const importFollowers = (userId: string) => `imports ${userId}`;

/** The topics of imports that these changesets carried forward. */
export async function importsTouched(em: EntityManager, changesetIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ actor: string }>`
    select distinct a.actor_id as actor from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id
    where c.id = any (${changesetIds}::uuid[]) and a.code in ('import.run', 'import.started', 'import.cancelled')
      and a.actor_id is not null`.execute(run(em));
  return rows.map(({ actor }) => importFollowers(actor));
}

export interface ImportLine {
  id: string;
  kind: string;
  scopeId: string | null;
  fileName: string;
  state: ImportState;
  author: string;
  at: Date;
  lines: number;
  done: number;
  counts: Counts | null;
}

/** The last imports of one person, of one place, or of one person there; the last first. */
export async function listImports(
  em: EntityManager,
  {
    authorId,
    place,
    size,
  }: { authorId: string | null; place: { kind: string; scopeId: string | null } | null; size: number },
): Promise<ImportLine[]> {
  const { rows } = await sql<Omit<ImportLine, "at"> & { at: string }>`
    select i.id, i.kind, i.scope_id as "scopeId", coalesce(nullif(i.file_name, ''), 'Fichier effacé') as "fileName", i.state, i.counts, i.done,
      (i.survey ->> 'lines')::int as lines, coalesce(i.started_at, i.created_at) as at,
      coalesce(u.given_name || ' ' || u.family_name, 'Compte inconnu') as author
    from import i left join app_user u on u.tenant_id = i.tenant_id and u.id = i.author_id
    where (${authorId}::uuid is null or i.author_id = ${authorId}::uuid)
      and (${place?.kind ?? null}::text is null or (i.kind = ${place?.kind ?? null}::text and i.scope_id is not distinct from ${place?.scopeId ?? null}::uuid))
    order by i.id desc limit ${size}`.execute(run(em));
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}
