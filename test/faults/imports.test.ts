/** The process that carries an import out dies, wherever it was. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { asked, type Client, erase, freePort, newFolder, type Running, signIn, start, submitted } from "./instance.ts";

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

const fileOf = (isWrong: (n: number) => boolean, lines: number) =>
  `Poste;Site;Date prévue;Segment\r\n${Array.from(
    { length: lines },
    (_, n) =>
      `PC-${String(n === LINES - 1 ? 7 : n).padStart(6, "0")};Évry n° ${n % 300};${isWrong(n) ? "31/02/2027" : "12/03/2027"};Bâtiment ${n % 9}\r\n`,
  ).join("")}`;
/** One line in a thousand cannot be read, one comes back. */
const file = fileOf((n) => n % 1_000 === 5, LINES);
const rightFile = fileOf(() => false, LINES - 1);
const COLUMNS = ["cible", "+short_text", "prevue_le", "segment"];

async function opened(browser: Client, name: string): Promise<string> {
  const outline = { name, startsOn: "2027-01-01", endsOn: "2027-12-31" };
  return (await send(browser, "/campagnes/nouvelle", outline)).split("/").at(-2)!;
}

const send = (browser: Client, at: string, fields: Record<string, string | string[]>, content?: string) =>
  submitted(running.origin, browser, at, fields, content === undefined ? undefined : { name: "postes.csv", content });

/** Sent, mapped, checked and started: gives its address. */
async function begun(browser: Client, campaign: string, { content = file, errors = "valid" } = {}): Promise<string> {
  const at = await send(browser, "/imports/operations/nouveau", { scope: campaign }, content);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50", key: "Poste" };
  await send(browser, `${at}/verification`, { ...choice, column: COLUMNS });
  await send(browser, `${at}/execution`, { errors });
  return at;
}

const ask = <Row>(query: string, values: unknown[]) => asked<Row>(folder, query, values);
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const where = async (at: string) =>
  (
    await ask<{ state: string; done: number }>("select state, done from import where id = $1", [at.split("/").at(-1)])
  )[0]!;

async function finished(at: string): Promise<number> {
  const from = performance.now();
  while ((await where(at)).state === "running") {
    assert.ok(performance.now() - from < 4 * RESUMED_MS, "l’import ne finit pas");
    await pause(100);
  }
  return performance.now() - from;
}

/** Kills the process that carries it out and starts another; says where it was, and after how long it went on. */
async function killed(at: string): Promise<{ done: number; ms: number }> {
  running.child.kill("SIGKILL");
  await running.ended;
  running = await start(folder, port);
  const ready = performance.now();
  const { done } = await where(at);
  assert.ok(done < LINES - 1, `tué trop tard : ${done} lignes`);
  while ((await where(at)).done === done && (await where(at)).state === "running") {
    assert.ok(performance.now() - ready < RESUMED_MS, `tué à ${done} lignes, l’import n’est pas repris`);
    await pause(100);
  }
  return { done, ms: performance.now() - ready };
}

/** All that an import leaves: its counts, its errors, its rows, its acts. */
async function left(at: string, campaign: string) {
  const id = at.split("/").at(-1);
  const [one] = await ask<{ state: string; counts: Record<string, number>; done: number }>(
    "select state, counts, done from import where id = $1",
    [id],
  );
  const errors = await ask(
    "select line, column_name, value, reason from import_error where import_id = $1 order by line, id",
    [id],
  );
  const [rows] = await ask<{ n: number; titles: number; sum: string }>(
    `select count(*)::int as n, count(distinct title)::int as titles, md5(string_agg(title || "values"::text || status || planned_at::text, ',' order by title)) as sum
     from operation where campaign_id = $1`,
    [campaign],
  );
  const [acts] = await ask<{ n: number }>(
    "select count(distinct act_id)::int as n from changeset where act_id = (select act_id from import where id = $1)",
    [id],
  );
  const [segments] = await ask<{ n: number }>("select count(*)::int as n from segment where campaign_id = $1", [
    campaign,
  ]);
  return { one: one!, errors, rows: rows!, acts: acts!, segments: segments! };
}

test("IMP-35 : le processus tué pendant un import, chaque ligne est écrite une fois, et le compte rendu est le même", async (t) => {
  let browser = await signIn(running.origin, "Denis Roussel");
  const whole = await opened(browser, "Sans encombre");
  const calm = await begun(browser, whole);
  await finished(calm);
  const wanted = await left(calm, whole);
  assert.equal(wanted.one.state, "completed");
  for (const share of SHARES) {
    const campaign = await opened(browser, `Tué à ${share} %`);
    const at = await begun(browser, campaign);
    while ((await where(at)).done < ((share - 10) * LINES) / 100) await pause(20);
    if (share === 5) await pause(300);
    const { done, ms } = await killed(at);
    t.diagnostic(`visé ${share} %, tué à ${done} lignes de ${LINES}, repris en ${seconds(ms)}`);
    await finished(at);
    assert.deepEqual(await left(at, campaign), wanted, `tué à ${share} %`);
    browser = await signIn(running.origin, "Denis Roussel");
  }
});

test("IMP-30, IMP-35 : tué pendant un import « tout ou rien », rien n’est écrit ; repris, tout l’est une fois", async (t) => {
  const browser = await signIn(running.origin, "Denis Roussel");
  const campaign = await opened(browser, "Tout ou rien");
  const at = await begun(browser, campaign, { content: rightFile, errors: "none" });
  while ((await where(at)).done < LINES / 3) await pause(20);
  running.child.kill("SIGSTOP");
  const written = await ask<{ n: number }>("select count(*)::int as n from operation where campaign_id = $1", [
    campaign,
  ]);
  assert.deepEqual(written, [{ n: 0 }]);
  const { done, ms } = await killed(at);
  t.diagnostic(`tué à ${done} lignes de ${LINES - 1}, repris en ${seconds(ms)}`);
  await finished(at);
  const { one, errors, rows, acts, segments } = await left(at, campaign);
  const { read, create, error } = one.counts;
  assert.deepEqual([one.state, read, create, error], ["completed", LINES - 1, LINES - 1, 0]);
  assert.deepEqual([rows.n, rows.titles, acts.n, segments.n], [LINES - 1, LINES - 1, 1, 9]);
  assert.deepEqual(errors, []);
});
