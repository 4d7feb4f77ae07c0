import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { listSnapshots } from "../../src/campaigns/queries/snapshots.ts";
import { campaignStats } from "../../src/campaigns/queries/stats.ts";
import { freezeDays } from "../../src/campaigns/snapshot.ts";
import { enterDemo } from "../../src/demo.ts";
import { shiftDay } from "../../src/fields/index.ts";
import { fr } from "../../src/platform/text/index.ts";
import { testDatabase } from "../support/database.ts";

const { db } = await testDatabase();
/** A Sunday in November: no day of work, and holidays on the way. */
const NOW = new Date("2026-11-22T10:00:00Z");
await enterDemo(db, { now: NOW });

/** As the application does, in one organisation. */
const asked = async <T extends object>(organisation: string, sql: string): Promise<T[]> => {
  const [tenant] = await db
    .lookup<{ id: string; name: string }>("tenants")
    .then((all) => all.filter(({ name }) => name === organisation));
  return db.read(tenant!.id, (em) => em.execute<T[]>(sql));
};

test("la campagne de référence compte 847 opérations, ses sept compteurs et ses trois segments (INS-3)", async () => {
  const counts = await asked<{ status: string; n: number }>(
    "Mutuelle des Quais",
    `select o.status, count(*)::int as n from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
     where c.name = 'Migration des postes de travail' group by 1`,
  );
  assert.deepEqual(Object.fromEntries(counts.map(({ status, n }) => [status, n])), {
    to_schedule: 40,
    scheduled: 92,
    in_progress: 10,
    done: 619,
    postponed: 52,
    blocked: 34,
  });
  const segments = await asked<{ name: string; n: number }>(
    "Mutuelle des Quais",
    `select s.name, count(*)::int as n from operation o join campaign c on c.tenant_id = o.tenant_id and c.id = o.campaign_id
     join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
     where c.name = 'Migration des postes de travail' group by 1 order by 1`,
  );
  assert.deepEqual(
    segments.map(({ name, n }) => [name, n]),
    [
      ["Bâtiment A", 312],
      ["Bâtiment B", 300],
      ["Bâtiment C", 235],
    ],
  );
});

test("ses chiffres se lisent comme ceux d’une campagne menée : 77,8 % attendus, un vieux blocage, un instantané chaque nuit (INS-3, SNP-1)", async () => {
  const [tenant] = (await db.lookup<{ id: string; name: string }>("tenants")).filter(
    ({ name }) => name === "Mutuelle des Quais",
  );
  const house = { zone: "Europe/Paris", holidayZone: "metropole" };
  const asked = { now: NOW, tenant: house, times: "none", from: "page" } as const;
  const { stats, nights } = await db.read(tenant!.id, async (em) => {
    const campaign = await em.findOneOrFail(Campaign, { name: "Migration des postes de travail" });
    const days = { from: "2026-01-01", to: "2026-12-31" };
    return {
      stats: (await campaignStats(em, [campaign], asked)).get(campaign.id)!,
      nights: await listSnapshots(em, campaign.id, days),
    };
  });
  assert.deepEqual([fr.ratio(stats.progress), fr.ratio(stats.expected)], ["73,1\u00a0%", "77,8\u00a0%"]);
  assert.equal(stats.lateMark?.points, null);
  const blocked = stats.lateMark!.blockedDays!;
  assert.ok(blocked > 2 && blocked < 10, `${blocked} jours ouvrés`);
  const shares = { northStar: stats.northStar, sameDay: stats.sameDay, reliability: stats.reliability };
  for (const [name, { part, of }] of Object.entries(shares)) {
    assert.ok(part / of > 0.75 && part / of < 0.98, `${name} ${part}/${of}`);
  }
  assert.equal(nights.at(-1)!.day, "2026-11-21");
  assert.deepEqual(
    nights.map(({ day }) => day),
    nights.map((_, rank) => shiftDay(nights[0]!.day, rank)),
    "sans trou",
  );
  assert.ok(nights.length > 42 && nights.every(({ isRebuilt, cause }) => !isRebuilt && cause === "day"));
  assert.deepEqual(nights.at(-1)!.figures.counters, stats.counters);
  const services = { db, clock: { now: () => NOW } };
  assert.match(await freezeDays(services as never, { tenantId: tenant!.id }), /^0 /, "aucune nuit ne manque");
});

test("une campagne dans chaque état, et une autre organisation qui a la sienne", async () => {
  const states = await asked<{ state: string }>("Mutuelle des Quais", "select state from campaign");
  assert.deepEqual(states.map(({ state }) => state).toSorted(), [
    "active",
    "archived",
    "draft",
    "finished",
    "upcoming",
  ]);
  const [other] = await asked<{ n: number }>("Ville de Portelune", "select count(*)::int as n from operation");
  assert.equal(other!.n, 110);
});

test("six semaines d’histoire : personne ne travaille un jour férié ni un week-end, rien n’est à venir, chaque opération finie a commencé", async () => {
  const [seen] = await asked<{ weeks: number; off: number; future: number; odd: number; authors: number }>(
    "Mutuelle des Quais",
    `select count(distinct date_trunc('week', a.at))::int as weeks,
       count(*) filter (where extract(isodow from a.at at time zone 'Europe/Paris') > 5
         or (a.at at time zone 'Europe/Paris')::date in ('2026-11-01', '2026-11-11'))::int as off,
       count(*) filter (where a.at > '${NOW.toISOString()}')::int as future,
       (select count(*)::int from operation where status = 'done' and (started_at is null or completed_at <= started_at)) as odd,
       count(distinct a.actor_id)::int as authors
     from act a where a.code = 'operation.transitioned'`,
  );
  assert.ok(seen!.weeks >= 6, `${seen!.weeks} semaines`);
  assert.deepEqual({ ...seen, weeks: 0 }, { weeks: 0, off: 0, future: 0, odd: 0, authors: 3 });
});

test("la campagne des badges dit qui elle concerne : soixante personnes, chacune son opération, celles de l’annuaire sous leur nom (ELG-2)", async () => {
  const [seen] = await asked<{ people: number; known: number; named: number }>(
    "Mutuelle des Quais",
    `select count(*)::int as people, count(s.id)::int as known,
       count(*) filter (where o.title = coalesce(s.given_name, e.given_name) || ' ' || coalesce(s.family_name, e.family_name))::int as named
     from eligible_person e
     join operation o on o.tenant_id = e.tenant_id and o.id = e.operation_id
     left join staff_member s on s.tenant_id = e.tenant_id and s.id = e.staff_member_id`,
  );
  assert.deepEqual(seen, { people: 60, known: 48, named: 60 });
});
