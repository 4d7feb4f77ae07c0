/** Nights that were missed, and those on which clocks change: states, snapshots and plans as if nothing had happened (CAM-5, SNP-1, SNP-6, STA-11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setBaseline } from "../../src/campaigns/baseline.ts";
import { Campaign } from "../../src/campaigns/index.ts";
import { startDue } from "../../src/campaigns/life-cycle.ts";
import { campaigns } from "../../src/campaigns/module.ts";
import { listSnapshots } from "../../src/campaigns/queries/snapshots.ts";
import { shiftDay, startOfDay } from "../../src/fields/index.ts";
import type { Enqueue } from "../../src/platform/db/index.ts";
import { runSchedule } from "../../src/platform/jobs/run.ts";
import { startTick } from "../../src/platform/jobs/tick.ts";
import type { Services } from "../../src/platform/services.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld, type World } from "../support/world.ts";

const NIGHTLY = campaigns.schedules!.filter(({ at }) => at === "00:05");
const PARIS = "Europe/Paris";

/** An organisation whose days go by, and what they leave. */
async function organisation() {
  const world = await startWorld();
  world.db.sendJobsWith(async () => {});
  const services = (): Services => world.app.locals.services;
  const { id: userId, tenantId } = await world.userOf("sophie");
  const go = (moment: string | Date) => world.clock.advance(+new Date(moment) - world.clock.now().getTime());
  const sophie = () => world.as("sophie");
  const ask = <T extends object>(sql: string, values: unknown[] = []) =>
    world.db.read(tenantId, (em) => em.execute<T[]>(sql, values));
  const post = async (at: string, to: string, fields: Record<string, string> = {}) =>
    isAt(await (await sophie()).post(`${at}/${to}`, fields));
  const step = (one: string, to: string, kind: string, more: Record<string, string> = {}) =>
    post(one, "statut", { to, kind, ...more });
  /** How many times each work of a night was done, by place and local day. */
  const done = new Map<string, number>();
  /** The processes of this organisation, so many at once, up at each of these moments. */
  async function live(moments: readonly (string | Date)[], times = 1): Promise<void> {
    const sent: { job: string; about: { tenantId: string; day: string; zone?: string } }[] = [];
    const send: Enqueue = async (_transaction, job, content) => {
      if ("day" in content && content.tenantId === tenantId) sent.push({ job, about: content });
    };
    await go(moments[0]!);
    const fail = (error: unknown) => assert.fail(String(error));
    const ticks = Array.from({ length: times }, () => startTick(services(), NIGHTLY, send, fail));
    for (const moment of moments) {
      await go(moment);
      await Promise.all(ticks.map(({ tick }) => tick()));
      for (const { job, about } of sent.splice(0)) {
        const key = `${job} ${about.zone ?? PARIS} ${about.day}`;
        done.set(key, (done.get(key) ?? 0) + 1);
        const schedule = NIGHTLY.find((one) => one.job === job)!;
        await Promise.all(ticks.map(() => runSchedule(services(), schedule, about)));
      }
    }
    await Promise.all(ticks.map(({ stop }) => stop()));
  }
  return {
    world,
    tenantId,
    userId,
    done,
    ...{ services, go, sophie, ask, post, step, live },
    async campaign(fields: Record<string, string>, zone?: string) {
      const at = await makeCampaign(await sophie(), { endsOn: "2027-12-31", ...fields });
      if (zone) {
        const { text } = await (await sophie()).get(`${at}/reglages`);
        const version = /name="version" value="(\d+)"/.exec(text)![1]!;
        const more = { holidayZone: "", defaultHour: "09:00", durationMinutes: "", closedDays: "" };
        isAt(await (await sophie()).post(`${at}/calendrier`, { version, zone, ...more }));
      }
      return at;
    },
    add: async (at: string, title: string, more: Record<string, string> = {}) =>
      addOperation(await sophie(), at, { c_cible: title, ...more }),
    async complete(one: string) {
      await step(one, "in_progress", "start");
      await step(one, "done", "complete");
    },
    change: (at: string, verb: (em: Parameters<typeof setBaseline>[0], found: Campaign) => unknown) =>
      world.db.act(
        { tenantId, actorId: userId, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
        async (em) => verb(em, await em.findOneOrFail(Campaign, { id: idIn(at) })),
      ),
    snapshots: (at: string) =>
      world.db.read(tenantId, (em) => listSnapshots(em, idIn(at), { from: "2027-01-01", to: "2027-12-31" })),
    plans: (at: string) =>
      ask<{ day: string; planned: number; updated: number | null }>(
        "select day::text, planned, updated from day_plan where campaign_id = ? order by day",
        [idIn(at)],
      ),
  };
}
type Organisation = Awaited<ReturnType<typeof organisation>>;

/** Five days of three campaigns: of the fifteenth, what each is and what was kept of it. */
async function fiveDays(one: Organisation, { isUp }: { isUp: boolean }) {
  const { go, live, campaign, add, complete, step, post, change, ask } = one;
  await go("2027-01-11T08:00:00Z");
  const going = await campaign({ name: "En cours", startsOn: "2027-01-04", endsOn: "2027-01-31" });
  const soon = await campaign({ name: "À venir", startsOn: "2027-01-13" });
  const ending = await campaign({ name: "Qui finit", startsOn: "2027-01-04" });
  for (const name of ["Nord", "Sud"]) await post(going, "segments", { name });
  const segments = await ask<{ id: string; name: string }>("select id, name from segment where campaign_id = ?", [
    idIn(going),
  ]);
  const [north, south] = ["Nord", "Sud"].map((name) => segments.find((found) => found.name === name)!.id);
  const a = await add(going, "A", { plannedOn: "2027-01-12", segment: north! });
  const b = await add(going, "B", { plannedOn: "2027-01-13", segment: north! });
  const c = await add(going, "C", { plannedOn: "2027-01-14", segment: south! });
  await add(going, "D", { plannedOn: "2027-01-20", segment: south! });
  await add(soon, "E", { plannedOn: "2027-01-14" });
  const [f, g] = [
    await add(ending, "F", { plannedOn: "2027-01-12" }),
    await add(ending, "G", { plannedOn: "2027-01-13" }),
  ];
  for (const at of [going, soon, ending]) await post(at, "publication");
  await live(["2027-01-11T22:00:00Z", "2027-01-11T23:05:30Z"]);

  await go("2027-01-12T10:00:00Z");
  await complete(a);
  await step(b, "postponed", "postpone");
  await complete(f);
  if (isUp) await live(["2027-01-12T23:05:30Z"]);

  await go("2027-01-13T10:00:00Z");
  await complete(g);
  await change(going, (em, found) => {
    found.endsOn = "2027-02-28";
    return setBaseline(em, found, "Nouveau calendrier", {
      by: { id: one.userId },
      now: one.world.clock.now(),
      zone: PARIS,
    });
  });
  await post(c, "date", { plannedOn: "2027-01-13", plannedHour: "" });
  if (isUp) await live(["2027-01-13T23:05:30Z"]);

  await go("2027-01-14T10:00:00Z");
  await complete(c);
  await change(going, (em) => em.execute("update segment set name = 'Midi' where id = ?", [south]));
  await step(g, "in_progress", "reopen", { reason: "Oubli" });
  if (isUp) await live(["2027-01-14T23:05:30Z"]);

  await live(["2027-01-15T09:00:00Z"]);
  const kept = [];
  for (const at of [going, soon, ending]) {
    const [row] = await ask<{ name: string; state: string; started: number }>(
      `select name, state, (select count(*)::int from event e where e.subject_id = c.id and e.name = 'campaign.started') as started
       from campaign c where id = ?`,
      [idIn(at)],
    );
    const snapshots = (await one.snapshots(at)).map(({ day, cause, isRebuilt, figures }) => {
      const { campaignId: _, generatedAt: __, ...rest } = figures;
      return {
        day,
        cause,
        isRebuilt,
        figures: { ...rest, segments: rest.segments.map(({ id: ___, ...line }) => line) },
      };
    });
    kept.push({ ...row!, snapshots, plans: await one.plans(at) });
  }
  return kept;
}

test("CAM-5, SNP-6, STA-11 : trois nuits manquées laissent états, instantanés et plans tels que trois nuits vécues ; ceux-là seuls sont reconstitués", async () => {
  const [up, down] = [await organisation(), await organisation()];
  const lived = await fiveDays(up, { isUp: true });
  const missed = await fiveDays(down, { isUp: false });
  const days = (list: typeof lived) =>
    list.map(({ name, state, started, snapshots, plans }) => ({
      ...{ name, state, started, plans },
      days: snapshots.map(({ day, cause }) => `${day} ${cause}`).toSorted(),
    }));
  assert.deepEqual(days(missed), days(lived));
  assert.deepEqual(
    lived[2]!.snapshots.map(({ day, cause }) => `${day} ${cause}`),
    ["2027-01-11 day", "2027-01-12 day", "2027-01-13 finish", "2027-01-14 day"],
    "finie le 13, elle n’a pas d’instantané de cette nuit-là",
  );
  for (const [i, one] of missed.entries()) {
    for (const { day, isRebuilt, figures } of one.snapshots.filter(({ cause }) => cause === "day")) {
      const same = lived[i]!.snapshots.find((other) => other.day === day && other.cause === "day")!;
      assert.deepEqual(figures, same.figures, `${one.name}, ${day}`);
      assert.deepEqual([same.isRebuilt, isRebuilt], [false, day > "2027-01-11"], `${one.name}, ${day}`);
    }
  }
  await down.live(["2027-01-15T10:00:00Z", "2027-01-15T15:00:00Z"]);
  assert.equal((await down.snapshots(await atOf(down, "Qui finit"))).length, 4, "rien de plus ensuite");
});

const atOf = async ({ ask }: Organisation, name: string) =>
  `/campagnes/${(await ask<{ id: string }>("select id from campaign where name = ?", [name]))[0]!.id}`;

const CHANGES = [
  { zone: "America/Miquelon", day: "2027-03-14", hours: 23 },
  { zone: PARIS, day: "2027-03-28", hours: 23 },
  { zone: "Pacific/Noumea", day: "2027-03-28", hours: 24 },
  { zone: PARIS, day: "2027-10-31", hours: 25 },
  { zone: "America/Miquelon", day: "2027-11-07", hours: 25 },
];

test("CAM-5, SNP-1, STA-11, GEN-3 : aux changements d’heure de mars et d’octobre, à Paris et ailleurs, chaque nuit une fois, à minuit cinq, et le plan d’un jour de 23 ou 25 heures", async () => {
  const one = await organisation();
  for (const { zone, day, hours } of CHANGES) {
    const [from, until] = [startOfDay(day, zone), startOfDay(shiftDay(day, 1), zone)];
    assert.equal((+until - +from) / 3_600_000, hours, `${zone}, ${day}`);
    const before = shiftDay(day, -1);
    await one.go(new Date(+startOfDay(before, zone) + 9 * 3_600_000));
    const at = await one.campaign({ startsOn: day }, zone === PARIS ? undefined : zone);
    await one.add(at, "Veille", { plannedOn: before, plannedHour: "23:30" });
    const first = await one.add(at, "Matin", { plannedOn: day, plannedHour: "00:00" });
    await one.add(at, "Soir", { plannedOn: day, plannedHour: "23:45" });
    await one.add(at, "Lendemain", { plannedOn: shiftDay(day, 1), plannedHour: "00:00" });
    await one.post(at, "publication");
    one.done.clear();
    // Each hour, and each minute around midnight: the instants a process would look at.
    const moments: Date[] = [];
    for (let t = +from - 2 * 3_600_000; t < +until - 600_000; t += 3_600_000) moments.push(new Date(t));
    for (const minutes of [4, 5, 6]) moments.push(new Date(+from + minutes * 60_000));
    const state = async () =>
      (await one.ask<{ state: string }>("select state from campaign where id = ?", [idIn(at)]))[0]!.state;
    const sorted = moments.toSorted((x, y) => +x - +y);
    await one.live(
      sorted.filter((moment) => +moment < +from + 5 * 60_000),
      2,
    );
    assert.equal(await state(), "upcoming", `${zone}, ${day} : pas avant minuit cinq`);
    await one.live(
      sorted.filter((moment) => +moment >= +from + 5 * 60_000),
      2,
    );
    assert.equal(await state(), "active");
    await one.go(new Date(+until - 5 * 60_000));
    await one.complete(first);
    await one.live(
      [4, 5, 6, 20, 65, 125].map((minutes) => new Date(+until + minutes * 60_000)),
      2,
    );
    const night = (await one.snapshots(at)).filter((found) => found.day === day);
    assert.deepEqual(
      night.map(({ cause, isRebuilt, figures }) => [cause, isRebuilt, figures.total, figures.doneToday, figures.late]),
      [["day", false, 4, 1, 1]],
      `${zone}, ${day}`,
    );
    const [taken] = await one.ask<{ at: string }>(
      "select taken_at as at from campaign_snapshot where campaign_id = ? and day = ?",
      [idIn(at), day],
    );
    const late = (+new Date(taken!.at) - +until) / 60_000;
    assert.ok(late >= 5 && late < 6, `${zone}, ${day} : figé ${late} minutes après minuit`);
    const plan = (await one.plans(at)).find((found) => found.day === day);
    assert.deepEqual(plan, { day, planned: 2, updated: 1 }, `${zone}, ${day}`);
    const twice = [...one.done].filter(([, times]) => times !== 1);
    assert.deepEqual(twice, [], "chaque nuit de chaque lieu, une fois");
    assert.ok(one.done.has(`campaigns.freeze_days ${zone} ${shiftDay(day, 1)}`), `${zone}, ${day}`);
    await one.post(at, "archivage", { reason: "Essai fini" });
  }
});

test("CAM-5 : remise à plus tard, ou mise à la corbeille, entre la lecture de la tâche et son tour, elle ne démarre pas", async () => {
  const one = await organisation();
  const { world, tenantId, services } = one;
  await one.go("2027-05-01T08:00:00Z");
  const [later, gone, due] = [
    await one.campaign({ startsOn: "2027-05-10" }),
    await one.campaign({ startsOn: "2027-05-10" }),
    await one.campaign({ startsOn: "2027-05-10" }),
  ];
  for (const at of [later, gone, due]) await one.post(at, "publication");
  await one.go("2027-05-09T22:06:00Z");
  let isChanged = false;
  const { db, clock } = services();
  const overtaken = {
    clock,
    db: {
      ...db,
      async act(...said: Parameters<World["db"]["act"]>) {
        if (!isChanged) {
          isChanged = true;
          await one.change(later, (_em, found) => Object.assign(found, { startsOn: "2027-06-10" }));
          await one.change(gone, (_em, found) => Object.assign(found, { trashedAt: clock.now() }));
        }
        return db.act(...said);
      },
    },
  } as Services;
  assert.equal(await startDue(overtaken, { tenantId }), 1);
  const states = await one.ask<{ state: string }>(
    "select state from campaign where id in (?, ?, ?) order by array_position(array[?, ?, ?]::uuid[], id)",
    [later, gone, due, later, gone, due].map(idIn),
  );
  assert.deepEqual(
    states.map(({ state }) => state),
    ["upcoming", "upcoming", "active"],
  );
  assert.ok(world.clock.now() > new Date("2027-05-09T22:05:00Z"));
});
