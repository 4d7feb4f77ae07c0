import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { engineOf, prepareExport, purgeExports } from "../../src/exports/prepare.ts";
import { addField, idIn, makeCampaign } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, hugo, karim] = await Promise.all(
  ["denis", "sophie", "hugo", "karim"].map((who) => world.as(who)),
);
const { tenantId } = denis!;
// What the jobs would carry out is called by the tests, at their own pace.
world.db.sendJobsWith(async () => {});
const engine = engineOf(world.app.locals.services);
let made = 0;

async function campaign(by: Browser = sophie!): Promise<{ at: string; id: string }> {
  const at = await makeCampaign(by, { name: `Été à l’œuvre ${++made}` });
  await addField(by, at, "Surface", { type: "number", switches: ["isListed"] });
  await addField(by, at, "Livré le", { type: "date", switches: ["isListed"] });
  return { at, id: idIn(at) };
}
async function add(at: string, fields: Record<string, string>): Promise<void> {
  await sophie!.get(`${at}/operations/nouvelle`);
  const { status } = await sophie!.post(`${at}/operations/nouvelle`, fields);
  assert.equal(status, 303, JSON.stringify(fields));
}
const ask = async (by: Browser, id: string, liste = "", colonnes = "toutes") => {
  const page = `/exports/operations/${id}/nouveau?${new URLSearchParams({ liste })}`;
  await by.get(page);
  return by.post(page.split("?")[0]!, { liste, colonnes });
};
const rowsOf = (text: string) =>
  parse(text, { bom: true, delimiter: ";", columns: true }) as unknown as Record<string, string>[];
async function fill(id: string, rows: number): Promise<void> {
  const said = { tenantId, actorId: null, channel: "page" as const, code: "operation.added", now: world.clock.now() };
  await world.db.act({ ...said, label: "Essai" }, (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category)
       select ?, uuidv7(), ?, 'PC-' || i, jsonb_build_object('cible', 'PC-' || i), 'pc-' || i, 'to_schedule', 'open' from generate_series(1, ?) i`,
      [tenantId, id, rows],
    ),
  );
}

test("EXP-3, EXP-7, EXP-8 : point-virgule, marque, CRLF, virgule décimale, jj/mm/aaaa, HH:MM, formules désarmées, le segment une fois", async () => {
  const { at, id } = await campaign();
  await sophie!.get(`${at}/segments`);
  await sophie!.post(`${at}/segments`, { name: "Bâtiment A" });
  await add(at, {
    c_cible: "=1+1",
    c_surface: "12,5",
    c_livre_le: "31/12/2026",
    plannedOn: "2026-12-03",
    plannedHour: "14:30",
    notes: 'Deux lignes ; et\nun guillemet "',
  });
  await add(at, { c_cible: "PC-0002", c_surface: "-12,5" });
  const { status, headers, text } = await ask(sophie!, id);
  assert.equal(status, 200);
  assert.match(headers.get("content-type")!, /^text\/csv; charset=utf-8/);
  assert.match(
    headers.get("content-disposition")!,
    /operations-ete-a-l-uvre-\d+-toutes-les-colonnes-\d{4}-\d{2}-\d{2}\.csv/,
  );
  assert.match(text, /\r\n/);
  const [first, second] = rowsOf(text);
  assert.equal(first!.Cible, "'=1+1");
  assert.equal(first!.Surface, "12,5");
  assert.equal(first!["Livré le"], "31/12/2026");
  assert.equal(first!["Date prévue"], "03/12/2026");
  assert.equal(first!["Heure prévue"], "14:30");
  assert.equal(first!.Statut, "Planifiée");
  assert.equal(first!.Catégorie, "Planifiée");
  assert.equal(first!.Notes, 'Deux lignes ; et\nun guillemet "');
  assert.equal(first!.Reports, "0");
  assert.equal(second!.Cible, "PC-0002");
  assert.equal(second!.Surface, "-12,5");
  assert.equal(second!["Date prévue"], "");
  assert.equal(Object.keys(first!).filter((head) => head === "Segment").length, 1);
});

test("EXP-2 : le filtre, le tri et les colonnes de l’écran ; le nombre de lignes est dit avant", async () => {
  const { at, id } = await campaign();
  for (const cible of ["Écran 1", "Écran 2", "Clavier"]) await add(at, { c_cible: cible, c_surface: "3" });
  const liste = "q=ecran&tri=cible&sens=decroissant&colonnes=c.surface,statut";
  const { text: page } = await sophie!.get(`/exports/operations/${id}/nouveau?${new URLSearchParams({ liste })}`);
  assert.match(page, /2 opérations/);
  assert.match(page, /Texte\s: ecran/);
  const { text } = await ask(sophie!, id, liste, "ecran");
  assert.deepEqual(
    rowsOf(text).map((row) => Object.entries(row)),
    ["Écran 2", "Écran 1"].map((cible) => [
      ["Cible", cible],
      ["Surface", "3"],
      ["Statut", "À planifier"],
    ]),
  );
  assert.match((await sophie!.get(`${at}/operations?${liste}`)).text, /\/exports\/operations\//);
});

test("EXP-2 : les lignes suivent les groupes de l’écran, dans leur ordre, sans groupe à la fin, et le fichier dit le groupe", async () => {
  const { at, id } = await campaign();
  const karimId = (await world.userOf("karim")).id;
  for (const name of ["Zinc", "Alu"]) {
    await sophie!.get(`${at}/segments`);
    assert.equal((await sophie!.post(`${at}/segments`, { name })).status, 303);
  }
  const ids = Object.fromEntries(
    (
      await world.db.read(tenantId, (em) =>
        em.execute<{ id: string; name: string }[]>("select id, name from segment where campaign_id = ?", [id]),
      )
    ).map((one) => [one.name, one.id]),
  );
  for (const [cible, segment, plannedOn, technician] of [
    ["PC-1", "", "2026-12-09", ""],
    ["PC-2", ids.Alu!, "2026-12-08", karimId],
    ["PC-3", ids.Zinc!, "", ""],
    ["PC-4", ids.Zinc!, "2026-12-08", karimId],
  ] as const)
    await add(at, { c_cible: cible, segment, plannedOn, technician });
  const screen = async (liste: string) =>
    [...(await sophie!.get(`${at}/operations?${liste}`)).text.matchAll(/<a href="\/operations\/[^"]+">(PC-\d)</g)].map(
      ([, name]) => name,
    );
  const file = async (liste: string) => rowsOf((await ask(sophie!, id, liste, "ecran")).text);
  for (const [groupe, expected] of [
    ["segment", ["PC-3", "PC-4", "PC-2", "PC-1"]],
    ["statut", ["PC-3", "PC-1", "PC-2", "PC-4"]],
    ["technicien", ["PC-2", "PC-4", "PC-1", "PC-3"]],
    ["jour", ["PC-2", "PC-4", "PC-1", "PC-3"]],
  ] as const) {
    const liste = `groupe=${groupe}&tri=cible&colonnes=c.surface`;
    assert.deepEqual(await screen(liste), expected, groupe);
    assert.deepEqual(
      (await file(liste)).map((row) => row.Cible),
      expected,
      groupe,
    );
  }
  assert.deepEqual(
    (await file("groupe=segment&tri=cible&colonnes=c.surface")).map((row) => row.Segment),
    ["Zinc", "Zinc", "Alu", ""],
  );
});

test("EXP-1 : segments, temps passé, services, sites, techniciens, types et messages s’emportent depuis leur page, à qui l’ouvre", async () => {
  const { at, id } = await campaign();
  await sophie!.get(`${at}/segments`);
  await sophie!.post(`${at}/segments`, { name: "Bâtiment A" });
  await sophie!.get(`${at}/reglages`);
  await add(at, { c_cible: "PC-1" });
  const said = { tenantId, actorId: null, channel: "page" as const, code: "operation.edited", now: world.clock.now() };
  await world.db.act({ ...said, label: "Essai" }, (em) =>
    em.execute(
      "update operation set minutes = 25, technician_id = ?, segment_id = (select id from segment where campaign_id = ?) where campaign_id = ?",
      [karim!.id, id, id],
    ),
  );
  const take = async (by: Browser, kind: string, object: string) => {
    const page = `/exports/${kind}/${object}/nouveau`;
    const shown = await by.get(page);
    return shown.status === 200 ? by.post(page, { liste: "", colonnes: "ecran" }) : shown;
  };
  const lines = async (by: Browser, kind: string, object = "tout") => {
    const { status, text } = await take(by, kind, object);
    assert.equal(status, 200, `${kind} ${text.slice(0, 300)}`);
    return rowsOf(text);
  };
  for (const [path, by] of [
    [`${at}/segments`, sophie!],
    [`${at}/temps`, sophie!],
    ["/admin/annuaire/services", denis!],
    ["/admin/annuaire/sites", denis!],
    ["/admin/annuaire/techniciens", denis!],
  ] as const)
    assert.match((await by.get(path)).text, /href="\/exports\/[a-z]+\/[^"]+\/nouveau/, path);
  const [{ "Attendu (%)": expected, ...line }, ...more] = (await lines(sophie!, "segments", id)) as [
    Record<string, string>,
  ];
  assert.deepEqual(
    [line, more],
    [
      {
        ...{ Segment: "Bâtiment A", Opérations: "1", "À planifier": "1", Planifiées: "0", "En cours": "0" },
        ...{ Réalisées: "0", Reportées: "0", Bloquées: "0", Annulées: "0", "Avancement (%)": "0", "En retard": "0" },
      },
      [],
    ],
  );
  assert.match(expected!, /^\d+(,\d)?$/);
  const { name } = await world.db.read(
    tenantId,
    async (em) =>
      (
        await em.execute("select given_name || ' ' || family_name as name from app_user where id = ?", [karim!.id])
      )[0] as { name: string },
  );
  assert.deepEqual(await lines(sophie!, "temps", id), [
    { Segment: "Bâtiment A", Technicien: name, "Minutes passées": "25", Opérations: "1" },
  ]);
  await sophie!.get(`${at}/acces`);
  const hugoId = (await world.userOf("hugo")).id;
  await sophie!.post(`${at}/acces`, { grantee: `u.${hugoId}`, letters: ["see", "export"] });
  assert.deepEqual(await lines(hugo!, "temps", id), [
    { Segment: "Bâtiment A", "Minutes passées": "25", Opérations: "1" },
  ]);
  assert.ok((await lines(sophie!, "services")).some(({ Nom }) => Nom === "Accueil"));
  assert.ok((await lines(sophie!, "sites")).every((row) => row["Fuseau horaire"]?.includes("/")));
  assert.ok((await lines(sophie!, "techniciens")).some(({ Nom }) => Nom === name));
  await denis!.get("/admin/types-operations/nouveau");
  await lines(denis!, "types");
  for (const [by, kind, object] of [
    [karim, "types", "tout"],
    [sophie, "messages", "tout"],
    [sophie, "segments", "tout"],
    [sophie, "services", id],
  ] as const)
    assert.ok([403, 404].includes((await take(by!, kind, object)).status), kind);
});

test("PRM-19, CAM-26 : sans la lettre « exporter » c’est non, sans la campagne elle n’existe pas", async () => {
  const { at, id } = await campaign();
  await add(at, { c_cible: "PC-1" });
  assert.equal((await hugo!.get(`/exports/operations/${id}/nouveau`)).status, 404);
  await sophie!.get(`${at}/acces`);
  const hugoId = (await world.userOf("hugo")).id;
  await sophie!.post(`${at}/acces`, { grantee: `u.${hugoId}`, letters: ["see"] });
  assert.equal((await hugo!.get(`/exports/operations/${id}/nouveau`)).status, 403);
  assert.doesNotMatch((await hugo!.get(`${at}/operations`)).text, /\/exports\//);
  assert.equal((await karim!.get(`/exports/operations/${id}/nouveau`)).status, 404);
  assert.equal((await sophie!.get("/exports/inconnu/tout/nouveau")).status, 404);
  assert.equal((await sophie!.get("/exports/operations/tout/nouveau")).status, 404);
});

test("EXP-12 : un export est un acte de l’historique, une ligne du journal de sécurité, et une lecture de personnes s’il en tient", async () => {
  const { at, id } = await campaign();
  await add(at, { c_cible: "PC-1" });
  const { headers } = await ask(sophie!, id, "q=pc&tri=statut&sens=decroissant&groupe=segment");
  assert.match(
    headers.get("content-disposition")!,
    /operations-ete-a-l-uvre-\d+-texte-pc-groupes-segment-tri-statut-decroissant-toutes-les-colonnes-\d{4}-/,
  );
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ label: string }[]>("select label from act where code = 'rows.exported' and subject_id = ?", [id]),
  );
  assert.equal(
    act!.label,
    "Exporter des opérations (1 opération\u00a0: Texte\u00a0: pc ; groupes\u00a0: Segment ; tri\u00a0: Statut, décroissant ; toutes les colonnes)",
  );
  const [noted] = await world.db.read(tenantId, (em) =>
    em.execute<{ n: number; detail: { rows: number; sort: string; columns: string } }[]>(
      "select detail from security_event where kind = 'export' order by at desc limit 1",
    ),
  );
  const { rows, sort, columns } = noted!.detail;
  assert.deepEqual([rows, sort], [1, "groupes\u00a0: Segment ; tri\u00a0: Statut, décroissant"]);
  assert.match(columns, /^Cible, Surface, Livré le, .*Segment, Statut/);
});

test("EXP-8 : un champ qui fait les segments ne les dit pas une seconde fois", async () => {
  const { at, id } = await campaign();
  await addField(sophie!, at, "Bâtiment", { switches: ["isListed"] });
  await add(at, { c_cible: "PC-1", c_batiment: "Est" });
  const sync = `${at}/segments/resynchronisation`;
  const seen = /name="seen" value="([^"]+)"/.exec((await sophie!.get(`${sync}?champ=batiment`)).text)![1]!;
  assert.equal((await sophie!.post(sync, { field: "batiment", seen })).status, 303);
  const heads = async (liste: string, colonnes: string) =>
    (await ask(sophie!, id, liste, colonnes)).text
      .replace(/^\ufeff/, "")
      .split("\r\n")[0]!
      .split(";");
  const told = (all: string[]) => all.filter((head) => ["Bâtiment", "Segment"].includes(head));
  assert.deepEqual(told(await heads("", "toutes")), ["Segment"]);
  assert.deepEqual(told(await heads("colonnes=c.batiment,segment", "ecran")), ["Segment"]);
  assert.deepEqual(told(await heads("colonnes=c.batiment,statut", "ecran")), ["Bâtiment"]);
});

test("EXP-13, S33 : qui perd « exporter » n’emporte plus le fichier préparé pour lui", async () => {
  const { at, id } = await campaign();
  await fill(id, 5_001);
  const hugoId = (await world.userOf("hugo")).id;
  await sophie!.get(`${at}/acces`);
  await sophie!.post(`${at}/acces`, { grantee: `u.${hugoId}`, letters: ["see", "export"] });
  const { location } = await ask(hugo!, id);
  await prepareExport(engine, { tenantId, id: location!.split("/").at(-1)! });
  assert.equal((await hugo!.get(`${location}/fichier.csv`)).status, 200);
  await sophie!.get(`${at}/acces`);
  await sophie!.post(`${at}/acces`, { grantee: `u.${hugoId}`, letters: ["see"] });
  assert.equal((await hugo!.get(`${location}/fichier.csv`)).status, 403);
  assert.match((await hugo!.get(location!)).text, /vos droits ont changé/);
  // He may still throw it away.
  await hugo!.get(location!);
  assert.equal((await hugo!.post(`${location}/suppression`, {})).status, 303);
  assert.equal((await hugo!.get(location!)).status, 404);
});

test("un export s’arrête à la demande, ne garde aucun fichier, et le suivant peut partir", async () => {
  const { id } = await campaign();
  await fill(id, 5_001);
  const { location } = await ask(sophie!, id);
  const one = location!.split("/").at(-1)!;
  await sophie!.get(location!);
  assert.equal((await sophie!.post(`${location}/arret`, {})).status, 303);
  await prepareExport(engine, { tenantId, id: one });
  assert.match((await sophie!.get(location!)).text, /L’export a été arrêté/);
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ state: string; blob: string | null }[]>("select state, blob from export where id = ?", [one]),
  );
  assert.deepEqual({ ...row }, { state: "cancelled", blob: null });
  assert.equal((await ask(sophie!, id)).status, 303);
  await prepareExport(engine, { tenantId, id: (await last())! });
});

const last = async () => {
  const [row] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from export order by created_at desc limit 1"),
  );
  return row?.id;
};

test("EXP-10, EXP-11 : au-delà de 5 000 lignes une tâche prépare le fichier, son demandeur seul l’emporte, un jour durant", async () => {
  const { id } = await campaign();
  await fill(id, 5_001);
  const { status, location } = await ask(sophie!, id, "tri=cible");
  assert.equal(status, 303);
  assert.match((await sophie!.get(location!)).text, /Le fichier se prépare/);
  assert.equal((await sophie!.get(`${location}/fichier.csv`)).status, 404);
  // One at a time: the second waits its turn.
  assert.equal((await ask(sophie!, id)).status, 422);
  await prepareExport(engine, { tenantId, id: location!.split("/").at(-1)! });
  const page = await sophie!.get(location!);
  assert.match(page.text, /Le fichier est prêt/);
  const file = await sophie!.get(`${location}/fichier.csv`);
  assert.equal(file.status, 200);
  const raw = await fetch(`${world.origin}${location}/fichier.csv`, { headers: { cookie: sophie!.cookie } });
  const bytes = new Uint8Array(await raw.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  const rows = rowsOf(file.text);
  assert.equal(rows.length, 5_001);
  assert.equal(new Set(rows.map(({ Cible }) => Cible)).size, 5_001);
  assert.match((await sophie!.get("/notifications")).text, /est prêt/);
  // Neither an administrator nor anybody else.
  assert.equal((await denis!.get(`${location}/fichier.csv`)).status, 404);
  assert.equal((await denis!.get(location!)).status, 404);
  // A second run of the job changes nothing.
  await prepareExport(engine, { tenantId, id: location!.split("/").at(-1)! });
  assert.equal((await sophie!.get(`${location}/fichier.csv`)).text, file.text);
  await world.clock.advance(25 * 3_600_000);
  const later = await world.as("sophie");
  assert.equal((await later.get(`${location}/fichier.csv`)).status, 404);
  assert.ok((await purgeExports(engine, tenantId)) >= 1);
  assert.equal((await later.get(location!)).status, 404);
});
