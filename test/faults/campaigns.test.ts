/** The process dies while a campaign is published, or in the middle of its night: nothing half done, and done once after. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { embeddedDatabase, withDatabase } from "../../src/platform/db/roles.ts";
import { type Client, erase, freePort, newFolder, type Running, signIn, start, submitted } from "./instance.ts";

const LONG = process.env.FAULTS === "long";
const OPERATIONS = LONG ? 20_000 : 2_000;
/** Milliseconds after the button at which the process dies. */
const BLIND = LONG ? [5, 20, 40, 80, 120, 160, 200, 260, 320, 400, 500, 700, 1_000, 1_500, 2_000] : [60];
const CAMPAIGNS = LONG ? 40 : 6;
const NIGHTS = LONG ? 20 : 8;
/** The queue takes up what a killed process held after three quarters of a minute. */
const TAKEN_UP_MS = LONG ? 600_000 : 120_000;

const folder = newFolder();
const port = await freePort();
let running: Running = await start(folder, port);
const { server } = await embeddedDatabase(folder);
const open = async () => {
  const client = new pg.Client({ connectionString: withDatabase(server.superUrl, "opstracker") });
  await client.connect();
  return client;
};
const root = await open();
await root.query("set session_replication_role = replica");
after(async () => {
  running.child.kill("SIGKILL");
  await running.ended;
  await root.end();
  await erase(folder);
});

const rows = async <Row>(query: string, values: unknown[] = []) => (await root.query(query, values)).rows as Row[];
const one = async <Row>(query: string, values: unknown[] = []) => (await rows<Row>(query, values))[0]!;

async function killed(): Promise<void> {
  running.child.kill("SIGKILL");
  await running.ended;
}
async function again(): Promise<void> {
  running = await start(folder, port);
}

async function draft(browser: Client, name: string): Promise<string> {
  const outline = { name, startsOn: "2026-01-05", endsOn: "2027-12-31" };
  const id = (await submitted(running.origin, browser, "/campagnes/nouvelle", outline)).split("/").at(-2)!;
  await root.query(
    `insert into operation (tenant_id, id, campaign_id, title, status, category, planned_at)
     select tenant_id, uuidv7(), id, 'PC-' || n, 'scheduled', 'planned', timestamptz '2027-01-04 08:00+01' + n % 60 * interval '1 day'
     from campaign cross join generate_series(1, $2::int) n where id = $1`,
    [id, OPERATIONS],
  );
  await root.query("analyze operation"); // as an import does
  return id;
}

const left = (id: string) =>
  one<Record<string, unknown>>(
    `select c.state,
      (select count(*)::int from baseline b where b.campaign_id = c.id) as baselines,
      (select coalesce(max(cardinality(b.operations)), 0) from baseline b where b.campaign_id = c.id) as kept,
      (select count(*)::int from operation o where o.campaign_id = c.id and o.baseline_on is not null) as dated,
      (select count(*)::int from operation o where o.campaign_id = c.id and o.status = 'scheduled') as scheduled,
      (select count(*)::int from act a where a.subject_id = c.id and a.code = 'campaign.published') as acts,
      (select count(*)::int from event e where e.subject_id = c.id and e.name = 'campaign.published') as events,
      (select count(*)::int from change h where h.row_id = c.id and h.before ? 'state') as changes
     from campaign c where c.id = $1`,
    [id],
  );
const nothing = { baselines: 0, kept: 0, dated: 0, scheduled: OPERATIONS, acts: 0, events: 0, changes: 0 };
const DRAFT = { state: "draft", ...nothing };
const PUBLISHED = {
  ...{ state: "active", baselines: 1, kept: OPERATIONS, dated: OPERATIONS, scheduled: OPERATIONS },
  ...{ acts: 1, events: 1, changes: 1 },
};

/** Until nothing of the process that died is left in the base. */
async function settled(): Promise<void> {
  for (const limit = Date.now() + 30_000; Date.now() < limit; await pause(20)) {
    const { n } = await one<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where usename = 'opstracker_app' and backend_type = 'client backend'",
    );
    if (n === 0) return;
  }
  assert.fail("des connexions du processus tué restent ouvertes");
}

const press = (browser: Client, id: string, key: string) =>
  browser.post(`/campagnes/${id}/publication`, { _key: key }).catch(() => null);

test("SNP-5, CAM-3 : tué pendant que la publication fige le plan de référence, rien n’est publié ; le bouton pressé de nouveau publie une fois", async () => {
  const browser = await signIn(running.origin, "Denis Roussel");
  const id = await draft(browser, "Publication tuée");
  const other = await open();
  await other.query("begin");
  await other.query("select from operation where campaign_id = $1 order by id desc limit 1 for update", [id]);
  const key = randomUUID();
  const pressed = press(browser, id, key);
  const waits =
    "select count(*)::int as n from pg_stat_activity where usename = 'opstracker_app' and wait_event_type = 'Lock'";
  for (const limit = Date.now() + 20_000; (await one<{ n: number }>(waits)).n === 0; await pause(10)) {
    assert.ok(Date.now() < limit, "la publication n’attend pas l’opération tenue");
  }
  await killed();
  await other.end();
  assert.equal(await pressed, null, "la page n’a pas eu de réponse");
  await settled();
  assert.deepEqual(await left(id), DRAFT);

  await again();
  const back = await signIn(running.origin, "Denis Roussel");
  assert.equal((await press(back, id, key))?.status, 303);
  assert.deepEqual(await left(id), PUBLISHED);
  assert.equal((await press(back, id, key))?.status, 303, "la même demande, renvoyée");
  assert.equal((await press(back, id, randomUUID()))?.status, 409, "une autre");
  assert.deepEqual(await left(id), PUBLISHED);
});

test("CAM-3 : tué à n’importe quel moment de la publication, tout y est ou rien ; renvoyée avec sa clé, elle est publiée une fois", async (t) => {
  for (const ms of BLIND) {
    const browser = await signIn(running.origin, "Denis Roussel");
    const id = await draft(browser, `Tuée à ${ms} ms`);
    const key = randomUUID();
    const pressed = press(browser, id, key);
    await pause(ms);
    await killed();
    await pressed;
    await settled();
    const found = await left(id);
    t.diagnostic(`tué à ${ms} ms : ${found.state}`);
    assert.deepEqual(found, found.state === "draft" ? DRAFT : PUBLISHED, `tué à ${ms} ms`);
    await again();
    assert.equal((await press(await signIn(running.origin, "Denis Roussel"), id, key))?.status, 303);
    assert.deepEqual(await left(id), PUBLISHED);
  }
});

const NIGHTLY = ["campaigns.start_due", "campaigns.freeze_days"];

/**
 * As many campaigns as long work leaves, in preparation, half of them to come and due two days ago: many nights of each
 * are to be frozen once they are woken. The same whatever the set.
 */
async function asleep(set: string, like: string): Promise<string[]> {
  const made = await rows<{ id: string }>(
    `insert into campaign select (jsonb_populate_record(c, jsonb_build_object('id', uuidv7(), 'name', $2 || ' ' || k, 'state', 'draft',
        'starts_on', current_date - 2, 'created_at', now() - interval '40 days', 'version', 1))).*
     from campaign c cross join generate_series(1, $3::int) k where c.id = $1 returning id`,
    [like, set, CAMPAIGNS],
  );
  for (const [k, { id }] of made.entries()) {
    await root.query(
      `insert into operation (tenant_id, id, campaign_id, title, status, category, planned_at, completed_at, entered_at, stepped_on)
       select tenant_id, uuidv7(), id, 'PC-' || n, case when n % 3 = 0 then 'done' else 'scheduled' end, case when n % 3 = 0 then 'success' else 'planned' end,
         d.day + interval '9 hours', case when n % 3 = 0 then d.day + interval '10 hours' end, d.day + interval '10 hours',
         case when n % 3 = 0 then jsonb_build_array(d.day::date::text) else '[]' end
       from campaign cross join generate_series(1, 150) n cross join lateral (
         select date_trunc('day', now()) - ${NIGHTS} * interval '1 day' + (n * 7 + $2::int) % 30 * interval '1 day' as day) d
       where id = $1`,
      [id, k],
    );
    await root.query(
      `insert into baseline (tenant_id, id, campaign_id, frozen_at, created_at, operations, days)
       select c.tenant_id, uuidv7(), c.id, now() - ${NIGHTS} * interval '1 day', now() - ${NIGHTS} * interval '1 day', array_agg(o.id order by o.id), array_agg(o.planned_at::date order by o.id)
       from campaign c join operation o on o.campaign_id = c.id where c.id = $1 group by c.tenant_id, c.id`,
      [id],
    );
  }
  return made.map(({ id }) => id);
}

/** They are under way or to come, and the work of the night is due. */
async function wake(ids: string[]): Promise<void> {
  await root.query("update campaign set state = case when n % 2 = 0 then 'upcoming' else 'active' end from unnest($1::uuid[]) with ordinality as u (id, n) where campaign.id = u.id", [
    ids,
  ]); // biome-ignore format: one statement
  // Known here for long, and not done of late.
  await root.query("delete from job_run where job = any ($1) and on_day > current_date - 5", [NIGHTLY]);
  await root.query(
    `insert into job_run (tenant_id, id, job, on_day, state)
     select c.tenant_id, uuidv7(), job, current_date - 30, 'done' from campaign c cross join unnest($1::text[]) job where c.id = $2
     on conflict do nothing`,
    [NIGHTLY, known],
  );
}

const toDo = async () =>
  (
    await one<{ n: number }>(
      `select count(*)::int as n from unnest($1::text[]) as due (job) where not exists (
         select from job_run r join campaign c on c.tenant_id = r.tenant_id and c.id = $2 where r.job = due.job and r.state = 'done' and r.on_day >= current_date - 1)`,
      [NIGHTLY, known],
    )
  ).n;
let known = "";

async function nightOver(): Promise<void> {
  for (const limit = Date.now() + TAKEN_UP_MS; (await toDo()) > 0; await pause(100)) {
    assert.ok(Date.now() < limit, "la nuit n’est pas reprise");
  }
}

/** What the night left of these campaigns, each as the one of the same rank in the other set. */
const nights = (ids: string[], before: string) =>
  rows(
    `select u.n::int, c.state, (select count(*)::int from event e where e.subject_id = c.id and e.name = 'campaign.started') as started,
      (select jsonb_agg(jsonb_build_array(s.day, s.cause, s.is_rebuilt, s.figures - 'campaignId' - 'generatedAt') order by s.day)
        from campaign_snapshot s where s.campaign_id = c.id and s.day < $2::date - 1) as snapshots,
      (select jsonb_agg(jsonb_build_array(p.day, p.planned, p.updated, cardinality(p.operations)) order by p.day)
        from day_plan p where p.campaign_id = c.id and p.day < $2::date) as plans
     from unnest($1::uuid[]) with ordinality as u (id, n) join campaign c on c.id = u.id order by u.n`,
    [ids, before],
  );
const frozen = async (ids: string[]) =>
  (await one<{ n: number }>("select count(*)::int as n from campaign_snapshot where campaign_id = any ($1)", [ids])).n;

test("CAM-5, SNP-1, SNP-6 : tué au milieu de la nuit, états, instantanés et plans sont ceux d’une nuit sans panne", {
  timeout: LONG ? 1_800_000 : 300_000,
}, async (t) => {
  const browser = await signIn(running.origin, "Denis Roussel");
  known = await draft(browser, "Modèle des nuits");
  const [calm, cut] = [await asleep("Calme", known), await asleep("Coupée", known)];
  const { day } = await one<{ day: string }>("select current_date::text as day");
  await killed();
  await wake(calm);
  await again();
  await nightOver();
  const wanted = await nights(calm, day);
  const whole = await frozen(calm);
  assert.ok(whole >= CAMPAIGNS * (NIGHTS - 1), `${whole} instantanés`);

  await killed();
  await wake(cut);
  for (const share of LONG ? [25, 75] : [40]) {
    // One that is to start is held: the work that starts them waits there when the process dies.
    const other = await open();
    await other.query("begin");
    const waiting = await other.query(
      "select id from campaign where id = any ($1) and state = 'upcoming' order by id offset 1 limit 1 for no key update",
      [cut],
    );
    await again();
    for (const limit = Date.now() + TAKEN_UP_MS; (await frozen(cut)) < (share * whole) / 100; await pause(5)) {
      assert.ok(Date.now() < limit, "la nuit ne commence pas");
    }
    t.diagnostic(
      `visé ${share} %, tué à ${await frozen(cut)} instantanés de ${whole}, ${waiting.rowCount} campagne tenue`,
    );
    await killed();
    await other.end();
    await settled();
  }
  await again();
  await nightOver();
  assert.deepEqual(await nights(cut, day), wanted);
});
