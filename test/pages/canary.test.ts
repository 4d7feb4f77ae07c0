import assert from "node:assert/strict";
import { test } from "node:test";
import { linksOf, parseHtml } from "../support/html.ts";
import { nameOf, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const { routes, root, ids } = sweep;
const CANARY = "canari";
/** What an instance's administrator may know of an organisation: that it is there, under its name (ROL-2). */
const ITS_NAME = /canari-tenant-name/g;
const MOST_LINKS = 80;

/** Writes `canari-table-column` in every text the second organisation holds; returns the columns marked. */
async function plant(): Promise<string[]> {
  const tenantId = ids.portelune!.tenantId;
  const { rows } = await root.query<{ table: string; column: string; type: string }>(`
    select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id')
      and format_type(a.atttypid, a.atttypmod) in ('text', 'jsonb')`);
  const marked: string[] = [];
  await root.query("set session_replication_role = replica");
  // A demo shows its people on the sign-in page to whoever sits at the machine: this one is no demo.
  await root.query("update tenant set demo = false where id = $1", [tenantId]);
  for (const { table, column, type } of rows) {
    const mark = `${CANARY}-${table}-${column}`.replaceAll("_", "-");
    const value =
      type === "jsonb"
        ? `regexp_replace("${column}"::text, ': "[^"]*"', ': "${mark}"', 'g')::jsonb`
        : column === "email"
          ? `'${mark}-' || id || '@portelune.example'`
          : `'${mark}'`;
    try {
      await root.query(
        `update "${table}" set "${column}" = ${value} where tenant_id = $1 and "${column}" is not null`,
        [tenantId],
      );
      marked.push(`${table}.${column}`);
    } catch (error) {
      // A list of words the database itself holds to (23514) or a unique one (23505) carries nobody's text.
      if (!["23514", "23505"].includes(String((error as { code?: string }).code))) throw error;
    }
  }
  await root.query("set session_replication_role = origin");
  return marked;
}

// Sessions and zones are what lets the second organisation's people in: marked after they are seen to work.
const marked = await plant();

test("P10 : les marques sont bien là où l’autre organisation se lit", async () => {
  assert.ok(marked.length > 25, marked.join(", "));
  for (const column of ["app_user.given_name", "app_user.email", "act.label", "change.title", "tenant.name"]) {
    assert.ok(marked.includes(column), `${column} n’est pas marquée`);
  }
  await root
    .query("update tenant set zone = 'Europe/Paris' where id = $1", [ids.portelune!.tenantId])
    .catch(() => undefined);
  const browser = await world.as("nadia");
  assert.match((await browser.get("/instance/organisations")).text, /canari-tenant-name/);
});

for (const persona of PERSONAS.filter(({ organisation }) => organisation !== "portelune")) {
  test(`P10 : rien de l’autre organisation n’arrive à : ${persona.title}`, async () => {
    const browser = await sweep.browse(persona);
    const failures: string[] = [];
    const look = (what: string, { text, headers }: { text: string; headers: Headers }) => {
      const whole = text + JSON.stringify([...headers]);
      const named = what.includes("/instance/organisations") ? whole.replace(ITS_NAME, "") : whole;
      // What a page repeats of its own address is the reader's.
      const told = what.includes(CANARY) ? named.replaceAll(new RegExp(`${CANARY}(?!-)`, "g"), "") : named;
      const at = told.indexOf(CANARY);
      if (at !== -1) failures.push(`${what} : …${told.slice(Math.max(0, at - 80), at + 80)}…`);
    };
    const seen = new Set<string>();
    const todo: string[] = [];
    for (const route of routes) {
      if (route.method !== "get") continue;
      for (const whose of ["own", "other", "unknown"] as const) {
        const address = await sweep.address(route, persona, whose);
        if (address) todo.push(address);
      }
    }
    todo.push(
      `/aide?q=${CANARY}`,
      `/admin/utilisateurs?q=${CANARY}`,
      `/admin/historique?texte=${CANARY}`,
      `/admin/historique?personne=${ids.portelune!.colleague}`,
      `/admin/journal-securite?personne=${ids.portelune!.colleague}`,
    );
    const declared = todo.length;
    for (let i = 0; i < todo.length && i < declared + MOST_LINKS; i++) {
      const address = todo[i]!;
      if (seen.has(address)) continue;
      seen.add(address);
      const page = await browser.get(address);
      look(address, page);
      look(`${address} (fragment)`, await browser.get(address, { part: true }));
      if (page.headers.get("content-type")?.startsWith("text/html")) todo.push(...linksOf(parseHtml(page.text)));
    }
    for (const route of routes) {
      if (route.method !== "post" || !sweep.admits(route, persona)) continue;
      for (const whose of ["own", "other"] as const) {
        const sender = await sweep.freshly(persona);
        if (persona.who === "anonymous") await sender.get("/connexion");
        const address = await sweep.address(route, persona, whose, sender);
        // An export answers with a file; the others with a refusal, which must not tell more.
        const keyed: Record<string, string> = route.path.endsWith("/export") ? {} : { _key: "" };
        if (address) look(`${nameOf(route)} (${whose})`, await sender.post(address, keyed));
      }
    }
    await sweep.calm();
    report(failures, "Ces réponses contiennent des données d’une autre organisation");
  });
}
