import assert from "node:assert/strict";
import { test } from "node:test";
import { runBulk } from "../../src/campaigns/bulk.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { idIn, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { openStream } from "../support/stream.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [denis, sophie, hugo, karim] = await Promise.all(
  ["denis", "sophie", "hugo", "karim"].map((who) => world.as(who)),
);
const { tenantId } = sophie!;
const idOf = async (who: string) => (await world.userOf(who)).id;
const [karims, yanns] = [await idOf("karim"), await idOf("yann")];

/** A campaign of so many operations, named PC-0001 on; `sql` says their status, category and date. */
async function campaign(rows: number, sql = "'to_schedule', 'open', null::timestamptz"): Promise<string> {
  const at = await makeCampaign(sophie!);
  const said = { tenantId, channel: "page" as const, code: "operation.added", now: world.clock.now() };
  await world.db.act({ ...said, actorId: await idOf("sophie"), label: "Essai" }, (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at, first_planned_at)
       select ?, uuidv7(), ?, t, jsonb_build_object('cible', t), lower(t), s, c, d, d
       from (select n, 'PC-' || lpad(n::text, 4, '0') as t from generate_series(1, ${rows}) n) g
       cross join lateral (select ${sql}) v (s, c, d)`,
      [tenantId, idIn(at)],
    ),
  );
  return at;
}
const SCHEDULED = "'scheduled', 'planned', timestamptz '2026-12-01 09:00+01'";

interface Stored {
  id: string;
  title: string;
  status: string;
  technician: string | null;
  planned: string | null;
  version: number;
  trashed: boolean;
  capacity: number;
  segment: string | null;
  hand: boolean;
  values: Record<string, unknown>;
  search: string;
}
const stored = (at: string): Promise<Stored[]> =>
  world.db.read(tenantId, (em) =>
    em.execute<Stored[]>(
      `select id, title, status, technician_id as technician, version, trashed_at is not null as trashed, capacity, segment_id as segment,
         is_segment_set_by_hand as hand, "values", search, to_char(planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned
       from operation where campaign_id = ? order by title`,
      [at.split("/").at(-1)!],
    ),
  );
const sound = async (at: string, by: Browser = sophie!) => {
  const answer = await by.get(at);
  assert.equal(answer.status, 200, world.logged.filter((line) => /error/.test(line)).at(-1));
  assert.deepEqual(judgePage(answer.text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(answer.text)), []);
  return answer;
};
/** Chooses an action on rows, up to its preview. */
async function preview(
  at: string,
  action: string,
  rows: string[],
  settings?: Record<string, string | string[]>,
  by = sophie!,
) {
  await by.get(`${at}/operations`);
  const chosen = await by.post(`${at}/operations/lots`, { action, scope: "ticked", row: rows });
  assert.equal(chosen.status, 303, plain(chosen).slice(0, 600));
  const lot = chosen.location!;
  if (settings) {
    await sound(lot, by);
    const frozen = await by.post(`${lot}/apercu`, settings);
    assert.equal(frozen.status, 303, plain(frozen).slice(0, 900));
  }
  return lot;
}
async function apply(lot: string, fields: Record<string, string> = {}, by = sophie!) {
  await by.get(lot);
  const done = await by.post(`${lot}/execution`, fields);
  assert.equal(done.status, 303, plain(done).slice(0, 900));
  return sound(lot, by);
}

test("OPS-13 à OPS-16 : cocher, choisir, voir, appliquer, annuler ; rien ne change avant le dernier bouton", async () => {
  const at = await campaign(12);
  const before = await stored(at);
  await world.db.act(
    {
      tenantId,
      actorId: await idOf("sophie"),
      channel: "page",
      code: "operation.assigned",
      label: "Essai",
      now: world.clock.now(),
    },
    (em) =>
      em.execute("update operation set technician_id = ?, version = version + 1 where id = ?", [karims, before[0]!.id]),
  );
  const list = await sound(`${at}/operations`);
  assert.match(list.text, /<input class="tick" type="checkbox" name="row" value="[0-9a-f-]{36}" form="lot">/);
  assert.match(list.text, /les 12 affichées/);
  const lot = await preview(
    at,
    "assign",
    before.slice(0, 5).map(({ id }) => id),
    { technician: karims },
  );
  const seen = await sound(lot);
  assert.match(plain(seen), /Changeraient 4 Déjà dans cet état 1 Refusées 0 Messages envoyés Aucun/);
  assert.match(plain(seen), /Affecter 4 opérations/);
  assert.equal((await stored(at)).filter(({ technician }) => technician).length, 1);
  const result = await apply(lot, { message: "Vague 1" });
  assert.match(plain(result), /Affectation de 4 opérations à Karim Daoudi[\s\S]+Changées 4/);
  assert.equal((await stored(at)).filter(({ technician }) => technician === karims).length, 5);
  assert.equal((await sophie!.post(`${lot}/execution`, {})).status, 409, "deux fois");
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec(result.text)![1]!;
  const history = await denis!.get(`/admin/historique/${undo.split("/")[2]}`);
  assert.match(plain(history), /Affectation de 4 opérations à Karim Daoudi[\s\S]+Vague 1/);
  await denis!.get(undo);
  assert.equal((await denis!.post(undo, {})).status, 303);
  assert.equal((await stored(at)).filter(({ technician }) => technician).length, 1);
});

test("OPS-13 : les affichées, sans rien cocher ; rien de coché se refuse ; la portée vient du formulaire, pas d’un script", async () => {
  const at = await campaign(3);
  const ids = (await stored(at)).map(({ id }) => id);
  await sophie!.get(`${at}/operations`);
  const none = await sophie!.post(`${at}/operations/lots`, { action: "unassign", scope: "ticked" });
  assert.equal(none.status, 422);
  assert.match(plain(none), /Cochez au moins une opération/);
  const shown = await sophie!.post(`${at}/operations/lots`, {
    action: "unassign",
    scope: "shown",
    shown: ids.join(","),
  });
  assert.equal(shown.status, 303);
  assert.match(plain(await sound(shown.location!)), /Déjà dans cet état 3/);
});

test("OPS-13, EXP-2 : ce qui est coché s’exporte, et rien d’autre ; ce n’est pas un acte, et rien de coché se refuse", async () => {
  const at = await campaign(3);
  const [one, , three] = await stored(at);
  assert.match((await sophie!.get(`${at}/operations`)).text, /<option value="export"[^>]*>Exporter/);
  const send = (fields: Record<string, string | string[]>, by = sophie!) =>
    by.post(`${at}/operations/lots`, { action: "export", ...fields });
  const { location } = await send({ scope: "ticked", row: [one!.id, three!.id] });
  assert.match(location!, /^\/exports\/operations\/[0-9a-f-]+\/nouveau\?liste=op/);
  const page = await sound(location!);
  assert.match(plain(page), /2 opérations, filtrées ainsi.: 2 opérations choisies/);
  const liste = new URLSearchParams(location!.split("?")[1]).get("liste")!;
  const file = await sophie!.post(location!.split("?")[0]!, { liste });
  assert.match(file.headers.get("content-disposition")!, /filename=operations-vague-\d+-2-operations-choisies-2026/);
  assert.match(file.text, /PC-0001[\s\S]+PC-0003/);
  assert.doesNotMatch(file.text, /PC-0002/);
  assert.equal((await send({ scope: "ticked" })).status, 422);
  const whole = await send({ scope: "filter", filter: "statut=to_schedule" });
  assert.match(whole.location!, /liste=statut%3Dto_schedule$/);
  assert.equal((await send({ scope: "filter" }, hugo!)).status, 404);
});

test("OPS-14, S22 : décaler de jours ouvrés saute week-ends et fériés, refuse les closes et les sans-date avec leur motif", async () => {
  const at = await campaign(
    6,
    `case when n = 1 then 'done' when n = 2 then 'to_schedule' else 'scheduled' end, case when n = 1 then 'success' when n = 2 then 'open' else 'planned' end,
     case when n <> 2 then timestamptz '2026-12-21 14:30+01' end`,
  );
  const ids = (await stored(at)).map(({ id }) => id);
  const lot = await preview(at, "shift", ids, { days: "5" });
  const seen = plain(await sound(lot));
  assert.match(seen, /Changeraient 4 Déjà dans cet état 0 Refusées 2/);
  assert.match(seen, /close\s: rouvrez-la pour changer sa date\. 1 opération PC-0001/);
  assert.match(seen, /pas de date à décaler\. 1 opération PC-0002/);
  assert.match(seen, /Décaler 4 opérations/);
  await apply(lot);
  // Christmas is a Friday: Tuesday 22 is the first, Monday 28 the fourth... and the fifth is Tuesday 29.
  assert.deepEqual([...new Set((await stored(at)).slice(2).map(({ planned }) => planned))], ["2026-12-29 14:30"]);
});

test("OPS-11, WFL-3 : chaque ligne suit sa flèche ; sans motif demandé, rien ; la date garde l’heure de chacune", async () => {
  const at = await campaign(
    4,
    `case when n < 3 then 'to_schedule' else 'scheduled' end, case when n < 3 then 'open' else 'planned' end,
    case when n >= 3 then timestamptz '2026-12-01 14:00+01' end`,
  );
  const ids = (await stored(at)).map(({ id }) => id);
  await apply(await preview(at, "date", ids, { day: "2026-12-03", hour: "" }));
  assert.deepEqual(
    (await stored(at)).map(({ status, planned }) => `${status} ${planned}`),
    [
      "scheduled 2026-12-03 09:00",
      "scheduled 2026-12-03 09:00",
      "scheduled 2026-12-03 14:00",
      "scheduled 2026-12-03 14:00",
    ],
  );
  const lot = await preview(at, "step", ids);
  assert.match((await sound(lot)).text, /cancel:cancelled/);
  await sound(`${lot}?reglages=oui&choix=cancel%3Acancelled`);
  const silent = await sophie!.post(`${lot}/apercu`, { choice: "cancel:cancelled" });
  assert.equal(silent.status, 422);
  assert.match(plain(silent), /Donnez le motif/);
  assert.equal((await sophie!.post(`${lot}/apercu`, { choice: "cancel:cancelled", reason: "Site fermé" })).status, 303);
  await apply(lot);
  assert.deepEqual(new Set((await stored(at)).map(({ status }) => status)), new Set(["cancelled"]));
  const again = await preview(at, "step", ids, { choice: "complete:done" });
  assert.match(plain(await sound(again)), /Refusées 4[\s\S]+Rien à|« Terminer » ne part pas|Aucune transition ne mène/);
});

test("SEG-3, FLD-5 : segment à la main, champ par son validateur, places ; titre et recherche suivent", async () => {
  const at = await campaign(3);
  await sophie!.get(`${at}/champs`);
  await sophie!.post(`${at}/champs`, { label: "Bureau", type: "short_text", switches: ["isListed", "isSearchable"] });
  await sophie!.post(`${at}/champs`, { label: "Série", type: "short_text", switches: ["isUnique"] });
  await sophie!.post(`${at}/champs`, { label: "Achat", type: "date", switches: ["isListed"] });
  await sophie!.get(`${at}/segments`);
  await sophie!.post(`${at}/segments`, { name: "Bâtiment A" });
  const ids = (await stored(at)).map(({ id }) => id);
  const place = await preview(at, "segment", ids);
  const segment = /<option value="([0-9a-f-]{36})">Bâtiment A/.exec((await sound(place)).text)![1]!;
  await sophie!.post(`${place}/apercu`, { segment });
  await apply(place);
  assert.ok((await stored(at)).every((one) => one.segment === segment && one.hand));
  const fill = await preview(at, "field", ids);
  const offered = (await sound(fill)).text;
  assert.match(offered, /value="bureau"/);
  assert.doesNotMatch(offered, /value="serie"/);
  const wrong = await sophie!.post(`${fill}/apercu`, { choice: "achat", value: "31/02/2026" });
  assert.equal(wrong.status, 422);
  assert.equal((await sophie!.post(`${fill}/apercu`, { choice: "bureau", value: "B-204" })).status, 303);
  await apply(fill);
  assert.ok(
    (await stored(at)).every(
      (one) => one.values.bureau === "B-204" && one.search.includes("b-204") && one.values.cible === one.title,
    ),
  );
  await apply(await preview(at, "capacity", ids, { capacity: "3" }));
  assert.ok((await stored(at)).every(({ capacity }) => capacity === 3));
});

test("OPS-12 : retirer des réalisées demande une seconde confirmation, qui les nomme", async () => {
  const at = await campaign(
    3,
    "case when n = 2 then 'done' else 'to_schedule' end, case when n = 2 then 'success' else 'open' end, null::timestamptz",
  );
  const lot = await preview(
    at,
    "trash",
    (await stored(at)).map(({ id }) => id),
  );
  assert.match(plain(await sound(lot)), /une est déjà réalisée\s: PC-0002[\s\S]+Mettre 3 opérations à la corbeille/);
  const alone = await sophie!.post(`${lot}/execution`, {});
  assert.equal(alone.status, 422);
  assert.match(plain(alone), /Confirmez aussi pour celle qui est réalisée/);
  await apply(lot, { done: "oui" });
  assert.ok((await stored(at)).every(({ trashed }) => trashed));
});

test("OPS-15 : modifiée entre-temps, la ligne reste et son auteur est nommé ; la corbeille et les archives refusent", async () => {
  const at = await campaign(3);
  const rows = await stored(at);
  const lot = await preview(
    at,
    "assign",
    rows.map(({ id }) => id),
    { technician: karims },
  );
  const one = `/operations/${rows[1]!.id}`;
  await denis!.get(one);
  assert.equal((await denis!.post(`${one}/affectation`, { technician: yanns })).status, 303);
  const result = plain(await apply(lot));
  assert.match(result, /Changées 2 Écartées au moment d’appliquer 1[\s\S]+Modifiée entre-temps par Denis [A-Z]/);
  assert.deepEqual(
    (await stored(at)).map(({ technician }) => technician),
    [karims, yanns, karims],
  );
});

test("SEG-2 : remplir la colonne de segment range les opérations, sauf celles mises à la main ; l’aperçu ne crée rien", async () => {
  const at = await campaign(3);
  await sophie!.get(`${at}/champs`);
  await sophie!.post(`${at}/champs`, { label: "Bâtiment", type: "short_text", switches: ["isListed"] });
  const said = { tenantId, actorId: await idOf("sophie"), channel: "page" as const, code: "essai", label: "Essai" };
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    const id = at.split("/").at(-1)!;
    await em.execute("update campaign set segment_field = 'batiment' where id = ?", [id]);
    await em.execute("update operation set is_segment_set_by_hand = true where campaign_id = ? and title = 'PC-0003'", [
      id,
    ]);
  });
  const rows = (await stored(at)).map(({ id }) => id);
  const lot = await preview(at, "field", rows);
  await sophie!.post(`${lot}/apercu`, { choice: "batiment", value: "Tour B" });
  await sound(lot);
  assert.doesNotMatch((await sophie!.get(`${at}/segments`)).text, /Tour B/);
  await apply(lot);
  const [one, two, three] = await stored(at);
  assert.ok(one!.segment !== null && one!.segment === two!.segment);
  assert.equal(three!.segment, null);
  assert.match((await sophie!.get(`${at}/segments`)).text, /Tour B/);
});

test("OPS-3 : répartir équilibre les journées en durée standard, respecte absences et journées pleines, montre la charge avant", async () => {
  const at = await campaign(
    20,
    `case when n = 20 then 'done' else 'scheduled' end, case when n = 20 then 'success' else 'planned' end,
     case when n <= 8 then timestamptz '2027-01-12 09:00+01' when n <= 10 then timestamptz '2027-01-17 09:00+01' when n <= 18 then timestamptz '2027-01-14 09:00+01' end`,
  );
  const rows = await stored(at);
  const said = {
    tenantId,
    actorId: await idOf("denis"),
    channel: "page" as const,
    code: "essai",
    label: "Essai",
    now: world.clock.now(),
  };
  await world.db.act(said, (em) =>
    em.execute(
      "insert into absence (tenant_id, id, user_id, starts_on, ends_on, reason) values (?, uuidv7(), ?, '2027-01-14', '2027-01-14', 'Formation')",
      [tenantId, yanns],
    ),
  );
  const ids = rows.map(({ id }) => id);
  const lot = await preview(at, "balance", ids, { technicians: [karims, yanns], minutes: "60" });
  const seen = plain(await sound(lot));
  // A Sunday; one done; on the 14th Karim alone has seven hours, for eight of them.
  assert.match(seen, /personne ne travaille le dimanche 17 janvier 2027/);
  assert.match(seen, /La journée du jeudi 14 janvier 2027 est pleine/);
  assert.match(seen.slice(seen.indexOf("Charge")), /Absence\s: Formation/);
  assert.match(seen, /Répartir 16 opérations/);
  const meters = (await sophie!.get(lot)).text.match(/<progress class="meter"/g)!;
  assert.equal(meters.length, 3);
  await apply(lot);
  const after = await stored(at);
  const of = (who: string, from: number, to: number) =>
    after.slice(from, to).filter(({ technician }) => technician === who).length;
  assert.deepEqual([of(karims, 0, 8), of(yanns, 0, 8)], [4, 4]);
  assert.deepEqual([of(karims, 10, 18), of(yanns, 10, 18)], [7, 0]);
  const again = await preview(at, "balance", ids.slice(0, 8), { technicians: [karims, yanns], minutes: "60" });
  assert.match(plain(await sound(again)), /Déjà dans cet état 8|Changeraient [1-8]/);
});

test("CAM-26 : la charge montrée ne compte pas les opérations de campagnes que l’on ne voit pas", async () => {
  const DAY = "'scheduled', 'planned', timestamptz '2027-03-02 09:00+01'";
  const hidden = await campaign(1, DAY);
  const at = await campaign(2, DAY);
  const said = { tenantId, actorId: await idOf("hugo"), channel: "page" as const, code: "essai", label: "Essai" };
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    await em.execute("update campaign set owner_id = ? where id = ?", [said.actorId, idIn(hidden)]);
    await em.execute("update operation set technician_id = ? where campaign_id = ?", [karims, idIn(hidden)]);
  });
  const ids = (await stored(at)).map(({ id }) => id);
  const lot = await preview(at, "balance", ids, { technicians: [karims], minutes: "60" });
  assert.equal((await sophie!.get(hidden)).status, 404);
  const seen = plain(await sound(lot));
  assert.match(seen, /2 opérations 2 h sur 7 h/);
  assert.doesNotMatch(seen, /déjà prévue/);
  assert.match(plain(await sound(lot, denis!)), /2 opérations 3 h sur 7 h.*dont 1 déjà prévue/);
});

test("CAM-26, PRM-11 : qui ne gère pas la campagne ne voit ni cases, ni action, ni aperçu d’un autre", async () => {
  const at = await campaign(2);
  const lot = await preview(
    at,
    "unassign",
    (await stored(at)).map(({ id }) => id),
  );
  for (const who of [hugo!, karim!]) {
    assert.equal((await who.get(lot)).status, 404);
    await who.get("/");
    assert.equal(
      (await who.post(`${at}/operations/lots`, { action: "unassign", scope: "ticked", row: [] })).status,
      404,
    );
  }
});

/** The preview of what a filter holds: more than one page shows. */
async function frozenLong(rows: number): Promise<{ at: string; lot: string; id: string }> {
  const at = await campaign(rows, SCHEDULED);
  const told = rows.toLocaleString("fr-FR").replace(/\s/g, " ");
  assert.match(
    plain(await sound(`${at}/operations?statut=scheduled`)),
    new RegExp(`les ${told} correspondant au filtre`),
  );
  const selected = { action: "assign", scope: "filter", filter: "statut=scheduled" };
  const lot = (await sophie!.post(`${at}/operations/lots`, selected)).location!;
  assert.match(plain(await sound(lot)), new RegExp(`${told} opérations sélectionnées`));
  assert.equal((await sophie!.post(`${lot}/apercu`, { technician: karims })).status, 303);
  assert.match(plain(await sound(lot)), new RegExp(`Affecter ${told} opérations`));
  return { at, lot, id: lot.split("/").at(-1)! };
}
const services = { db: world.db, clock: world.clock };
const changesets = (act: string) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ n: number }[]>("select count(*)::int as n from changeset where act_id = ?", [act]),
  );

test("OPS-15, OPS-16 : plus de 500 lignes se font en tâche, par parties d’un seul acte, et s’annulent en une fois", async () => {
  const { at, lot, id } = await frozenLong(4_500);
  await sophie!.get(lot);
  assert.equal((await sophie!.post(`${lot}/execution`, {})).status, 303);
  assert.match(plain(await sound(lot)), /Opérations traitées , 0 sur 4\s500/);
  await world.sealer.sealAll();
  const stream = await openStream(world.origin, sophie!.cookie, "lots");
  await runBulk(services, { tenantId, id });
  await world.sealer.sealAll();
  assert.deepEqual((await stream.next()).topics, ["lots"]);
  stream.close();
  const part = await sophie!.get(lot, { part: true });
  assert.match(plain(part), /Action terminée/);
  const result = await sound(lot);
  assert.match(plain(result), /Changées 4\s500/);
  assert.match(plain(await sound(`${at}/operations/lots`)), /Affecter à un technicien Terminée 4\s500 Sophie/);
  const undo = /href="\/actes\/([0-9a-f-]+)\/annulation"/.exec(result.text)![1]!;
  assert.ok((await changesets(undo))[0]!.n >= 3);
  assert.ok((await stored(at)).every(({ technician, version }) => technician === karims && version === 2));
  await runBulk(services, { tenantId, id });
  assert.ok(
    (await stored(at)).every(({ version }) => version === 2),
    "une seule fois",
  );
  await denis!.get(`/actes/${undo}/annulation`);
  assert.equal((await denis!.post(`/actes/${undo}/annulation`, {})).status, 303);
  assert.ok((await stored(at)).every(({ technician }) => technician === null));
});

test("OPS-15 : arrêtée, elle garde ce qui est fait ; son auteur parti ou sans droit, elle s’interrompt et le dit", async () => {
  const stopped = await frozenLong(2_500);
  await sophie!.get(stopped.lot);
  await sophie!.post(`${stopped.lot}/execution`, {});
  assert.equal((await sophie!.post(`${stopped.lot}/arret`, {})).status, 303);
  await runBulk(services, { tenantId, id: stopped.id });
  assert.match(plain(await sound(stopped.lot)), /L’action a été arrêtée\s: rien n’a changé/);
  assert.equal((await sophie!.post(`${stopped.lot}/arret`, {})).status, 409);
  const shelved = await frozenLong(600);
  await sophie!.get(shelved.lot);
  await sophie!.post(`${shelved.lot}/execution`, {});
  await sophie!.get(`${shelved.at}/archivage`);
  assert.equal((await sophie!.post(`${shelved.at}/archivage`, { reason: "Fin" })).status, 303);
  await runBulk(services, { tenantId, id: shelved.id });
  assert.match(plain(await sound(shelved.lot)), /Campagne archivée, lecture seule/);
  assert.ok((await stored(shelved.at)).every(({ technician }) => technician === null));
});

test("OPS-15 : deux actions qui se croisent, et une modification au milieu : rien de perdu en silence, aucun blocage", async () => {
  const at = await campaign(300, SCHEDULED);
  const ids = (await stored(at)).map(({ id }) => id);
  const first = await preview(at, "assign", ids.slice(0, 100), { technician: karims });
  const second = await preview(at, "assign", ids.slice(0, 100).toReversed(), { technician: yanns }, denis!);
  const edited = `/operations/${ids[50]}`;
  await denis!.get(edited);
  const third = await world.as("denis");
  await Promise.all([sophie!.get(first), denis!.get(second), third.get(edited)]);
  const edit = () => third.post(`${edited}/date`, { plannedOn: "2026-12-18" });
  const [one, two, own] = await Promise.all([
    sophie!.post(`${first}/execution`, {}),
    denis!.post(`${second}/execution`, {}),
    edit(),
  ]);
  assert.deepEqual([one.status, two.status], [303, 303]);
  // Whoever comes second is told, and sends again what they typed.
  if (own.status === 409) {
    await third.get(edited);
    assert.equal((await edit()).status, 303);
  } else assert.equal(own.status, 303);
  const changed = await Promise.all(
    [first, second].map(async (lot) => Number(/Changées (\d+)/.exec(plain(await sophie!.get(lot)))![1])),
  );
  const rows = (await stored(at)).slice(0, 100);
  const given = [karims, yanns].map((who) => rows.filter(({ technician }) => technician === who).length);
  assert.deepEqual(given, changed);
  assert.equal(rows.find(({ id }) => id === ids[50])!.planned, "2026-12-18 09:00");
  // One version more for each act that told it had changed the row, and no more.
  assert.equal(
    rows.reduce((sum, { version }) => sum + version - 1, 0),
    changed[0]! + changed[1]! + 1,
  );
});
