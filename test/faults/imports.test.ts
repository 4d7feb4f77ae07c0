/** The process that carries an import out dies, wherever it was. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { embeddedDatabase, withDatabase } from "../../src/platform/db/roles.ts";
import { type Client, erase, freePort, newFolder, type Running, signIn, start } from "./instance.ts";

const LONG = process.env.FAULTS === "long";
const LINES = LONG ? 100_000 : 21_000;
const SHARES = LONG ? [5, 25, 50, 75, 98] : [50];
const RESUMED_MS = 60_000;

const folder = newFolder();
const port = await freePort();
let running: Running = await start(folder, port);
after(async () => {
  running.child.kill("SIGKILL");
  await erase(folder);
});

/** One line in a thousand cannot be read, one comes back. */
const file = `Poste;Site;Date prévue;Segment\r\n${Array.from(
  { length: LINES },
  (_, n) =>
    `PC-${String(n === LINES - 1 ? 7 : n).padStart(6, "0")};Évry n° ${n % 300};${n % 1_000 === 5 ? "31/02/2027" : "12/03/2027"};Bâtiment ${n % 9}\r\n`,
).join("")}`;
const COLUMNS = ["cible", "+short_text", "prevue_le", "segment"];

async function opened(browser: Client, name: string): Promise<string> {
  const outline = { name, startsOn: "2027-01-01", endsOn: "2027-12-31" };
  const { status, location } = await submitted(browser, "/campagnes/nouvelle", outline);
  assert.equal(status, 303);
  return location.split("/").at(-1)!;
}

async function submitted(browser: Client, at: string, fields: Record<string, string | string[]>) {
  const body = new URLSearchParams({ _csrf: browser.token, _key: randomUUID() });
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
  const answer = await fetch(running.origin + at, {
    method: "POST",
    redirect: "manual",
    headers: { origin: running.origin, "sec-fetch-site": "same-origin", cookie: browser.cookie },
    body,
  });
  return { status: answer.status, location: new URL(answer.headers.get("location") ?? "/", running.origin).pathname };
}

/** Sent, mapped, checked and started: gives its address. */
async function begun(browser: Client, campaign: string): Promise<string> {
  const form = new FormData();
  form.set("_csrf", browser.token);
  form.set("_key", randomUUID());
  form.set("scope", campaign);
  form.set("file", new Blob([file]), "postes.csv");
  const sent = await fetch(`${running.origin}/imports/operations/nouveau`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: running.origin, "sec-fetch-site": "same-origin", cookie: browser.cookie },
    body: form,
  });
  assert.equal(sent.status, 303);
  const at = new URL(sent.headers.get("location")!, running.origin).pathname;
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50", key: "Poste" };
  assert.equal((await submitted(browser, `${at}/verification`, { ...choice, column: COLUMNS })).status, 303);
  assert.equal((await submitted(browser, `${at}/execution`, { errors: "valid" })).status, 303);
  return at;
}

async function asked<Row>(query: string, values: unknown[]): Promise<Row[]> {
  const { server } = await embeddedDatabase(folder);
  const client = new pg.Client({ connectionString: withDatabase(server.superUrl, "opstracker") });
  await client.connect();
  try {
    return (await client.query(query, values)).rows as Row[];
  } finally {
    await client.end();
  }
}
const where = async (at: string) =>
  (
    await asked<{ state: string; done: number }>("select state, done from import where id = $1", [at.split("/").at(-1)])
  )[0]!;

async function finished(at: string): Promise<number> {
  const from = performance.now();
  while ((await where(at)).state === "running") {
    assert.ok(performance.now() - from < 4 * RESUMED_MS, "l’import ne finit pas");
    await pause(100);
  }
  return performance.now() - from;
}

/** All that an import leaves: its counts, its errors, its rows, its acts. */
async function left(at: string, campaign: string) {
  const id = at.split("/").at(-1);
  const [one] = await asked("select state, counts, done from import where id = $1", [id]);
  const errors = await asked(
    "select line, column_name, value, reason from import_error where import_id = $1 order by line, id",
    [id],
  );
  const [rows] = await asked(
    `select count(*)::int as n, count(distinct title)::int as titles, md5(string_agg(title || "values"::text || status || planned_at::text, ',' order by title)) as sum
     from operation where campaign_id = $1`,
    [campaign],
  );
  const [acts] = await asked(
    "select count(distinct act_id)::int as n from changeset where act_id = (select act_id from import where id = $1)",
    [id],
  );
  const [segments] = await asked("select count(*)::int as n from segment where campaign_id = $1", [campaign]);
  return { one, errors, rows, acts, segments };
}

test("IMP-35 : le processus tué pendant un import, chaque ligne est écrite une fois, et le compte rendu est le même", async () => {
  let browser = await signIn(running.origin, "Denis Roussel");
  const whole = await opened(browser, "Sans encombre");
  const calm = await begun(browser, whole);
  await finished(calm);
  const wanted = await left(calm, whole);
  assert.equal((wanted.one as { state: string }).state, "completed");
  for (const share of SHARES) {
    const campaign = await opened(browser, `Tué à ${share} %`);
    const at = await begun(browser, campaign);
    while ((await where(at)).done < ((share - 10) * LINES) / 100) await pause(20);
    if (share === 5) await pause(300);
    running.child.kill("SIGKILL");
    await running.ended;
    running = await start(folder, port);
    const ready = performance.now();
    const { done } = await where(at);
    while ((await where(at)).done === done && (await where(at)).state === "running") {
      assert.ok(performance.now() - ready < RESUMED_MS, `tué à ${share} %, l’import n’est pas repris`);
      await pause(100);
    }
    await finished(at);
    assert.deepEqual(await left(at, campaign), wanted, `tué à ${share} %`);
    browser = await signIn(running.origin, "Denis Roussel");
  }
});
