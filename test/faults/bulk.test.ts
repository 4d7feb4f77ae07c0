/** The process that carries an action on many operations out dies, wherever it was. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { asked, type Client, erase, freePort, newFolder, type Running, signIn, start, submitted } from "./instance.ts";

const LONG = process.env.FAULTS === "long";
const ROWS = LONG ? 20_000 : 8_000;
const SHARES = LONG ? [25, 50, 75] : [50];
const RESUMED_MS = 60_000;
const PLACES = 4;

const folder = newFolder();
const port = await freePort();
let running: Running = await start(folder, port);
after(async () => {
  running.child.kill("SIGKILL");
  await erase(folder);
});

const ask = <Row>(query: string, values: unknown[]) => asked<Row>(folder, query, values);
const send = (browser: Client, at: string, fields: Record<string, string | string[]>, content?: string) =>
  submitted(running.origin, browser, at, fields, content === undefined ? undefined : { name: "postes.csv", content });
const idOf = (at: string) => at.split("/").at(-1)!;

/** A campaign of so many operations, brought in by a file. */
async function campaign(browser: Client, name: string): Promise<string> {
  const rows = await send(browser, "/campagnes/nouvelle", { name, startsOn: "2027-01-01", endsOn: "2027-12-31" });
  const at = rows.replace(/\/donnees$/, "");
  const file = `Poste\r\n${Array.from({ length: ROWS }, (_, n) => `PC-${String(n).padStart(5, "0")}\r\n`).join("")}`;
  const sent = await send(browser, "/imports/operations/nouveau", { scope: idOf(at) }, file);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50", key: "Poste" };
  await send(browser, `${sent}/verification`, { ...choice, column: ["cible"] });
  await send(browser, `${sent}/execution`, { errors: "valid" });
  for (;;) {
    const [one] = await ask<{ state: string }>("select state from import where id = $1", [idOf(sent)]);
    if (one!.state !== "running") return at;
    await pause(100);
  }
}

/** Chosen, previewed and started: gives its address. */
async function begun(browser: Client, at: string): Promise<string> {
  const lot = await send(browser, `${at}/operations/lots`, { action: "capacity", scope: "filter", filter: "" });
  await send(browser, `${lot}/apercu`, { capacity: String(PLACES) });
  await send(browser, `${lot}/execution`, {});
  return lot;
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const where = async (lot: string) =>
  (await ask<{ state: string; done: number }>("select state, done from bulk where id = $1", [idOf(lot)]))[0]!;

async function finished(lot: string): Promise<void> {
  const from = performance.now();
  while ((await where(lot)).state === "running") {
    assert.ok(performance.now() - from < 4 * RESUMED_MS, "l’action ne finit pas");
    await pause(100);
  }
}

/** All that an action leaves: its counts, its rows, what it says of each, its acts. */
async function left(lot: string, at: string) {
  const [one] = await ask("select state, counts, done, changed, failure from bulk where id = $1", [idOf(lot)]);
  const [rows] = await ask(
    "select count(*)::int as n, min(capacity) as least, max(capacity) as most, min(version) as first, max(version) as last from operation where campaign_id = $1",
    [idOf(at)],
  );
  const told = await ask("select outcome, why, count(*)::int as n from bulk_row where bulk_id = $1 group by 1, 2", [
    idOf(lot),
  ]);
  const [acts] = await ask(
    `select count(distinct c.act_id)::int as acts, count(*)::int as changes, count(distinct h.row_id)::int as touched
     from changeset c join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
     where c.act_id = (select act_id from bulk where id = $1) and h.table_name = 'operation'`,
    [idOf(lot)],
  );
  return { one, rows, told, acts };
}

test("OPS-15, OPS-16 : le processus tué pendant une action groupée, chaque opération change une fois, en un seul acte, et le compte rendu est le même", async (t) => {
  let browser = await signIn(running.origin, "Denis Roussel");
  const whole = await campaign(browser, "Sans encombre");
  const calm = await begun(browser, whole);
  await finished(calm);
  const wanted = await left(calm, whole);
  assert.deepEqual(wanted.rows, { n: ROWS, least: PLACES, most: PLACES, first: 2, last: 2 });
  assert.deepEqual(wanted.acts, { acts: 1, changes: ROWS, touched: ROWS });
  for (const share of SHARES) {
    const at = await campaign(browser, `Tuée à ${share} %`);
    const lot = await begun(browser, at);
    while ((await where(lot)).done < (share * ROWS) / 100) await pause(5);
    running.child.kill("SIGKILL");
    await running.ended;
    running = await start(folder, port);
    const ready = performance.now();
    const { done } = await where(lot);
    assert.ok(done < ROWS, `tuée trop tard : ${done} lignes`);
    while ((await where(lot)).done === done && (await where(lot)).state === "running") {
      assert.ok(performance.now() - ready < RESUMED_MS, `tuée à ${share} %, l’action n’est pas reprise`);
      await pause(100);
    }
    t.diagnostic(`tuée à ${done} lignes, reprise en ${seconds(performance.now() - ready)}`);
    await finished(lot);
    assert.deepEqual(await left(lot, at), wanted, `tuée à ${share} %`);
    browser = await signIn(running.origin, "Denis Roussel");
  }
});
