/** What the base holds, told in short: has a request changed anything, and where? */
import type pg from "pg";

/** What changes by itself while people only read: measures, on rows of their own (rulings 4). */
export const MEASURES: Record<string, { columns: string[] | "all"; why: string }> = {
  "public.session": { columns: ["last_seen_at"], why: "vue à l’instant, au plus une fois par minute" },
  "public.people_read": { columns: "all", why: "qui a lu quelle page de personnes (PRM-32)" },
  "public.rate_hit": { columns: "all", why: "compte les demandes par adresse" },
};

interface Table {
  /** Moves whenever a row is written or erased, and costs little to ask, however long the table has grown. */
  mark: string;
  print: string;
}
interface Question {
  marks: string;
  prints: Map<string, string>;
  answered: Map<string, Table>;
}
const asked = new WeakMap<pg.Client, Map<string, Question>>();

/** Only ever added to, and growing all along a sweep: its mark says whether it moved, without reading it all again. */
const APPENDED = new Set(
  ["act", "change", "changeset", "event", "imprint", "seal", "idempotency_key"].map((name) => `public.${name}`),
);

/** A digest of the rows of each table, measures apart; of one organisation, or of everybody. */
export async function fingerprints(
  root: pg.Client,
  { tenantId = "" }: { tenantId?: string } = {},
): Promise<Map<string, string>> {
  const known = asked.get(root) ?? new Map<string, Question>();
  asked.set(root, known);
  const { marks, prints, answered } = known.get(tenantId) ?? (await ask(root, tenantId));
  known.set(tenantId, { marks, prints, answered });
  const { rows: now } = await root.query<{ name: string; mark: string }>({ name: `marks ${tenantId}`, text: marks });
  const moved = now.filter(({ name, mark }) => prints.has(name) && answered.get(name)?.mark !== mark);
  if (moved.length > 0) {
    const { rows } = await root.query<{ name: string; print: string }>(
      moved.map(({ name }) => prints.get(name)!).join(" union all "),
    );
    const told = new Map(rows.map(({ name, print }) => [name, print]));
    for (const { name, mark } of moved) answered.set(name, { mark, print: told.get(name)! });
  }
  return new Map(now.map(({ name, mark }) => [name, answered.get(name)?.print ?? mark]));
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
  const printOf = (name: string) => {
    const without = [MEASURES[name]?.columns ?? []].flat().map((column) => `'${column}'`);
    const row = `(to_jsonb(t) - array[${without.join(", ")}]::text[])::text`;
    return `select '${name}' as name, concat_ws(' ', count(*), sum(hashtextextended(${row}, 0))) as print from ${name} t ${where}`;
  };
  // A row written has a newer transaction than all others; one erased is no longer counted.
  const marks = looked.map(
    ({ name }) =>
      `select '${name}' as name, concat_ws(' ', count(*), max(xmin::text::bigint), sum(xmin::text::bigint)) as mark from ${name} ${where}`,
  );
  return {
    marks: marks.join(" union all "),
    prints: new Map(looked.filter(({ name }) => !APPENDED.has(name)).map(({ name }) => [name, printOf(name)])),
    answered: new Map(),
  };
}

/** The tables whose rows are not what they were. */
export const changedTables = (before: Map<string, string>, now: Map<string, string>): string[] =>
  [...now].filter(([name, print]) => before.get(name) !== print).map(([name]) => name);
