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

/** One line in a thousand cannot be read, one comes back. */
const file = `Poste;Site;Date prévue;Segment\r\n${Array.from(
  { length: LINES },
  (_, n) =>
    `PC-${String(n === LINES - 1 ? 7 : n).padStart(6, "0")};Évry n° ${n % 300};${n % 1_000 === 5 ? "31/02/2027" : "12/03/2027"};Bâtiment ${n % 9}\r\n`,
).join("")}`;
const COLUMNS = ["cible", "+short_text", "prevue_le", "segment"];

async function opened(browser: Client, name: string): Promise<string> {
  const outline = { name, startsOn: "2027-01-01", endsOn: "2027-12-31" };
  return (await send(browser, "/campagnes/nouvelle", outline)).split("/").at(-1)!;
}

const send = (browser: Client, at: string, fields: Record<string, string | string[]>, content?: string) =>
  submitted(running.origin, browser, at, fields, content === undefined ? undefined : { name: "postes.csv", content });

/** Sent, mapped, checked and started: gives its address. */
async function begun(browser: Client, campaign: string): Promise<string> {
  const at = await send(browser, "/imports/operations/nouveau", { scope: campaign }, file);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50", key: "Poste" };
  await send(browser, `${at}/verification`, { ...choice, column: COLUMNS });
  await send(browser, `${at}/execution`, { errors: "valid" });
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

/** All that an import leaves: its counts, its errors, its rows, its acts. */
async function left(at: string, campaign: string) {
  const id = at.split("/").at(-1);
  const [one] = await ask("select state, counts, done from import where id = $1", [id]);
  const errors = await ask(
    "select line, column_name, value, reason from import_error where import_id = $1 order by line, id",
    [id],
  );
  const [rows] = await ask(
    `select count(*)::int as n, count(distinct title)::int as titles, md5(string_agg(title || "values"::text || status || planned_at::text, ',' order by title)) as sum
     from operation where campaign_id = $1`,
    [campaign],
  );
  const [acts] = await ask(
    "select count(distinct act_id)::int as n from changeset where act_id = (select act_id from import where id = $1)",
    [id],
  );
  const [segments] = await ask("select count(*)::int as n from segment where campaign_id = $1", [campaign]);
  return { one, errors, rows, acts, segments };
}

test("IMP-35 : le processus tué pendant un import, chaque ligne est écrite une fois, et le compte rendu est le même", async (t) => {
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
    assert.ok(done < LINES, `tué trop tard : ${done} lignes`);
    while ((await where(at)).done === done && (await where(at)).state === "running") {
      assert.ok(performance.now() - ready < RESUMED_MS, `tué à ${share} %, l’import n’est pas repris`);
      await pause(100);
    }
    t.diagnostic(`visé ${share} %, tué à ${done} lignes de ${LINES}, repris en ${seconds(performance.now() - ready)}`);
    await finished(at);
    assert.deepEqual(await left(at, campaign), wanted, `tué à ${share} %`);
    browser = await signIn(running.origin, "Denis Roussel");
  }
});
