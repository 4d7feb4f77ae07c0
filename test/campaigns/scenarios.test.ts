/** Scenarios of the specification, line by line, through the addresses people use. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Campaign } from "../../src/campaigns/campaign.ts";
import { addFields } from "../../src/campaigns/field.ts";
import { newField } from "../../src/fields/index.ts";
import { startJobs } from "../../src/platform/jobs/index.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
let sophie = await world.as("sophie");
const { tenantId } = sophie;
const { services } = world.app.locals;
const [karimId, yannId] = [(await world.userOf("karim")).id, (await world.userOf("yann")).id];
const sophieId = (await world.userOf("sophie")).id;

const ask = <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values as never));
/** What somebody else does meanwhile, as an act of theirs. */
const act = (actorId: string, sql: string, values: unknown[] = []) =>
  world.db.act(
    { tenantId, actorId, channel: "page", code: "operation.edited", label: "Ailleurs", now: world.clock.now() },
    (em) => em.execute(sql, values as never),
  );

async function campaign(fields: Parameters<typeof newField>[0][] = []): Promise<string> {
  const at = await makeCampaign(sophie, { startsOn: "2026-01-05" });
  await world.db.act(
    { tenantId, actorId: sophieId, channel: "page", code: "campaign.edited", label: "Champs", now: world.clock.now() },
    async (em) => {
      const one = await em.findOneOrFail(Campaign, { id: idIn(at) });
      one.state = "active";
      await addFields(em, one, fields.map(newField), { by: { id: sophieId } });
    },
  );
  return at;
}

async function send(of: string, content: string, by: Browser = sophie): Promise<string> {
  await by.get(`/imports/operations/nouveau?objet=${of}`);
  const file = { name: "postes.csv", content: Buffer.from(content) };
  return isAt(await sendForm(world, by, "/imports/operations/nouveau", file, { scope: of }));
}
const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
async function counted(at: string): Promise<{ counts: Record<string, number>; act_id: string; state: string }> {
  const [one] = await ask<{ counts: Record<string, number>; act_id: string; state: string }>(
    "select counts, act_id, state from import where id = ?",
    [idIn(at)],
  );
  return one!;
}
const figures = ({ create, update, unchanged, error }: Record<string, number>) => ({
  create,
  update,
  unchanged,
  error,
});

test("S1 : d’un tableau de 847 lignes à 844 opérations en trois segments, puis les trois autres une fois corrigées", async () => {
  const at = await campaign([{ code: "matricule", label: "Matricule", rules: { pattern: "A\\d{5}" } }]);
  const of = idIn(at);
  const buildings = [...Array(312).fill("A"), ...Array(300).fill("B"), ...Array(235).fill("C")] as string[];
  // Mixed, as a spreadsheet is; lines 42, 310 and 601 of the file are in A, B and C.
  const order = buildings.map((_, rank) => buildings[(rank * 353) % 847]!);
  for (const [line, wanted] of [
    [42, "A"],
    [310, "B"],
    [601, "C"],
  ] as const) {
    const place = line - 2;
    const other = order.findIndex((one, rank) => one === wanted && ![40, 308, 599].includes(rank));
    [order[place], order[other]] = [order[other]!, order[place]!];
  }
  const lines = order.map((building, rank) => {
    const line = rank + 2;
    const day = rank % 3 === 0 ? "" : `${String(1 + (rank % 28)).padStart(2, "0")}/03/2026`;
    return [
      line === 310 ? "" : `Agent n° ${rank + 1}`,
      line === 42 ? "XYZ" : `A${String(10_000 + rank)}`,
      `Bâtiment ${building}`,
      line === 601 ? "31/02/2026" : day,
      day && rank % 2 ? "14h30" : "",
    ];
  });
  const head = ["Nom", "Matricule", "Bâtiment", "Date prévue", "Heure prévue"];
  const sent = await send(of, csvText([head, ...lines]));
  const column = ["cible", "matricule", "segment", "prevue_le", "heure"];
  isAt(await sophie.post(`${sent}/verification`, { ...CHOICE, column, key: "Nom" }));
  const page = plain(await sophie.get(sent));
  assert.match(page, /3 lignes en erreur/);
  assert.match(page, /Importer 844 lignes/);
  assert.deepEqual(await ask("select id from operation where campaign_id = ?", [of]), []);
  isAt(await sophie.post(`${sent}/execution`, { errors: "valid" }));
  assert.deepEqual(figures((await counted(sent)).counts), { create: 844, update: 0, unchanged: 0, error: 3 });
  assert.deepEqual(
    await ask(
      `select s.name, count(*)::int as n from operation o join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
       where o.campaign_id = ? group by 1 order by 1`,
      [of],
    ),
    [
      { name: "Bâtiment A", n: 311 },
      { name: "Bâtiment B", n: 299 },
      { name: "Bâtiment C", n: 234 },
    ],
  );
  assert.deepEqual(
    await ask(
      `select count(*) filter (where status <> case when planned_at is null then 'to_schedule' else 'scheduled' end)::int as odd,
         count(*) filter (where title <> "values" ->> 'cible')::int as misnamed,
         count(*) filter (where planned_at is distinct from first_planned_at)::int as moved from operation where campaign_id = ?`,
      [of],
    ),
    [{ odd: 0, misnamed: 0, moved: 0 }],
  );
  const file = (await sophie.post(`${sent}/erreurs.csv`)).text;
  const [heads, ...wrong] = file
    .replace(/^\ufeff/, "")
    .trim()
    .split(/\r\n/);
  assert.equal(heads, `${head.join(";")};Ligne d’origine;Colonne;Motif`);
  assert.deepEqual(
    wrong.map((line) => line.split(";").slice(5, 7)),
    [
      ["42", "Matricule"],
      ["310", "Nom"],
      ["601", "Date prévue"],
    ],
  );
  assert.match(wrong[0]!, /;XYZ;Bâtiment A;/);
  const mended = file
    .replace(";XYZ;", ";A00042;")
    .replace("\r\n;", "\r\nAgent retrouvé;")
    .replace("31/02/2026", "28/02/2026");
  const again = await send(of, mended);
  // As the page proposes it: the three columns the error file added go nowhere.
  const form = formsOf(parseHtml((await sophie.get(again)).text), again).find(({ action }) =>
    action.endsWith("/verification"),
  )!;
  const proposed = new Map(
    form.fields.map(({ name, values, type }) => [name, type === "radio" ? values.slice(0, 1) : values]),
  );
  assert.deepEqual(proposed.get("column"), [...column, "", "", ""]);
  assert.deepEqual(proposed.get("key"), ["Nom"]);
  isAt(await sophie.post(`${again}/verification`, Object.fromEntries(proposed)));
  isAt(await sophie.post(`${again}/execution`, { errors: "valid" }));
  assert.deepEqual(figures((await counted(again)).counts), { create: 3, update: 0, unchanged: 0, error: 0 });
  assert.deepEqual(
    await ask("select count(*)::int as n, count(distinct title)::int as names from operation where campaign_id = ?", [
      of,
    ]),
    [{ n: 847, names: 847 }],
  );
});

test("S12 : reporter, replanifier, bloquer, terminer ; les compteurs, la première date, les refus", async () => {
  const at = await campaign();
  const planned = { plannedOn: "2026-03-03", plannedHour: "09:00", technician: karimId };
  const one = await addOperation(sophie, at, { c_cible: "PC-0042", ...planned });
  const karim = await world.as("karim");
  const step = async (by: Browser, fields: Record<string, string>) => {
    await by.get(one);
    return (await by.post(`${one}/statut`, fields)).status;
  };
  const now = async () =>
    (
      await ask<Record<string, unknown>>(
        `select status, postpone_count as count, to_char(planned_at at time zone 'Europe/Paris', 'DD/MM HH24:MI') as planned,
           to_char(first_planned_at at time zone 'Europe/Paris', 'DD/MM HH24:MI') as first, completed_at is not null as completed
         from operation where id = ?`,
        [idIn(one)],
      )
    )[0];
  /** What the page of the operation offers, at once or by a form. */
  const offered = async (by: Browser) => {
    const { text } = await by.get(one);
    const atOnce = formsOf(parseHtml(text), one)
      .filter(({ action }) => action === `${one}/statut`)
      .map(({ fields }) => fields.find(({ name }) => name === "kind")!.values[0]!);
    return [...atOnce, ...[...text.matchAll(/\/statut\?[^"]*par=(\w+)/g)].map(([, kind]) => kind!)].toSorted();
  };
  assert.deepEqual(await offered(karim), ["flag_problem", "postpone", "start"], "ni déplanifier ni annuler");
  assert.equal(await step(karim, { to: "postponed", kind: "postpone" }), 303);
  assert.deepEqual(await now(), {
    status: "postponed",
    count: 1,
    planned: null,
    first: "03/03 09:00",
    completed: false,
  });
  const all = (await sophie.get(`${at}/operations`)).text;
  const view = /href="([^"]+)"[^>]*>À replanifier/.exec(all)![1]!.replaceAll("&amp;", "&");
  assert.match((await sophie.get(view)).text, />PC-0042</, "dans la vue « À replanifier »");
  assert.equal(
    await step(sophie, { to: "scheduled", kind: "reschedule", plannedOn: "2026-03-12", plannedHour: "14:00" }),
    303,
  );
  assert.equal(await step(karim, { to: "in_progress", kind: "start" }), 303);
  assert.equal(await step(karim, { to: "blocked", kind: "flag_problem" }), 422, "un problème sans motif");
  assert.equal(await step(karim, { to: "blocked", kind: "flag_problem", reason: "pas de prise réseau" }), 303);
  assert.equal(await step(sophie, { to: "postponed", kind: "postpone", plannedOn: "2026-03-20" }), 303);
  assert.deepEqual(await now(), {
    status: "postponed",
    count: 2,
    planned: "20/03 09:00",
    first: "03/03 09:00",
    completed: false,
  });
  const history = plain(await sophie.get(`/historique/operation/${idIn(one)}`));
  assert.match(history, /Bloquée[\s\S]*Karim Daoudi/);
  assert.match(history, /pas de prise réseau/);
  assert.equal(await step(sophie, { to: "scheduled", kind: "reschedule", plannedOn: "2026-03-20" }), 303);
  assert.equal(await step(karim, { to: "in_progress", kind: "start" }), 303);
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
  isAt(await sophie.post(`${at}/suivi`, { isTimeTracked: "oui", version }));
  assert.equal(await step(karim, { to: "done", kind: "complete", minutes: "0" }), 422);
  assert.equal(await step(karim, { to: "done", kind: "complete", minutes: "45" }), 303);
  assert.match(plain(await karim.get(one)), /Temps passé 45 min/);
  assert.match(plain(await sophie.get(`${at}/temps`)), /Campagne 45 min/);
  assert.equal((await now())!.completed, true);
  assert.deepEqual(await offered(karim), [], "rouvrir n’est pas à Karim");
  assert.deepEqual(await offered(sophie), ["reopen", "reopen"]);
  assert.equal(await step(sophie, { to: "scheduled", kind: "schedule", plannedOn: "2026-03-21" }), 409);
  assert.equal(await step(karim, { to: "in_progress", kind: "reopen", reason: "erreur" }), 403);
  assert.equal(await step(sophie, { to: "in_progress", kind: "reopen" }), 422);
});

test("S22 : 3 214 dates décalées de cinq jours ouvrés, 14 closes refusées, 3 modifiées entre-temps, 7 gardées à l’annulation", async () => {
  const at = await campaign();
  const of = idIn(at);
  await act(
    sophieId,
    `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at, first_planned_at)
     select ?, uuidv7(), ?, 'PC-' || n, jsonb_build_object('cible', 'PC-' || n), 'pc-' || n,
       case when n <= 14 then 'done' else 'scheduled' end, case when n <= 14 then 'success' else 'planned' end,
       timestamptz '2026-03-02 09:00+01', timestamptz '2026-03-02 09:00+01' from generate_series(1, 3214) n`,
    [tenantId, of],
  );
  await sophie.get(`${at}/operations`);
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action: "shift", scope: "filter", filter: "" }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/apercu`, { days: "5" }));
  const seen = plain(await sophie.get(lot));
  assert.match(seen, /Refusées 14/);
  assert.match(seen, /Décaler 3 200 opérations/);
  await act(
    yannId,
    "update operation set notes = 'vu', version = version + 1 where campaign_id = ? and title in ('PC-100', 'PC-200', 'PC-300')",
    [of],
  );
  const queue = await startJobs(services, world.databaseUrl, { ...world.registry, schedules: [] }, (error) => {
    throw error;
  });
  isAt(await sophie.post(`${lot}/execution`, {}));
  const isOver = async () =>
    (await ask<{ state: string }>("select state from bulk where id = ?", [idIn(lot)]))[0]!.state === "completed";
  while (!(await isOver())) await pause(50);
  await queue.stop();
  world.db.sendJobsWith(async () => {});
  const result = plain(await sophie.get(lot));
  assert.match(result, /Changées 3 197/);
  assert.match(result, /odifiée entre-temps par Yann Le Goff[\s\S]{0,40}3 opérations/);
  const planned = () =>
    ask<{ day: string; n: number }>(
      "select to_char(planned_at at time zone 'Europe/Paris', 'DD/MM HH24:MI') as day, count(*)::int as n from operation where campaign_id = ? group by 1 order by 1",
      [of],
    );
  assert.deepEqual(await planned(), [
    { day: "02/03 09:00", n: 17 },
    { day: "09/03 09:00", n: 3_197 },
  ]);
  await act(
    yannId,
    "update operation set planned_at = timestamptz '2026-04-01 08:00+02', version = version + 1 where campaign_id = ? and title in ('PC-501', 'PC-502', 'PC-503', 'PC-504', 'PC-505', 'PC-506', 'PC-507')",
    [of],
  );
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec((await sophie.get(lot)).text)![1]!;
  assert.match(plain(await sophie.get(undo)), /3 190[\s\S]*7/);
  isAt(await sophie.post(undo, {}));
  assert.deepEqual(await planned(), [
    { day: "01/04 08:00", n: 7 },
    { day: "02/03 09:00", n: 3_207 },
  ]);
});

test("S33 : régler la campagne laisse la capacité des opérations ; une action groupée la change", async () => {
  const at = await campaign();
  for (const name of ["PC-1", "PC-2"]) await addOperation(sophie, at, { c_cible: name });
  const capacities = async () =>
    (await ask<{ capacity: number }>("select capacity from operation where campaign_id = ?", [idIn(at)])).map(
      ({ capacity }) => capacity,
    );
  const days = { startsOn: "2026-01-05", endsOn: "2027-03-01" };
  const calendar = { zone: "Indian/Reunion", holidayZone: "", defaultHour: "08:30", closedDays: "24/12/2026" };
  for (const [part, fields] of [
    ["reglages", { name: "Renommée", description: "", ...days }],
    ["calendrier", { ...calendar, durationMinutes: "45" }],
    ["suivi", { isTimeTracked: "oui", problemReasons: "Pas de prise réseau" }],
  ] as const) {
    const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
    isAt(await sophie.post(`${at}/${part}`, { ...fields, version }));
    assert.deepEqual(await capacities(), [1, 1], part);
  }
  await sophie.get(`${at}/operations`);
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action: "capacity", scope: "filter", filter: "" }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/apercu`, { capacity: "4" }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/execution`, {}));
  assert.deepEqual(await capacities(), [4, 4]);
});

// Days pass here: sessions end, so this one comes last.
test("S21 : douze jours après, l’annulation d’un import retire ce que personne n’a touché et garde le reste", async () => {
  const at = await campaign([{ code: "salle", label: "Salle" }]);
  const of = idIn(at);
  await act(sophieId, "update campaign set title_field = 'cible', version = version + 1 where id = ?", [of]);
  await act(
    sophieId,
    `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category)
     select ?, uuidv7(), ?, 'PC-' || n, case when n % 3 = 0 then jsonb_build_object('cible', 'PC-' || n)
       else jsonb_build_object('cible', 'PC-' || n, 'salle', 'S' || n) end, 'pc-' || n, 'to_schedule', 'open' from generate_series(1, 300) n`,
    [tenantId, of],
  );
  const image = () =>
    ask<{ digest: string }>(
      `select md5(string_agg(title || status || coalesce("values"::text, '') || (trashed_at is null)::text, '|' order by title)) as digest from operation where campaign_id = ?`,
      [of],
    );
  const lines = Array.from({ length: 500 }, (_, rank) => [`PC-${rank + 1}`, `Nouvelle salle ${rank + 1}`]);
  const sent = await send(of, csvText([["Cible", "Salle"], ...lines]));
  isAt(await sophie.post(`${sent}/verification`, { ...CHOICE, column: ["cible", "salle"], key: "Cible" }));
  isAt(await sophie.post(`${sent}/execution`, { errors: "valid" }));
  const { counts, act_id: actId } = await counted(sent);
  assert.deepEqual(figures(counts), { create: 200, update: 300, unchanged: 0, error: 0 });
  await act(
    karimId,
    "update operation set status = 'in_progress', category = 'running', started_at = app_now(), version = version + 1 where campaign_id = ? and title in ('PC-301', 'PC-302', 'PC-303', 'PC-304', 'PC-305')",
    [of],
  );
  await act(
    yannId,
    `update operation set "values" = "values" || '{"salle":"Changée"}', version = version + 1 where campaign_id = ? and title in ('PC-1', 'PC-2', 'PC-3', 'PC-4', 'PC-5', 'PC-6', 'PC-7', 'PC-8', 'PC-9', 'PC-10')`,
    [of],
  );
  const touched = await image();
  await world.clock.advance(12 * 86_400_000);
  sophie = await world.as("sophie");
  const undo = `/actes/${actId}/annulation`;
  const seen = plain(await sophie.get(undo));
  // No booking yet in this product: five started, ten edited.
  assert.match(seen, /Restaurable.: 485 lignes 195 créations à retirer, 290 lignes à rendre telles qu’elles étaient\./);
  assert.match(seen, /En conflit.: 15 lignes/);
  assert.match(seen, /Nouvelle salle 1\b[\s\S]*Changée/);
  assert.match(seen, /Yann Le Goff/);
  isAt(await sophie.post(undo, {}));
  assert.deepEqual(
    await ask(
      `select count(*) filter (where trashed_at is not null)::int as withdrawn,
         count(*) filter (where trashed_at is null and title::text in ('PC-301', 'PC-302', 'PC-303', 'PC-304', 'PC-305'))::int as kept,
         count(*) filter (where "values" ->> 'salle' = 'Changée')::int as edited,
         count(*) filter (where trashed_at is null and substring(title from 4)::int between 11 and 300
           and "values" ->> 'salle' is not distinct from case when substring(title from 4)::int % 3 = 0 then null else 'S' || substring(title from 4) end)::int as restored
       from operation where campaign_id = ?`,
      [of],
    ),
    [{ withdrawn: 195, kept: 5, edited: 10, restored: 290 }],
  );
  const [{ id: undone }] = (await ask<{ id: string }>("select id from act where undoes_id = ?", [actId])) as [
    { id: string },
  ];
  await sophie.get(`/actes/${undone}/annulation`);
  isAt(await sophie.post(`/actes/${undone}/annulation`, {}));
  assert.deepEqual(await image(), touched);
  await world.clock.advance(19 * 86_400_000);
  sophie = await world.as("sophie");
  assert.doesNotMatch((await sophie.get(undo)).text, /<button[^>]*>[^<]*Annuler/);
});
