import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";

/** What each letter beyond ASCII becomes when the database compares texts, where it becomes another. */
export type Folding = ReadonlyMap<string, string>;

let known: Folding | undefined;

/** Asked once by each process: the rules are those of the server, and are tables of it (IMP-20). */
export async function foldingOf(em: EntityManager): Promise<Folding> {
  if (known) return known;
  const { rows } = await sql<{ letter: string; folded: string }>`
    select l.letter, f.folded from generate_series(161, 65533) c, lateral (select chr(c) as letter offset 0) l,
      lateral (select folded(l.letter) as folded offset 0) f
    where c not between 55296 and 57343 and f.folded <> l.letter collate "C"`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  known = new Map(rows.map(({ letter, folded }) => [letter, folded]));
  return known;
}
