/** Several processes on one base, behind a relay: what a person sees when one of them is restarted or killed. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { INSTANCE_ID } from "../../src/accounts/index.ts";
import { IN_HAND } from "../../src/platform/mail/sender.ts";
import { freshDatabase } from "../support/cluster.ts";
import { startProxy } from "../support/proxy.ts";
import { startSmtp } from "../support/smtp.ts";
import { freePort, newFolder, type Running, start } from "./instance.ts";

/** `npm run faults` makes them last. */
const LONG = process.env.FAULTS === "long";
const folder = newFolder();
const fresh = await freshDatabase({ world: false });
const root = new pg.Client({ connectionString: fresh.superUrl });
await root.connect();
const smtp = await startSmtp();
const running = new Set<Running>();
after(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
  await root.end();
  await fresh.drop();
  await rm(folder, { recursive: true, force: true });
});

const settings: Record<string, string> = {
  DEMO: "non",
  DATABASE_URL: fresh.databaseUrl,
  DATABASE_OWNER_URL: fresh.ownerUrl,
  SMTP_URL: smtp.url,
  MAIL_FROM: "ops@mail.example",
};
async function startAs(ROLE: "web" | "jobs", port?: number): Promise<Running & { port: number }> {
  const at = port ?? (await freePort());
  const started = { ...(await start(folder, at, { ...settings, ROLE })), port: at };
  running.add(started);
  return started;
}
async function stop(one: Running, signal: "SIGTERM" | "SIGKILL") {
  one.child.kill(signal);
  const code = await one.ended;
  running.delete(one);
  return code;
}

test("F16, F17 : deux processus de pages redémarrés l’un après l’autre à 30 demandes par seconde : aucune ne rate", {
  timeout: LONG ? 1_800_000 : 180_000,
}, async () => {
  const origins: string[] = [];
  const { origin } = await startProxy(origins);
  settings.PUBLIC_URL = origin;
  const webs = await Promise.all([startAs("web"), startAs("web")]);
  origins.push(...webs.map((web) => web.origin));
  const { rows } = await root.query("select count(*)::int as n from access_link");
  assert.ok(rows[0].n >= 1);
  const answers: Promise<string>[] = [];
  let going = true;
  const traffic = (async () => {
    for (let i = 0; going; i++) {
      const page = ["/connexion", "/aide", "/accessibilite", "/health/live"][i % 4]!;
      answers.push(
        fetch(origin + page).then(
          async (answer) => {
            await answer.text();
            return String(answer.status);
          },
          (error: Error) => String(error.cause ?? error),
        ),
      );
      await pause(1_000 / 30);
    }
  })();
  for (let round = 0; round < (LONG ? 10 : 1); round++) {
    for (const [i, web] of webs.entries()) {
      await pause(LONG ? 10_000 : 500);
      assert.equal(await stop(web, "SIGTERM"), 0);
      webs[i] = await startAs("web", web.port);
    }
  }
  await pause(500);
  going = false;
  await traffic;
  const said = await Promise.all(answers);
  assert.ok(said.length > 30);
  assert.deepEqual([...new Set(said)], ["200"]);
  for (const web of webs) await stop(web, "SIGTERM");
});

test("F03 : kill -9 au milieu de 500 courriels : chacun arrive, les doublons tiennent dans une main et ont le même Message-ID", {
  timeout: LONG ? 1_800_000 : 240_000,
}, async () => {
  const COUNT = LONG ? 5_000 : 500;
  const write = (from: number, to: number) =>
    root.query(
      `insert into outbox (tenant_id, id, kind, address, subject, payload)
       select $1, gen_random_uuid(), 'accounts.locked', 'personne' || n || '@essai.example', 'Essai', jsonb_build_object('at', '2026-11-21T08:00:00Z')
       from generate_series($2::int, $3::int) n`,
      [INSTANCE_ID, from, to],
    );
  const people = () => new Set(smtp.received.flatMap(({ to }) => to));
  const left = async () =>
    (await root.query("select count(*)::int as n from outbox where state in ('pending', 'sending')")).rows[0].n;
  const first = await startAs("jobs");
  await write(1, COUNT);
  while (smtp.received.length < COUNT / 5) await pause(20);
  await stop(first, "SIGKILL");
  assert.ok(smtp.received.length < COUNT, "tué au milieu");
  // What it held in hand is taken back a minute later; in the short form that time passes at once.
  if (!LONG)
    await root.query("update outbox set claimed_at = claimed_at - interval '1 minute' where state = 'sending'");
  const restarted = Date.now();
  const second = await startAs("jobs");
  while (people().size < COUNT || (await left()) > 0) await pause(50);
  assert.ok(Date.now() - restarted < 120_000, `fini ${Date.now() - restarted} ms après le redémarrage`);
  const byPerson = Map.groupBy(smtp.received, ({ to }) => to[0]);
  const twice = [...byPerson.values()].filter((mails) => mails.length > 1);
  assert.ok(twice.length <= IN_HAND, `${twice.length} en double`);
  for (const mails of twice) assert.equal(new Set(mails.map(({ mail }) => mail.messageId)).size, 1);
  // Whoever looks next finds nothing to send but what was written since.
  const sent = smtp.received.length;
  await stop(second, "SIGTERM");
  const third = await startAs("jobs");
  await write(COUNT + 1, COUNT + 1);
  while (people().size === COUNT || (await left()) > 0) await pause(50);
  assert.equal(smtp.received.length, sent + 1);
  await stop(third, "SIGTERM");
});
