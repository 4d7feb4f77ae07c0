import assert from "node:assert/strict";
import { test } from "node:test";
import { idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { sent } from "../support/sent.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, claire, hugo, helene, karim] = (await Promise.all(
  ["denis", "sophie", "claire", "hugo", "helene", "karim"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser, Browser, Browser];
const { tenantId } = sophie;
const AT = "/campagnes";

/** Operations of a campaign straight in the base, so many of each category. */
async function fill(at: string, counts: Record<string, number>, technician: string | null = null): Promise<void> {
  await world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "test.filled", label: "Essai", now: world.clock.now() },
    (em) =>
      em.execute(
        `insert into operation (tenant_id, id, campaign_id, title, "values", status, category, search, technician_id)
         select ?, uuidv7(), ?, 'PC ' || key || n, '{}', key, key, '', ?
         from jsonb_each_text(?::jsonb) c cross join generate_series(1, c.value::int) n`,
        [tenantId, idIn(at), technician, JSON.stringify(counts)],
      ),
  );
}
const setState = (at: string, state: string, more = "") =>
  world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "test.moved", label: "Essai", now: world.clock.now() },
    (em) => em.execute(`update campaign set state = ? ${more} where id = ?`, [state, idIn(at)]),
  );

/** The cards of a page, by section, as they come. */
function cardsOf({ text }: { text: string }): Record<string, string[]> {
  return Object.fromEntries(
    [...text.matchAll(/<section class="cards" aria-labelledby="section-([a-z]+)">([\s\S]*?)<\/section>/g)].map(
      ([, code, body]) => [code, [...body!.matchAll(/<h3><a href="([^"]+)"/g)].map(([, href]) => href!)],
    ),
  );
}
const cardOf = ({ text }: { text: string }, at: string): string =>
  plain({
    text:
      new RegExp(
        `<li class="campaign-card[^>]*id="campagne-${idIn(at)}">[\\s\\S]*?</li>\\s*(?=<li class="campaign|</ul>)`,
      ).exec(text)?.[0] ?? "",
  });
const figuresOf = ({ text }: { text: string }) =>
  [...text.matchAll(/<dd class="figure">([^<]+)<\/dd>/g)].map(([, value]) => value!.replaceAll(/[\u00a0\u202f]/g, " "));

test("DSH-12, DSH-13, STA-5 : trois chiffres sur les campagnes vivantes, et les mêmes sur la carte que partout", async () => {
  const postes = await makeCampaign(claire, { name: "Postes de Claire" });
  await fill(postes, { success: 6, planned: 2, deferred: 1, problem: 1, cancelled: 2 }, karim.id);
  const badges = await makeCampaign(claire, { name: "Badges de Claire" });
  await fill(badges, { success: 1, open: 2 });
  const done = await makeCampaign(claire, { name: "Finie de Claire" });
  await fill(done, { success: 847 });
  await setState(done, "finished", ", closed_at = '2026-11-20T10:00:00Z'");
  const old = await makeCampaign(claire, { name: "Rangée de Claire" });
  await fill(old, { success: 5, open: 5 });
  await setState(old, "archived");

  const page = await claire.get(AT);
  assert.deepEqual(figuresOf(page), ["3", "6", "99,3 %"], "2 + 4 + 0 restent ; 854 ÷ 860, l’archivée à part");
  assert.deepEqual(cardsOf(page), { vives: [badges, postes], terminees: [done], archivees: [old] });
  const card = cardOf(page, postes).replaceAll(/[\u00a0\u202f]/g, " ");
  assert.match(card, /Préparation .*Postes de Claire .*Vous, 1 technicien 60,0 % 6 \/ 10/);
  assert.match(card, /Préparation : À compléter/, "des opérations sans date ni segment (PRE-6)");
  assert.match(card, /Réalisées 6 Planifiées 2 Reportées 1 Bloquées 1/);
  assert.match(cardOf(page, done).replaceAll(/[\u00a0\u202f]/g, " "), /Close le 20\/11\/2026 .*100,0 % 847 \/ 847/);
  assert.match(cardOf(page, old), /50,0/, "ce qu’une archivée avait fait se lit encore");
  assert.match(cardOf(await claire.get(AT), badges), /Dupliquer Régler Archiver/);
});

test("DSH-11 : trois sections avec leur compte, les deux dernières repliées ; épinglées d’abord, puis le tri choisi", async () => {
  const page = await claire.get(AT);
  const folded = [
    ...page.text.matchAll(/<details class="detail fold-section"( open)?><summary>[\s\S]*?<h2 id="section-([a-z]+)"/g),
  ];
  assert.deepEqual(
    folded.map(([, open, code]) => [code, Boolean(open)]),
    [
      ["terminees", false],
      ["archivees", false],
    ],
  );
  assert.match(plain(page), /En préparation et en cours 2 campagnes/);
  const vives = async (address: string) => cardsOf(await claire.get(address)).vives!;
  const late = await makeCampaign(claire, { name: "Zèbre", startsOn: "2026-11-02", endsOn: "2026-11-30" });
  await fill(late, { success: 1 });
  const [badges, postes] = (await vives(`${AT}?tri=nom`)).slice(0, 2) as [string, string];
  assert.deepEqual(await vives(AT), [late, badges, postes], "la plus proche de sa fin d’abord");
  assert.deepEqual(await vives(`${AT}?tri=nom`), [badges, postes, late]);
  assert.deepEqual(await vives(`${AT}?tri=avancement`), [badges, postes, late], "la moins avancée d’abord");
  await world.db.act(
    {
      tenantId,
      actorId: claire.id,
      channel: "page",
      code: "test.seen",
      label: "Essai",
      subject: () => ({ type: "campaign", id: idIn(badges) }),
      now: new Date(world.clock.now().getTime() + 60_000),
    },
    (em) => em.execute("update campaign set description = 'Vue' where id = ?", [idIn(badges)]),
  );
  assert.equal((await vives(`${AT}?tri=activite`))[0], badges, "la dernière touchée d’abord");
  isAt(await claire.post(`${postes}/epingle`));
  assert.deepEqual(await vives(`${AT}?tri=nom`), [postes, badges, late]);
  isAt(await claire.post(`${postes}/epingle/retrait`));
  isAt(await claire.get(`${late}/archivage`).then(() => claire.post(`${late}/archivage`, { reason: "Essai fini" })));
});

test("DSH-11 : chaque filtre garde ce qu’il dit, ouvre les sections, et un fragment suffit", async () => {
  const names = async (address: string) => {
    const page = await claire.get(`${AT}?${address}`);
    assert.equal(page.status, 200, address);
    return [...page.text.matchAll(/<h3><a href="[^"]+">([^<]+)/g)].map(([, name]) => name!);
  };
  assert.deepEqual(await names("q=BADGES"), ["Badges de Claire"]);
  assert.deepEqual(await names("q=claire+finie"), ["Finie de Claire"]);
  assert.deepEqual(await names("etat=archived"), ["Zèbre", "Rangée de Claire"]);
  assert.deepEqual(await names(`proprietaire=${denis.id}`), []);
  assert.deepEqual((await names("type=aucun")).length, 5);
  assert.deepEqual(await names("du=2026-12-15&q=zebre"), [], "finie avant");
  assert.deepEqual(await names("au=2026-11-02&q=zebre"), ["Zèbre"]);
  assert.equal((await claire.get(`${AT}?du=2026-02-31`)).status, 422);
  const part = await claire.get(`${AT}?q=badges`, { part: true });
  assert.match(part.text, /^\s*<div id="portefeuille"/);
  assert.match(part.text, /role="status"[^>]*>1 résultat</);
  assert.match((await claire.get(`${AT}?q=introuvable`)).text, /Aucune campagne ne répond à ces filtres/);
});

test("STA-9, DSH-11, DSH-13 : la carte dit pourquoi une campagne est en retard, la section combien ; le filtre ne garde qu’elles", async () => {
  const day = (days: number) => new Date(world.clock.now().getTime() + days * 86_400_000).toISOString().slice(0, 10);
  const days = { startsOn: day(-30), endsOn: day(300) };
  const make = async (name: string, counts: Record<string, number>, columns = "") => {
    const at = await makeCampaign(sophie, { name, ...days });
    await fill(at, counts);
    await setState(at, "active");
    if (columns) {
      await world.db.act(
        { tenantId, actorId: null, channel: "job", code: "test.moved", label: "Essai", now: world.clock.now() },
        async (em) => {
          await em.execute(`update operation set ${columns} where campaign_id = ?`, [idIn(at)]);
          await em.execute(
            "insert into baseline (tenant_id, id, campaign_id, frozen_at, operations, days) values (?, uuidv7(), ?, now(), '{}', '{}')",
            [tenantId, idIn(at)],
          );
        },
      );
    }
    return at;
  };
  const behind = await make("En retard sur son plan", { success: 5, planned: 5 }, `baseline_on = '${day(-1)}'`);
  const blocked = await make(
    "Longtemps bloquée",
    { success: 9, problem: 1 },
    `entered_at = now() - interval '12 days'`,
  );
  const fine = await make("À l’heure", { success: 9, problem: 1 }, "entered_at = now()");
  const over = await make("Finie en retard", { success: 5, planned: 5 }, `baseline_on = '${day(-1)}'`);
  await setState(over, "finished", ", closed_at = app_now()");
  const page = await sophie.get(AT);
  assert.match(cardOf(page, behind).replaceAll(/[\u00a0\u202f]/g, " "), /En retard : 50 points de retard/);
  assert.match(cardOf(page, blocked).replaceAll(/[\u00a0\u202f]/g, " "), /En retard : blocage de \d+ jours ouvrés/);
  for (const one of [fine, over]) assert.doesNotMatch(cardOf(page, one), /En retard/);
  assert.match(plain(page).replaceAll(/[\u00a0\u202f]/g, " "), /En préparation et en cours 3 campagnes 2 en retard/);
  const kept = cardsOf(await sophie.get(`${AT}?retard=oui`));
  assert.deepEqual(Object.values(kept).flat().toSorted(), [behind, blocked].toSorted());
});

test("CAM-26, S17 : ce qu’on ne voit pas n’est ni dans la liste, ni dans les totaux, ni dans les choix de filtres", async () => {
  const page = await helene.get(AT);
  assert.ok(!page.text.includes("de Claire"));
  assert.ok(!page.text.includes("Claire Fontaine"));
  assert.match(page.text, /Aucune campagne ne vous est ouverte/);
  assert.equal((await karim.get(AT)).text.includes("Postes de Claire"), false, "ses opérations seules (CAM-25)");
  assert.ok((await denis.get(AT)).text.includes("Claire Fontaine"));
});

test("DSH-18 : une, dix ou cinquante campagnes coûtent les mêmes questions ; au-delà de 24 cartes, une page", async () => {
  const cost = async (by: Browser, address: string) => {
    await by.get(address);
    // Nothing kept from the time before: a write makes every count anew.
    await world.db.note(tenantId, (em) => em.execute("update session set last_seen_at = last_seen_at"));
    const before = { ...sent };
    const { status } = await by.get(address);
    assert.equal(status, 200);
    return [sent.statements - before.statements, sent.trips - before.trips];
  };
  const addresses = [AT, `${AT}?tri=avancement`, `${AT}?tri=activite&q=h`];
  const measured: number[][][] = [];
  let made = 0;
  for (const wanted of [1, 10, 50]) {
    for (; made < wanted; made++) {
      const at = await makeCampaign(hugo, { name: `Hugo ${made + 1}` });
      await fill(at, { success: 2, planned: 1 }, karim.id);
      if (made < 10) isAt(await hugo.post(`${at}/epingle`));
    }
    const costs = [];
    for (const address of addresses) costs.push(await cost(hugo, address));
    measured.push(costs);
  }
  assert.ok(measured[0]!.flat().every((n) => n > 0));
  assert.deepEqual(measured[1], measured[0]);
  assert.deepEqual(measured[2], measured[0]);
  const page = await hugo.get(AT);
  assert.equal(cardsOf(page).vives!.length, 24);
  assert.match(plain(page), /1–24 sur 50/);
  const last = await hugo.get(`${AT}?vives=3`);
  assert.equal(cardsOf(last).vives!.length, 2);
  assert.match(last.text, /href="\/campagnes\?vives=2" rel="prev"/);
});
