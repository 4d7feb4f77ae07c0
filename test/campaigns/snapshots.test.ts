/** What each night freezes: snapshots, plans of days, days missed (SNP-1 to SNP-6, STA-11). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { campaigns } from "../../src/campaigns/module.ts";
import { listSnapshots } from "../../src/campaigns/queries/snapshots.ts";
import { campaignStats } from "../../src/campaigns/queries/stats.ts";
import { FORMULA_VERSION } from "../../src/campaigns/stats.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const services = world.app.locals.services;
const nightly = campaigns.schedules!.find(({ job }) => job === "campaigns.freeze_days")!;
const { tenantId } = await world.userOf("sophie");
const tenant = { zone: "Europe/Paris", holidayZone: "metropole" };
/** Only forward: what happens at a time is written at that time. */
const at = async (moment: string) => world.clock.advance(Date.parse(moment) - world.clock.now().getTime());
const night = () => nightly.run(services, { tenantId, day: "" });

async function campaign(): Promise<string> {
  const made = await makeCampaign(await world.as("sophie"), { startsOn: "2027-01-04", endsOn: "2028-06-30" });
  await change(made, (one) => {
    one.state = "active";
  });
  return made;
}
const change = (of: string, verb: (found: Campaign, em: never) => unknown) =>
  world.db.act(
    { tenantId, actorId: null, channel: "job", code: "essai", label: "Essai", now: world.clock.now() },
    async (em) => verb(await em.findOneOrFail(Campaign, { id: idIn(of) }), em as never),
  );
const add = async (of: string, target: string, plannedOn = "") =>
  addOperation(await world.as("sophie"), of, { c_cible: target, plannedOn });
async function step(one: string, to: string, kind: string, more: Record<string, string> = {}) {
  const sophie = await world.as("sophie");
  await sophie.get(one);
  isAt(await sophie.post(`${one}/statut`, { to, kind, ...more }));
}
async function complete(one: string) {
  await step(one, "in_progress", "start");
  await step(one, "done", "complete");
}
async function date(one: string, plannedOn: string) {
  const sophie = await world.as("sophie");
  await sophie.get(one);
  isAt(await sophie.post(`${one}/date`, { plannedOn, plannedHour: "" }));
}
async function undoLast(one: string) {
  const denis = await world.as("denis");
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      `select c.act_id as id from change h join changeset c on c.tenant_id = h.tenant_id and c.id = h.changeset_id
       where h.table_name = 'operation' and h.row_id = ? order by h.ordinal desc limit 1`,
      [idIn(one)],
    ),
  );
  await denis.get(`/actes/${act!.id}/annulation`);
  isAt(await denis.post(`/actes/${act!.id}/annulation`, {}));
}
const snapshots = (of: string) =>
  world.db.read(tenantId, (em) => listSnapshots(em, idIn(of), { from: "2027-01-01", to: "2028-12-31" }));
const told = async (of: string) =>
  (await snapshots(of)).map(({ day, cause, isRebuilt, figures }) => [
    ...[day, cause, isRebuilt],
    ...[figures.total, figures.counters.success, figures.doneToday],
  ]);
const plans = (of: string) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ day: string; planned: number; updated: number | null }[]>(
      "select day::text, planned, updated from day_plan where campaign_id = ? order by day",
      [idIn(of)],
    ),
  );
const live = async (of: string) =>
  (
    await world.db.read(tenantId, async (em) =>
      campaignStats(em, [await em.findOneOrFail(Campaign, { id: idIn(of) })], {
        ...{ now: world.clock.now(), tenant, times: "none", from: "page" },
      }),
    )
  ).get(idIn(of))!;

test("S29, SNP-1, SNP-3 : la nuit fige la veille ; corriger, annuler, effacer ensuite n’y change rien ; une seule fois", async () => {
  await at("2027-03-11T23:10:00Z"); // 00:10 in Paris
  const of = await campaign();
  await night();
  await at("2027-03-12T09:00:00Z");
  const [one, other] = [await add(of, "PC-1", "2027-03-12"), await add(of, "PC-2", "2027-03-12")];
  await add(of, "PC-0");
  await complete(one);
  await complete(other);
  await at("2027-03-12T23:05:30Z");
  await night();
  const kept = [["2027-03-12", "day", false, 3, 2, 2]];
  assert.deepEqual(await told(of), kept);
  await at("2027-03-13T10:00:00Z");
  await undoLast(one);
  await add(of, "PC-3");
  await night();
  assert.deepEqual(await told(of), kept);
  assert.deepEqual([(await live(of)).total, (await live(of)).counters.success], [4, 1]);
  const [last] = (await snapshots(of)).slice(-1);
  assert.equal("technicians" in last!.figures, false, "aucun nom de personne");
  assert.equal(last!.figures.formulaVersion, FORMULA_VERSION);
  await assert.rejects(
    world.db.note(tenantId, (em) => em.execute("update campaign_snapshot set is_rebuilt = true")),
    /permission denied/,
  );
});

test("S29, SNP-6 : deux nuits d’arrêt, deux jours reconstitués de l’historique, chacun comme il était", async () => {
  await at("2027-03-15T23:06:00Z");
  const of = await campaign();
  await night();
  await at("2027-03-16T09:00:00Z");
  const [one, two, three] = [
    await add(of, "PC-1", "2027-03-16"),
    await add(of, "PC-2", "2027-03-17"),
    await add(of, "PC-3"),
  ];
  await complete(one);
  await at("2027-03-17T09:00:00Z");
  await complete(two);
  await step(three, "postponed", "postpone");
  await at("2027-03-18T08:00:00Z");
  await date(three, "2027-03-19");
  await night();
  assert.deepEqual(await told(of), [
    ["2027-03-16", "day", true, 3, 1, 1],
    ["2027-03-17", "day", true, 3, 2, 1],
  ]);
  const [first, second] = await snapshots(of);
  assert.deepEqual([first!.figures.counters.deferred, second!.figures.counters.deferred], [0, 1]);
  assert.deepEqual([first!.figures.postponedThisWeek, second!.figures.postponedThisWeek], [0, 1]);
  assert.deepEqual(await plans(of), [
    { day: "2027-03-16", planned: 1, updated: 1 },
    { day: "2027-03-17", planned: 1, updated: 1 },
    { day: "2027-03-18", planned: 0, updated: null },
  ]);
});

test("S29, STA-5, STA-11 : le plan du jour se fige ; reportée ce jour-là, elle est à jour ; un acte annulé plus tard quitte le taux", async () => {
  await at("2027-03-21T09:00:00Z");
  const of = await campaign();
  const ones = [];
  for (const n of [1, 2, 3, 4]) ones.push(await add(of, `PC-${n}`, "2027-03-22"));
  const late = await add(of, "PC-5", "2027-03-24");
  await at("2027-03-21T23:05:10Z");
  await night();
  await at("2027-03-22T10:00:00Z");
  await step(ones[0]!, "postponed", "postpone");
  await complete(ones[1]!);
  await date(late, "2027-03-22"); // joins the plan of the day, and leaves it no more
  await date(late, "2027-03-25");
  await at("2027-03-22T23:05:10Z");
  await night();
  const day = async () => (await plans(of)).find((one) => one.day === "2027-03-22");
  assert.deepEqual(await day(), { day: "2027-03-22", planned: 5, updated: 2 });
  await at("2027-03-23T10:00:00Z");
  assert.deepEqual((await live(of)).sameDay, { part: 2, of: 5 });
  await complete(ones[2]!);
  assert.deepEqual((await live(of)).sameDay, { part: 2, of: 5 }, "le lendemain n’est pas le jour même");
  await undoLast(ones[0]!);
  assert.deepEqual((await live(of)).sameDay, { part: 1, of: 5 }, "annulé : il n’a pas bougé ce jour-là");
  const denis = await world.as("denis");
  const [undo] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where undoes_id is not null order by id desc limit 1"),
  );
  await denis.get(`/actes/${undo!.id}/annulation`);
  isAt(await denis.post(`/actes/${undo!.id}/annulation`, {}));
  assert.deepEqual((await live(of)).sameDay, { part: 2, of: 5 }, "et rétabli, si");
  assert.equal((await snapshots(of)).at(-1)!.figures.sameDay.of, 0, "l’instantané d’hier ne bouge pas");
});

test("SNP-1, GEN-3 : aux nuits du changement d’heure, le jour va de minuit à minuit, de 23 ou de 25 heures", async () => {
  await at("2027-03-27T12:00:00Z");
  const of = await campaign();
  const [one, two] = [await add(of, "PC-1"), await add(of, "PC-2")];
  await add(of, "PC-3");
  await at("2027-03-27T23:30:00Z"); // the 28th at 00:30, the day that has 23 hours
  await complete(one);
  await at("2027-03-28T21:55:00Z"); // 23:55, summer time
  await complete(two);
  await at("2027-03-28T22:05:10Z");
  await night();
  const spring = (await told(of)).slice(-2);
  assert.deepEqual(spring.at(-1), ["2027-03-28", "day", false, 3, 2, 2]);
  await at("2027-10-31T12:00:00Z");
  const autumn = await campaign();
  const [three, four] = [await add(autumn, "PC-3"), await add(autumn, "PC-4")];
  await add(autumn, "PC-5");
  await at("2027-10-31T22:55:00Z"); // 23:55, winter time
  await complete(three);
  await at("2027-10-31T23:01:00Z");
  await complete(four);
  await at("2027-10-31T23:05:10Z");
  await night();
  assert.deepEqual((await told(autumn)).at(-1), ["2027-10-31", "day", false, 3, 1, 1]);
});

test("SNP-1 : finir et archiver figent aussi ; un brouillon n’a pas d’instantané", async () => {
  await at("2027-11-02T12:00:00Z");
  const [of, draft] = [await campaign(), await makeCampaign(await world.as("sophie"))];
  await night();
  await complete(await add(of, "PC-1", "2027-11-02"));
  await at("2027-11-02T12:01:00Z");
  const sophie = await world.as("sophie");
  await sophie.get(`${of}/archivage`);
  isAt(await sophie.post(`${of}/archivage`, { reason: "Finie" }));
  await at("2027-11-02T23:06:00Z");
  await night();
  assert.deepEqual(await told(of), [
    ["2027-11-02", "finish", false, 1, 1, 1],
    ["2027-11-02", "archive", false, 1, 1, 1],
  ]);
  assert.deepEqual(await told(draft), []);
  assert.deepEqual(
    (await plans(of)).at(-1),
    { day: "2027-11-02", planned: 1, updated: 1 },
    "son dernier plan se fige aussi",
  );
});

test("SNP-2 : la page d’un jour passé redit les mêmes phrases, les jours de la campagne changés", async () => {
  await at("2028-03-01T09:00:00Z");
  const of = await campaign();
  for (const title of ["PC-1", "PC-2", "PC-3"]) await complete(await add(of, title));
  await add(of, "PC-4");
  await at("2028-03-02T23:05:30Z");
  await night();
  const pageOf = async () => {
    const sophie = await world.as("sophie");
    const [line] = await world.db.read(tenantId, (em) =>
      em.execute<{ id: string }[]>("select id from campaign_snapshot where campaign_id = ? order by day desc limit 1", [
        idIn(of),
      ]),
    );
    // Its head names the campaign as it is; what is frozen comes after.
    const page = plain(await sophie.get(`${of}/instantanes/${line!.id}`));
    return page.slice(page.indexOf("Figé le"));
  };
  const then = await pageOf();
  assert.match(then, /Fin prévue vendredi 30 juin .*jours ouvrés d’avance/);
  await change(of, (one) => Object.assign(one, { endsOn: "2028-03-03", closedDays: ["2028-03-06", "2028-03-07"] }));
  await change(of, (one) => {
    one.holidayZone = "alsace-moselle";
  });
  assert.equal(await pageOf(), then);
});

test("SNP-1, PRE-6 : l’état de préparation d’un instantané est celui de son jour ; fin et archivage le figent aussi ; reconstitué, il n’est pas connu", async () => {
  await at("2028-04-03T09:00:00Z");
  const of = await campaign();
  const one = await add(of, "PC-1", "2028-04-10");
  const sophie = await world.as("sophie");
  await sophie.get(`${of}/prerequis/nouveau`);
  isAt(
    await sophie.post(`${of}/prerequis/nouveau`, { label: "Câbles", responsibleName: "Achats", dueOn: "2028-04-03" }),
  );
  const late = async () =>
    world.db.read(tenantId, (em) =>
      em.execute<{ day: string; cause: string; late: string | null }[]>(
        `select day::text, cause, (select r ->> 'result' from jsonb_array_elements(readiness -> 'rules') r where r ->> 'code' = 'late') as late
         from campaign_snapshot where campaign_id = ? order by day, id`,
        [idIn(of)],
      ),
    );
  await at("2028-04-03T22:05:30Z");
  await night();
  assert.deepEqual(
    (await late()).at(-1),
    { day: "2028-04-03", cause: "day", late: "green" },
    "dû ce jour-là, à l’heure",
  );
  await at("2028-04-04T22:05:30Z");
  await night();
  assert.deepEqual((await late()).at(-1), { day: "2028-04-04", cause: "day", late: "amber" });
  await at("2028-04-06T09:00:00Z");
  await night();
  assert.deepEqual((await late()).at(-1), { day: "2028-04-05", cause: "day", late: null });
  const [rebuilt] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>(
      "select id from campaign_snapshot where campaign_id = ? and is_rebuilt order by day desc limit 1",
      [idIn(of)],
    ),
  );
  assert.match(
    plain(await (await world.as("sophie")).get(`${of}/instantanes/${rebuilt!.id}`)),
    /État de préparation Cet instantané ne l’a pas gardé.*refait de l’historique/,
  );
  await complete(one);
  assert.deepEqual((await late()).at(-1), { day: "2028-04-06", cause: "finish", late: "amber" });
});
