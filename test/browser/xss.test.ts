import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOf, listen, startChromium } from "../support/browser.ts";
import { formsOf, linksOf, parseHtml, tagsOf } from "../support/html.ts";
import { expectedVerdict, OTHER_TYPES, PERSONAS, report, startSweep } from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);
const chromium = await startChromium();

/** Says its number if it ever runs: `executed` is looked at on each page, and so are dialogs and the console. */
const run = (n: number) => `window.executed=(window.executed||'')+'${n},';alert(${n})`;

/** Breaking out of text, attributes, scripts, styles, links, templates, Markdown and htmx (P27, P28, P36). */
const PAYLOADS: string[] = [
  (n: number) => `<script>${run(n)}</script>`,
  (n: number) => `"><script>${run(n)}</script>`,
  (n: number) => `'><img src=x onerror="${run(n)}">`,
  (n: number) => `<img src=x onerror=${run(n).replaceAll(" ", "")}>`,
  (n: number) => `<svg onload="${run(n)}">`,
  (n: number) => `<svg><script>${run(n)}</script></svg>`,
  (n: number) => `<svg><animate onbegin="${run(n)}" attributeName=x dur=1s>`,
  (n: number) => `<body onload="${run(n)}">`,
  (n: number) => `<iframe src="javascript:${run(n)}"></iframe>`,
  (n: number) => `<iframe srcdoc="<script>parent.${run(n)}</script>"></iframe>`,
  (n: number) => `" autofocus onfocus="${run(n)}" x="`,
  (n: number) => `' autofocus onfocus='${run(n).replaceAll("'", "`")}' x='`,
  (n: number) => `" onmouseover="${run(n)}" style="position:fixed;inset:0" x="`,
  (n: number) => `</textarea><script>${run(n)}</script>`,
  (n: number) => `</title><script>${run(n)}</script>`,
  (n: number) => `</option></select><script>${run(n)}</script>`,
  (n: number) => `--><script>${run(n)}</script><!--`,
  (n: number) => `]]><script>${run(n)}</script>`,
  (n: number) => `<a href="javascript:${run(n)}">cliquez</a>`,
  (n: number) => `<a href="java&#x09;script:${run(n)}">cliquez</a>`,
  (n: number) => `[cliquez](javascript:${run(n)})`,
  (n: number) => `[cliquez](JaVaScRiPt&#58;${run(n)})`,
  (n: number) => `[cliquez](data:text/html;base64,${Buffer.from(`<script>${run(n)}</script>`).toString("base64")})`,
  (n: number) => `![image](x" onerror="${run(n)})`,
  (n: number) => `<https://x.example/" onclick="${run(n)}>`,
  (n: number) => `[ref]: javascript:${run(n)}\n\n[ref]`,
  (n: number) => `<form action="javascript:${run(n)}"><button>envoyer</button></form>`,
  (n: number) => `<math><mtext><table><mglyph><style><img src=x onerror="${run(n)}">`,
  (n: number) => `<noscript><p title="</noscript><img src=x onerror='${run(n)}'>">`,
  (n: number) => `<details open ontoggle="${run(n)}">`,
  (n: number) => `<video><source onerror="${run(n)}"></video>`,
  (n: number) => `<link rel=stylesheet href="https://evil.example/${n}.css">`,
  (n: number) => `<meta http-equiv="refresh" content="0;url=javascript:${run(n)}">`,
  (n: number) => `<base href="https://evil.example/${n}/">`,
  (n: number) => `<object data="javascript:${run(n)}"></object>`,
  (n: number) =>
    `<style>@import "https://evil.example/${n}.css"; * { background: url(https://evil.example/${n}) }</style>`,
  (n: number) => `<div hx-get="/deconnexion" hx-trigger="load" hx-on:load="${run(n)}">`,
  (n: number) => `<div data-hx-get="/admin/utilisateurs" data-hx-trigger="load" data-hx-on="load: ${run(n)}">`,
  (n: number) =>
    `<app-dialog><copy-text data-value="${n}"><template shadowrootmode="open"><script>${run(n)}</script></template></copy-text></app-dialog>`,
  (n: number) => `<%= process.exit(${n}) %><%~ '<script>${run(n)}</script>' %>{{${n}*7}}\${${run(n)}}`,
  (n: number) => `\u2028<script>${run(n)}</script>\u202e`,
  (n: number) => `+ADw-script+AD4-${run(n)}+ADw-/script+AD4-`,
  (n: number) => `&lt;script&gt;${run(n)}&lt;/script&gt;`,
  (n: number) => `%3Cscript%3E${run(n)}%3C/script%3E`,
].map((payload, n) => payload(n));

const TYPED = new Set(["text", "email", "search", "textarea", "password", "tel", "url", "number", "date"]);
/** Each form meets half of the payloads, the next one the other half, and each of its fields this many at least. */
const LEAST_A_FORM = Math.ceil(PAYLOADS.length / 2);
const LEAST_EACH = 11;

/** The forms one may send with text in them, and what a form of each page proposes. */
async function formsFor(who: string) {
  const persona = PERSONAS.find((one) => one.who === who)!;
  const browser = await sweep.browse(persona);
  const found = new Map<
    string,
    { page: string; action: string; method: string; typed: string[]; fields: Record<string, string | string[]> }
  >();
  for (const route of sweep.routes) {
    if (route.method !== "get" || OTHER_TYPES[route.path]) continue;
    if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
    const page = (await sweep.address(route, persona, "own"))!;
    for (const { action, method, fields } of formsOf(parseHtml((await browser.get(page)).text), page)) {
      const typed = fields.filter(({ type }) => TYPED.has(type)).map(({ name }) => name);
      if (typed.length === 0 || found.has(`${method} ${action}`) || /mot-de-passe|\/connexion/.test(action)) continue;
      const proposed = fields.filter(({ name, values }) => values.length > 0 && name !== "_csrf" && name !== "_key");
      found.set(`${method} ${action}`, {
        page,
        action,
        method,
        typed,
        fields: Object.fromEntries(
          proposed.map(({ name, values }) => [name, values.length === 1 ? values[0]! : values]),
        ),
      });
    }
  }
  return { browser, forms: [...found.values()] };
}

/** What a stored payload must look like where it comes out: text. Faults in the HTML itself, before any browser. */
function rawFaults(text: string): string[] {
  const faults: string[] = [];
  for (const { name, attributes } of tagsOf(parseHtml(text))) {
    for (const attribute of Object.keys(attributes)) {
      if (/^on|^hx-on|^data-hx-|^style$|^srcdoc$/.test(attribute)) faults.push(`<${name} ${attribute}>`);
    }
    if (
      /^\s*(?:javascript|data:text|vbscript)/i.test(
        (attributes.href ?? attributes.src ?? attributes.action ?? "").replace(/[\t\n\r]/g, ""),
      )
    ) {
      faults.push(`<${name}> mène à ${attributes.href ?? attributes.src ?? attributes.action}`);
    }
    // Ours, for what a message says: of this site, and without any power.
    if (name === "iframe" && attributes.sandbox === "" && /^\/[^/]/.test(attributes.src ?? "")) continue;
    if (["iframe", "object", "embed", "base", "math", "video", "style"].includes(name)) faults.push(`<${name}>`);
    if (name === "script" && !attributes.src) faults.push("<script> dans la page");
  }
  return faults;
}

/** Puts payloads in every field, one field at a time, the others as proposed. */
async function plant(
  browser: Browser,
  forms: Awaited<ReturnType<typeof formsFor>>["forms"],
  only: RegExp,
): Promise<{ sent: number; accepted: number; faults: string[] }> {
  const faults: string[] = [];
  let sent = 0;
  let accepted = 0;
  for (const [rank, { page, action, method, typed, fields }] of forms.entries()) {
    if (!only.test(action)) continue;
    /** Null, the form has none. */
    let version: string | null | undefined;
    for (let turn = 0; turn < Math.max(LEAST_A_FORM, typed.length * LEAST_EACH); turn++) {
      const field = typed[turn % typed.length]!;
      // Further by one at each round of the fields, so that a field does not meet the same ones again; forms begin each elsewhere.
      const n = (rank * LEAST_A_FORM + turn + Math.floor(turn / PAYLOADS.length)) % PAYLOADS.length;
      const payload = PAYLOADS[n]!;
      const value = field === "email" ? `a${n}.${payload.replace(/[\s@]/g, "").slice(0, 60)}@quais.example` : payload;
      let answer: Awaited<ReturnType<Browser["get"]>>;
      if (method === "get") {
        answer = await browser.get(`${action}?${new URLSearchParams({ [field]: value })}`);
      } else {
        // The version moves at each accepted writing.
        if (version === undefined) {
          const now = formsOf(parseHtml((await browser.get(page)).text), page).find((form) => form.action === action);
          version = now?.fields.find(({ name }) => name === "version")?.values[0] ?? null;
        }
        answer = await browser.post(action, { ...fields, ...(version && { version }), [field]: value });
      }
      sent++;
      if (answer.status === 303 || answer.status === 200) {
        accepted++;
        version = undefined;
      }
      if (answer.status >= 500) faults.push(`${action} ${field} : ${answer.status} pour ${payload}`);
      for (const fault of rawFaults(answer.text)) faults.push(`${action} ${field}, réponse : ${fault} pour ${payload}`);
    }
  }
  return { sent, accepted, faults };
}

test(`P27 : ${PAYLOADS.length} charges, dont ${LEAST_A_FORM} dans chaque formulaire et ${LEAST_EACH} dans chaque champ au moins : aucune ne devient du HTML`, async () => {
  assert.ok(PAYLOADS.length >= 35);
  const failures: string[] = [];
  let sent = 0;
  const denis = await formsFor("denis");
  const nadia = await formsFor("nadia");
  // One form of each kind: the thirty criteria of the grid are the same form.
  const kinds = new Set<string>();
  const once = <T extends { action: string }>(list: T[]) =>
    list.filter(({ action }) => {
      const kind = action.replace(/\d+\.\d+|[0-9a-f-]{36}/g, ":");
      return !kinds.has(kind) && kinds.add(kind);
    });
  for (const [{ browser, forms }, only] of [
    [denis, /^(?!.*(?:desactivation|reactivation|archivage))/],
    [nadia, /^\/instance|^\/aide/],
  ] as const) {
    const planted = await plant(browser, once(forms), only);
    sent += planted.sent;
    failures.push(...planted.faults);
    assert.ok(planted.accepted > PAYLOADS.length, `${planted.accepted} envois acceptés seulement`);
    await sweep.calm();
  }
  // What no form accepts may still come from an older base or an import: names, labels and notes of all kinds.
  assert.ok(sent > 500, `${sent} envois`);
  report(failures, "Du texte est devenu du HTML");
});

test("P27 : les mêmes charges, déjà dans chaque colonne de texte : aucune ne s’exécute dans Chromium, sur aucune page", async () => {
  const { root, ids } = sweep;
  const readers = await Promise.all(
    ["denis", "nadia", "anonymous"].map(async (who) => ({ who, context: await contextOf(chromium, world, who) })),
  );
  const { rows: columns } = await root.query<{ table: string; column: string }>(`
    select c.relname as table, a.attname as column from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and a.attgenerated = '' and a.atttypid = 'text'::regtype
      and exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id')`);
  const targets = columns.filter(
    ({ table, column }) =>
      ![
        "code",
        "kind",
        "status",
        "default_hour",
        "icon",
        "tone",
        "name_",
        "channel",
        "table_name",
        "subject_type",
        "operation",
        "job",
        "route",
        "zone",
        "holiday_zone",
        "criterion",
        "accent",
        "location",
      ].includes(column) &&
      !(table === "event" && column === "name") &&
      !(table === "campaign_field" && column === "type") &&
      !(table === "bulk" && column === "action") &&
      !(table === "session"),
  );
  await root.query("set session_replication_role = replica");
  // Each row takes another payload: with few rows, all of them at once.
  await root.query("create temporary table payload (n int, text text)");
  for (const [n, payload] of PAYLOADS.entries())
    await root.query("insert into payload values ($1, $2)", [n, payload.replaceAll("\0", "")]);
  const all = "(select string_agg(text, ' ') from payload)";
  // Where there are many rows each takes a few of them; where there is one, it takes all.
  const some = (table: string, column: string) =>
    ["tenant", "public_page", "criterion_result", "verification"].includes(table)
      ? all
      : `(select string_agg(text, ' ') from payload where n % 6 = abs(hashtext(t::text || '${column}')) % 6)`;
  let planted = 0;
  for (const tenant of [ids.quais!, ids.instance!]) {
    for (const { table, column } of targets) {
      const value =
        column === "email"
          ? `'p' || left(md5(id::text), 8) || '"><img src=x onerror=alert(1)>@x.example'`
          : some(table, column);
      await root
        .query(`update "${table}" t set "${column}" = ${value} where tenant_id = $1 and "${column}" is not null`, [
          tenant.tenantId,
        ])
        .then(({ rowCount }) => (planted += rowCount ?? 0))
        .catch((error: { code?: string }) => {
          if (!["23514", "23505"].includes(error.code ?? "")) throw error;
        });
    }
    await root.query(
      `update change set before = jsonb_build_object('given_name', ${all}, 'name', ${all}, 'body', ${all}), after = jsonb_build_object('given_name', ${all} || '!', 'name', ${all} || '!', 'body', ${all} || '!') where tenant_id = $1`,
      [tenant.tenantId],
    );
  }
  await root.query(`update public_page set body = (select string_agg(text, E'\\n\\n') from payload)`);
  await root.query("set session_replication_role = origin");
  assert.ok(planted > 80, `${planted} valeurs`);

  const failures: string[] = [];
  for (const { who, context } of readers) {
    const persona = PERSONAS.find((one) => one.who === who)!;
    const page = await context.newPage();
    const complaints = listen(page, world.origin);
    const addresses = new Set<string>();
    const browser = await sweep.browse(persona);
    for (const route of sweep.routes) {
      if (route.method !== "get" || OTHER_TYPES[route.path]) continue;
      if (expectedVerdict(sweep, route, persona, "own") !== "ouvert") continue;
      const address = (await sweep.address(route, persona, "own"))!;
      addresses.add(address);
    }
    // Some acts and one account more: each carries its own words.
    for (const list of ["/admin/historique", "/admin/utilisateurs"]) {
      const { text } = await browser.get(list);
      for (const link of linksOf(parseHtml(text))
        .filter((one) => /[0-9a-f-]{36}$/.test(one))
        .slice(0, 6))
        addresses.add(link);
    }
    for (const q of [PAYLOADS[1]!, PAYLOADS[10]!, PAYLOADS[20]!, PAYLOADS[36]!]) {
      addresses.add(`/aide?${new URLSearchParams({ q })}`);
      addresses.add(`/connexion?${new URLSearchParams({ retour: q })}`);
      if (who === "denis") {
        addresses.add(`/admin/utilisateurs?${new URLSearchParams({ q: q.slice(0, 200) })}`);
        addresses.add(`/admin/historique?${new URLSearchParams({ texte: q.slice(0, 200) })}`);
      }
    }
    for (const address of addresses) {
      const answer = await page.goto(world.origin + address);
      const at = address.replace(/[0-9a-f-]{36}/g, ":id").slice(0, 80);
      if ((answer?.status() ?? 0) >= 500) failures.push(`${at} : ${answer?.status()}`);
      await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
      const executed = await page.evaluate<string>("window.executed ?? ''");
      if (executed) failures.push(`${at} : charges exécutées ${executed}`);
      if (new URL(page.url()).origin !== world.origin) failures.push(`${at} a mené à ${page.url()}`);
      for (const fault of new Set(rawFaults((await answer?.text()) ?? ""))) failures.push(`${at} : ${fault}`);
      for (const complaint of complaints.splice(0)) failures.push(`${at}, navigateur : ${complaint}`);
    }
    await context.close();
  }
  report(failures, "Des charges ont pris");
});
