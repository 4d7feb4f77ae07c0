/** What the base holds, told in short: has a request changed anything, and where? */
import type pg from "pg";

/** What changes by itself while people only read: measures, on rows of their own (rulings 4). */
export const MEASURES: Record<string, { columns: string[] | "all"; why: string }> = {
  "public.session": { columns: ["last_seen_at"], why: "vue à l’instant, au plus une fois par minute" },
  "public.people_read": { columns: "all", why: "qui a lu quelle page de personnes (PRM-32)" },
  "public.rate_hit": { columns: "all", why: "compte les demandes par adresse" },
};

interface Question {
  light: string;
  whole: string;
  answered?: { marks: string; prints: Map<string, string> };
}
const asked = new WeakMap<pg.Client, Map<string, Question>>();

/** SHA-256 of the rows of each table, measures apart; of one organisation, or of everybody. */
export async function fingerprints(
  root: pg.Client,
  { tenantId = "" }: { tenantId?: string } = {},
): Promise<Map<string, string>> {
  const known = asked.get(root) ?? new Map<string, Question>();
  asked.set(root, known);
  const question = known.get(tenantId) ?? (await ask(root, tenantId));
  known.set(tenantId, question);
  // A row written has a newer transaction than all others; one erased is no longer counted: otherwise nothing has moved.
  const { rows: marks } = await root.query<{ marks: string }>({ name: `marks ${tenantId}`, text: question.light });
  if (question.answered?.marks === marks[0]!.marks) return question.answered.prints;
  const { rows } = await root.query<{ name: string; print: string }>(question.whole);
  const prints = new Map(rows.map(({ name, print }) => [name, print]));
  question.answered = { marks: marks[0]!.marks, prints };
  return prints;
}

async function ask(root: pg.Client, tenantId: string): Promise<Question> {
  const { rows: tables } = await root.query<{ name: string; columns: string[] }>(`
    select n.nspname || '.' || c.relname as name, array_agg(a.attname::text) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'test') group by 1 order by 1`);
  const looked = tables.filter(
    ({ name, columns }) => MEASURES[name]?.columns !== "all" && (!tenantId || columns.includes("tenant_id")),
  );
  const where = tenantId ? `where tenant_id = '${tenantId}'` : "";
  const prints = looked.map(({ name }) => {
    const without = [MEASURES[name]?.columns ?? []].flat().map((column) => `'${column}'`);
    const row = `(to_jsonb(t) - array[${without.join(", ")}]::text[])::text`;
    return `select '${name}' as name, encode(sha256(convert_to(coalesce(string_agg(${row}, E'\\n' order by ${row} collate "C"), ''), 'UTF8')), 'hex') as print
       from ${name} t ${where}`;
  });
  const marks = looked.map(({ name }) => `(select count(*) || ' ' || max(xmin::text::bigint) from ${name} ${where})`);
  return { light: `select concat_ws(',', ${marks.join(", ")}) as marks`, whole: prints.join(" union all ") };
}

/** The tables whose rows are not what they were. */
export const changedTables = (before: Map<string, string>, now: Map<string, string>): string[] =>
  [...now].filter(([name, print]) => before.get(name) !== print).map(([name]) => name);
