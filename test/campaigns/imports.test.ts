import assert from "node:assert/strict";
import { test } from "node:test";
import { createStaffMembers } from "../../src/directory/index.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText, latin } from "../support/sheets.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const denis = await world.as("denis");
await world.owner.query("select set_config('app.tenant_id', $1, false)", [sophie.tenantId]);
const { email: karim } = await world.userOf("karim");
let made = 0;

const isAt = ({ status, location, text }: Answer): string => {
  assert.equal(
    status,
    303,
    text
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ")
      .slice(0, 900),
  );
  return location!;
};
const words = ({ text }: { text: string }) => text.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
const rows = async (query: string, values: unknown[] = []) => (await world.owner.query(query, values)).rows;

async function campaign(): Promise<string> {
  await sophie.get("/campagnes/nouvelle");
  const days = { startsOn: "2026-11-02", endsOn: "2027-02-26" };
  return isAt(await sophie.post("/campagnes/nouvelle", { name: `Import ${++made}`, ...days }))
    .split("/")
    .at(-2)!;
}
const idOf = (at: string) => at.split("/").at(-1)!;

async function send(of: string, content: Buffer | string, browser: Browser = sophie): Promise<string> {
  const at = `/imports/operations/nouveau?objet=${of}`;
  await browser.get(at);
  return isAt(
    await sendForm(
      world,
      browser,
      "/imports/operations/nouveau",
      { name: "operations.csv", content: Buffer.from(content as string) },
      { scope: of },
    ),
  );
}

const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "60" };

async function check(at: string, column: string[], more: Record<string, string | string[]> = {}): Promise<string> {
  isAt(await sophie.post(`${at}/verification`, { ...CHOICE, column, key: "Poste", ...more }));
  const { text, status } = await sophie.get(at);
  assert.equal(status, 200, world.logged.filter((line) => /error/.test(line)).at(-1));
  assert.deepEqual(judgePage(text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(text)), []);
  return words({ text });
}

async function run(at: string) {
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  const [one] = await rows("select state, counts, failure, act_id from import where id = $1", [idOf(at)]);
  return one as { state: string; counts: Record<string, number>; failure: string | null; act_id: string };
}

/** Sent, mapped, checked and run. */
async function bring(of: string, lines: string[][], column: string[], more: Record<string, string | string[]> = {}) {
  const at = await send(of, csvText(lines));
  const checked = await check(at, column, more);
  return { at, checked, ...(await run(at)) };
}

const told = ({ counts: { create, update, unchanged, ignored, error } }: { counts: Record<string, number> }) =>
  `${create} ${update} ${unchanged} ${ignored} ${error}`;
const operations = (of: string) =>
  rows(
    `select o.title, o.status, o.category, to_char(o.planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned,
       s.name as segment, o.is_segment_set_by_hand as "byHand", u.email, o.notes, o.minutes, o.capacity, o."values", o.version, o.is_missing as missing, o.reason
     from operation o left join segment s on s.id = o.segment_id left join app_user u on u.id = o.technician_id
     where o.campaign_id = $1 and o.trashed_at is null order by o.title`,
    [of],
  );

const HEAD = [
  "Poste",
  "Site",
  "Matricule",
  "Bâtiment",
  "Date prévue",
  "Heure",
  "Technicien",
  "Statut",
  "Remarque",
  "Durée",
  "Places",
];
const MAPPED = [
  "cible",
  "+short_text",
  "+short_text",
  "segment",
  "prevue_le",
  "heure",
  "technicien",
  "statut",
  "notes",
  "minutes",
  "places",
];

test("S1, IMP-18, SEG-2, OPS-2, FLD-2 : d’un tableau à une campagne neuve, champs et segments compris", async () => {
  const of = await campaign();
  const at = await send(
    of,
    latin(
      csvText([
        HEAD,
        ["PC-0001", "Orléans", "A00421", "Bâtiment A", "12/03/2027", "14h30", "", "", "près de l’entrée", "30", "2"],
        ["PC-0002", "Évry", "A00422", "bâtiment  a", "", "", karim, "", "", "", ""],
        ["PC-0003", "Nîmes", "A00423", "Bâtiment B", "13/03/2027", "", "", "", "", "", ""],
        ["", "Nîmes", "A00424", "Bâtiment B", "", "", "", "", "", "", ""],
        ["PC-0005", "Nîmes", "A00425", "Bâtiment C", "31/02/2027", "", "", "", "", "", ""],
      ]),
    ),
  );
  const mapping = (await sophie.get(at)).text;
  assert.deepEqual(judgePage(mapping).faults, []);
  assert.deepEqual(faultsOf(parseHtml(mapping)), []);
  assert.match(mapping, /<option value="cible" selected>Cible \(obligatoire\)/);
  assert.match(mapping, /<option value="\+short_text" selected>Texte court, 100\s% des valeurs/);
  assert.match(words({ text: mapping }), /Texte court, 100 % des valeurs.*Nouveau champ proposé/);
  assert.match(mapping, /<option value="prevue_le" selected>/);
  assert.match(mapping, /value="Poste" checked/);
  const checked = await check(at, MAPPED);
  assert.match(checked, /2 champs seront ajoutés : Site et Matricule/);
  assert.match(checked, /Ce fichier ajoute 2 segments : « Bâtiment A » et « Bâtiment B »\./);
  assert.match(checked, /Importer 3 lignes valides/);
  assert.match(checked, /Le 31\/02\/2027 n’est pas dans le calendrier/);
  assert.deepEqual(await rows("select count(*)::int as n from operation where campaign_id = $1", [of]), [{ n: 0 }]);
  assert.deepEqual(await rows("select count(*)::int as n from segment where campaign_id = $1", [of]), [{ n: 0 }]);
  assert.deepEqual(await rows("select count(*)::int as n from campaign_field where campaign_id = $1", [of]), [
    { n: 1 },
  ]);
  const done = await run(at);
  assert.deepEqual([done.state, done.failure, told(done)], ["completed", null, "3 0 0 0 2"]);
  const [one, two, three] = await operations(of);
  assert.deepEqual(
    [one.title, one.status, one.category, one.planned, one.segment, one.byHand, one.notes, one.minutes, one.capacity],
    ["PC-0001", "scheduled", "planned", "2027-03-12 14:30", "Bâtiment A", false, "près de l’entrée", 30, 2],
  );
  assert.deepEqual(one.values, { cible: "PC-0001", site: "Orléans", matricule: "A00421" });
  assert.deepEqual([two.status, two.planned, two.segment, two.email], ["to_schedule", null, "Bâtiment A", karim]);
  assert.deepEqual([three.planned, three.segment], ["2027-03-13 09:00", "Bâtiment B"]);
  assert.deepEqual(
    (await rows("select name from segment where campaign_id = $1 order by position", [of])).map(({ name }) => name),
    ["Bâtiment A", "Bâtiment B"],
  );
  assert.match((await sophie.get(`/campagnes/${of}/operations?q=orleans`)).text, /PC-0001/);
  // One act, taken back whole: operations, fields, and the segments that nothing else uses [IMP-40, IMP-41].
  const undo = `/actes/${done.act_id}/annulation`;
  await sophie.get(undo);
  isAt(await sophie.post(undo, {}));
  assert.deepEqual(await operations(of), []);
  assert.deepEqual(
    await rows("select count(*)::int as n from campaign_field where campaign_id = $1 and removed_at is null", [of]),
    [{ n: 1 }],
  );
  assert.deepEqual(await segmentsOf(of), []);
  // Undone again, all of it comes back where it was [IMP-43].
  await takeBack(await lastUndo(done.act_id));
  assert.deepEqual(await segmentsOf(of), ["Bâtiment A", "Bâtiment B"]);
  assert.deepEqual(
    (await operations(of)).map(({ title, segment }) => [title, segment]),
    [
      ["PC-0001", "Bâtiment A"],
      ["PC-0002", "Bâtiment A"],
      ["PC-0003", "Bâtiment B"],
    ],
  );
});

const segmentsOf = async (of: string) =>
  (await rows("select name from segment where campaign_id = $1 order by name", [of])).map(({ name }) => name);
const takeBack = async (act: string, fields: Record<string, string | string[]> = {}) => {
  const at = `/actes/${act}/annulation`;
  await sophie.get(at);
  isAt(await sophie.post(at, fields));
};
const lastUndo = async (act: string): Promise<string> =>
  (await rows("select id from act where undoes_id = $1 order by id desc limit 1", [act]))[0].id;

const STAFF = [
  ["ZI-0001", "Arielle", "Vauquelin", "arielle.vauquelin@quais.example"],
  ["ZI-0002", "Basile", "Vauquelin", ""],
  ["ZI-0003", "Basile", "Vauquelin", ""],
] as const;
const hired = (lines: readonly (readonly string[])[]) =>
  world.db.act(
    {
      tenantId: sophie.tenantId,
      actorId: denis.id,
      channel: "page",
      code: "staff.created",
      label: "Essai",
      now: world.clock.now(),
    },
    (em) =>
      createStaffMembers(
        em,
        lines.map(([staffNumber, givenName, familyName, email]) => ({
          staffNumber: staffNumber!,
          givenName: givenName!,
          familyName: familyName!,
          email: email!,
          department: null,
          site: null,
          position: "",
          contractType: "",
          phone: "",
          manager: "",
        })),
        { tenantId: sophie.tenantId, by: { id: denis.id } } as never,
      ),
  );

test("IMP-18, FLD-4 : une colonne de personnes se lit par matricule, adresse ou nom, et deux homonymes se disent", async () => {
  await hired(STAFF);
  const of = await campaign();
  const head = ["Poste", "Bénéficiaire"];
  const lines = [
    head,
    ["PC-1", "zi-0001"],
    ["PC-2", "Arielle.Vauquelin@quais.example"],
    ["PC-3", "VAUQUELIN  Ariélle"],
    ["PC-4", "ZI-0002"],
    ["PC-5", "Basile Vauquelin"],
    ["PC-6", "Zoé Inconnue"],
  ];
  const { at, checked, ...done } = await bring(of, lines, ["cible", "+person"]);
  assert.match(checked, /PC-5|6 Bénéficiaire Basile Vauquelin Plusieurs personnes de l’annuaire portent ce nom/);
  assert.match(checked, /7 Bénéficiaire Zoé Inconnue .+ ne désigne personne de l’annuaire/);
  assert.equal(told(done), "4 0 0 0 2");
  const [arielle, basile] = await Promise.all(
    ["ZI-0001", "ZI-0002"].map(
      async (number) => (await rows("select id from staff_member where staff_number = $1", [number]))[0].id,
    ),
  );
  assert.deepEqual(
    (await operations(of)).map(({ values }) => values.beneficiaire),
    [arielle, arielle, arielle, basile],
  );
  assert.match((await sophie.get(`/campagnes/${of}/operations`)).text, /Arielle Vauquelin/);
  // Whoever the file calls is told by name, before and after; the same person called otherwise changes nothing.
  const again = await send(of, csvText([head, ["PC-1", "ZI-0002"], ["PC-2", "zi-0001"]]));
  assert.match(words({ text: (await sophie.get(again)).text }), /ZI-0002 lu : Basile Vauquelin/);
  const seen = await check(again, ["cible", "beneficiaire"]);
  assert.match(seen, /PC-1 Bénéficiaire Arielle Vauquelin Basile Vauquelin/);
  // Somebody of that name came meanwhile: what was checked is checked again [IMP-31].
  await hired([["ZI-0009", "Chloé", "Vauquelin", ""]]);
  assert.equal(told(await run(again)), "0 1 1 0 0");
  assert.ok(at);
});

test("IMP-41 : un segment créé par l’import part avec lui, sauf s’il sert ; la corbeille ne le retient pas", async () => {
  const of = await campaign();
  await bring(
    of,
    [
      ["Poste", "Lot"],
      ["S0", "Ancien"],
    ],
    ["cible", "segment"],
  );
  const done = await bring(
    of,
    [
      ["Poste", "Lot"],
      ["S1", "Est"],
      ["S2", "Ouest"],
      ["S3", "Ancien"],
      ["S4", "Sud"],
    ],
    ["cible", "segment"],
  );
  const idOfOperation = async (title: string) =>
    (await rows("select id from operation where campaign_id = $1 and title = $2", [of, title]))[0].id;
  // One that an act of somebody touched since, one of before that came there and went to the trash, one trashed already.
  const [s0, s1] = [await idOfOperation("S0"), await idOfOperation("S1")];
  await sophie.get(`/operations/${s1}`);
  isAt(await sophie.post(`/operations/${s1}/date`, { plannedOn: "2026-12-03", plannedHour: "10:00" }));
  const [{ id: south }] = await rows("select id from segment where campaign_id = $1 and name = 'Sud'", [of]);
  await sophie.get(`/operations/${s0}`);
  isAt(await sophie.post(`/operations/${s0}/segment`, { segment: south }));
  isAt(await sophie.post(`/operations/${s0}/corbeille`, {}));
  const { text } = await sophie.get(`/actes/${done.act_id}/annulation`);
  assert.match(
    words({ text }),
    /Impossible : 1 ligne[\s\S]*Des opérations, des personnes ou des prérequis sont dans ce segment/,
  );
  await takeBack(done.act_id);
  assert.deepEqual(await segmentsOf(of), ["Ancien", "Est"]);
  assert.deepEqual(
    (await operations(of)).map(({ title, segment }) => [title, segment]),
    [["S1", "Est"]],
  );
  // What goes to the trash keeps a segment that stays.
  assert.deepEqual(
    await rows(
      "select o.title, s.name from operation o left join segment s on s.id = o.segment_id where o.campaign_id = $1 and o.trashed_at is not null order by 1",
      [of],
    ),
    [
      { title: "S0", name: null },
      { title: "S2", name: null },
      { title: "S3", name: "Ancien" },
      { title: "S4", name: null },
    ],
  );
});

test("IMP-41 : un champ créé par l’import part avec lui, sauf si d’autres opérations le remplissent", async () => {
  const of = await campaign();
  await bring(of, [["Poste"], ["F0"]], ["cible"]);
  const done = await bring(
    of,
    [
      ["Poste", "Étage", "Salle"],
      ["F1", "2", "B12"],
    ],
    ["cible", "+short_text", "+short_text"],
  );
  await bring(
    of,
    [
      ["Poste", "Étage"],
      ["F0", "3"],
    ],
    ["cible", "etage"],
  );
  const { text } = await sophie.get(`/actes/${done.act_id}/annulation`);
  assert.match(words({ text }), /Impossible : 1 ligne[\s\S]*D’autres opérations remplissent ce champ/);
  await takeBack(done.act_id);
  const fields = await rows(
    "select label from campaign_field where campaign_id = $1 and removed_at is null and label in ('Étage', 'Salle')",
    [of],
  );
  assert.deepEqual(fields, [{ label: "Étage" }]);
  const [left] = await operations(of);
  assert.deepEqual([left.title, left.values.etage], ["F0", "3"]);
});

test("IMP-21, IMP-25, IMP-26, IMP-37, SEG-3 : une mise à jour ne touche que ce qui diffère, par des transitions permises", async () => {
  const of = await campaign();
  const first = await bring(
    of,
    [
      HEAD,
      ["P1", "Orléans", "1", "Lot A", "12/03/2027", "", "", "", "", "", ""],
      ["P2", "Orléans", "2", "Lot A", "", "", "", "Réalisée", "", "", ""],
      ["P3", "Orléans", "3", "Lot A", "", "", "", "", "", "", ""],
      ["P4", "Orléans", "4", "Lot B", "12/03/2027", "", "", "", "", "", ""],
    ],
    MAPPED,
  );
  assert.equal(told(first), "4 0 0 0 0");
  assert.deepEqual(
    await rows("select completed_by_id, completed_at from operation where campaign_id = $1 and title = 'P2'", [of]),
    [{ completed_by_id: null, completed_at: null }],
  );
  const known = ["cible", "site", "matricule", ...MAPPED.slice(3)];
  const [{ id: p4 }] = await rows("select id from operation where campaign_id = $1 and title = 'P4'", [of]);
  await sophie.get(`/operations/${p4}`);
  isAt(await sophie.post(`/operations/${p4}/segment`, { segment: "" }));
  const again = [
    HEAD,
    ["p1", "Orléans", "1", "Lot B", "", "", "", "", "", "", ""],
    ["P2", "Orléans", "2", "Lot A", "13/03/2027", "", "", "", "", "", ""],
    ["P3", "Orléans", "3", "Lot A", "14/03/2027", "10:00", "", "", "#VIDE", "", ""],
    ["P4", "Évry", "4", "Lot B", "", "", "", "Réalisée", "", "", ""],
    ["P4", "Évry", "4", "Lot B", "", "", "", "", "", "", ""],
  ];
  const second = await bring(of, again, known);
  assert.match(second.checked, /Cette opération est close/);
  assert.match(second.checked, /Aucune transition ne mène de « Planifiée » à « Réalisée »/);
  assert.match(second.checked, /Cette clé est déjà à la ligne 5/);
  assert.equal(told(second), "0 2 0 0 3");
  const after = await operations(of);
  assert.deepEqual(
    after.map(({ title, status, planned, segment }) => [title, status, planned, segment]),
    [
      ["p1", "scheduled", "2027-03-12 09:00", "Lot B"],
      ["P2", "done", null, "Lot A"],
      ["P3", "scheduled", "2027-03-14 10:00", "Lot A"],
      ["P4", "scheduled", "2027-03-12 09:00", null],
    ],
  );
  // A segment set by hand stays; its other cells change.
  const third = await bring(of, [HEAD, ["P4", "Évry", "4", "Lot B", "", "", "", "", "", "", ""]], known);
  assert.equal(told(third), "0 1 0 0 0");
  const [, , , kept] = await operations(of);
  assert.deepEqual([kept.segment, kept.byHand, kept.values.site], [null, true, "Évry"]);
  const fourth = await bring(of, [HEAD, ["P4", "Évry", "4", "Lot B", "", "", "", "", "", "", ""]], known);
  assert.equal(told(fourth), "0 0 1 0 0");
  assert.match((await sophie.get(`/campagnes/${of}/operations?q=evry`)).text, /P4/);
});

test("IMP-42 : ce qui a été touché depuis se décide ligne par ligne, ou cellule par cellule", async () => {
  const of = await campaign();
  const head = ["Poste", "Site", "Bâtiment", "Remarque", "Date prévue"];
  const first = ["cible", "+short_text", "segment", "notes", "prevue_le"];
  await bring(of, [head, ["C1", "Orléans", "Lot A", "avant", ""], ["C2", "Orléans", "Lot A", "avant", ""]], first);
  const known = ["cible", "site", "segment", "notes", "prevue_le"];
  const done = await bring(
    of,
    [head, ["C1", "Évry", "Lot B", "pendant", "12/03/2027"], ["C2", "Évry", "Lot B", "pendant", "12/03/2027"]],
    known,
  );
  assert.equal(told(done), "0 2 0 0 0");
  for (const title of ["C1", "C2"]) {
    const [{ id }] = await rows("select id from operation where campaign_id = $1 and title = $2", [of, title]);
    await sophie.get(`/operations/${id}/modifier`);
    isAt(await sophie.post(`/operations/${id}/date`, { plannedOn: "2027-03-15", plannedHour: "10:00" }));
  }
  const at = `/actes/${done.act_id}/annulation`;
  const { text } = await sophie.get(at);
  assert.deepEqual(judgePage(text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(text)), []);
  assert.match(words({ text }), /En conflit : 2 lignes/);
  const cells = [...text.matchAll(/name="cells" value="([^"]+)"/g)].map(([, value]) => value!);
  assert.deepEqual([...new Set(cells.map((cell) => cell.split(":")[1]))].toSorted(), [
    "notes",
    "segment_id",
    "status",
    "values.site",
  ]);
  const ofRow = (title: string) =>
    [...text.matchAll(/<tr>[\s\S]*?<\/tr>/g)].find(
      ([row]) => row.includes('name="cells"') && row.includes(`>${title}<`),
    )![0];
  const cell = (title: string, name: string) =>
    new RegExp(`name="cells" value="([^"]+:${name})"`).exec(ofRow(title))![1]!;
  // Of the first, two cells; the second stays whole.
  isAt(await sophie.post(at, { cells: [cell("C1", "values\\.site"), cell("C1", "notes")] }));
  assert.deepEqual(
    (await operations(of)).map(({ title, planned, segment, notes, values }) => [
      title,
      planned,
      segment,
      notes,
      values.site,
    ]),
    [
      ["C1", "2027-03-15 10:00", "Lot B", "avant", "Orléans"],
      ["C2", "2027-03-15 10:00", "Lot B", "pendant", "Évry"],
    ],
  );
  // The undo taken back, its cells alone move again; the status goes with its dates.
  await takeBack(await lastUndo(done.act_id));
  const again = (await sophie.get(at)).text;
  const status = [...again.matchAll(/name="cells" value="([^"]+:status)"/g)].map(([, value]) => value!);
  isAt(await sophie.post(at, { cells: status }));
  assert.deepEqual(
    (await operations(of)).map(({ title, status, planned, segment, notes }) => [
      title,
      status,
      planned,
      segment,
      notes,
    ]),
    [
      ["C1", "to_schedule", null, "Lot B", "pendant"],
      ["C2", "to_schedule", null, "Lot B", "pendant"],
    ],
  );
  const forged = await sophie.post(`/actes/${await lastUndo(done.act_id)}/annulation`, {
    cells: [status[0]!.replace(":status", ":campaign_id")],
  });
  assert.equal(forged.status, 422);
});

test("IMP-24 : les opérations absentes du fichier sont laissées, marquées ou annulées, et reviennent", async () => {
  const of = await campaign();
  const columns = ["cible"];
  const lines = (names: string[]) => [["Poste"], ...names.map((name) => [name])];
  await bring(of, lines(["M1", "M2", "M3", "M4"]), ["cible"]);
  const flagged = await bring(of, lines(["M1", "M2"]), columns, { missing: "flag" });
  assert.match(flagged.checked, /2 lignes enregistrées ne sont pas dans le fichier : les marquer absentes/);
  const state = async () =>
    (await operations(of)).map(({ title, status, missing, reason }) =>
      `${title} ${status} ${missing} ${reason ?? ""}`.trim(),
    );
  assert.deepEqual(await state(), [
    "M1 to_schedule false",
    "M2 to_schedule false",
    "M3 to_schedule true",
    "M4 to_schedule true",
  ]);
  const cancelled = await bring(of, lines(["M3", "M1"]), columns, { missing: "cancel" });
  assert.equal(cancelled.counts.missing, 2);
  assert.deepEqual(await state(), [
    "M1 to_schedule false",
    "M2 cancelled false absente du fichier",
    "M3 to_schedule true",
    "M4 cancelled true absente du fichier",
  ]);
  const undo = `/actes/${cancelled.act_id}/annulation`;
  await sophie.get(undo);
  isAt(await sophie.post(undo, {}));
  assert.deepEqual((await state())[1], "M2 to_schedule false");
});

test("CAM-8, CAM-21, IMP-3 : cible connue ailleurs, campagne archivée, et qui peut importer", async () => {
  const [here, there] = [await campaign(), await campaign()];
  await bring(there, [["Poste"], ["PC-0009"]], ["cible"]);
  const at = await send(here, csvText([["Poste"], ["pc-0009"], ["PC-0010"]]));
  const checked = await check(at, ["cible"]);
  assert.match(checked, /1 opération à créer porte le nom d’une opération de « Import \d+ »/);
  for (const who of ["karim", "helene", "nathalie"]) {
    const { status } = await (await world.as(who)).get(`/imports/operations/nouveau?objet=${here}`);
    assert.ok([403, 404].includes(status), `${who} ${status}`);
  }
  assert.equal((await denis.get(at)).status, 200);
  await sophie.get(`/campagnes/${here}/archivage`);
  isAt(await sophie.post(`/campagnes/${here}/archivage`, { reason: "Fini" }));
  const refused = await sophie.post(`${at}/execution`, { errors: "valid" });
  assert.equal(refused.status, 409);
  assert.match(words(refused), /Campagne archivée, lecture seule/);
});

test("IMP-40, PRM-25 : qui tient la campagne annule l’import d’un autre, et nul autre gestionnaire", async () => {
  const of = await campaign();
  const at = await send(of, csvText([["Poste"], ["PC-0300"]]), denis);
  isAt(await denis.post(`${at}/verification`, { ...CHOICE, column: ["cible"], key: "Poste" }));
  isAt(await denis.post(`${at}/execution`, { errors: "valid" }));
  const [{ act_id: act }] = await rows("select act_id from import where id = $1", [idOf(at)]);
  const undo = `/actes/${act}/annulation`;
  assert.ok((await sophie.get(at)).text.includes(undo));
  assert.equal((await (await world.as("hugo")).get(undo)).status, 404);
  assert.match(words(await sophie.get(undo)), /Restaurable : [1-9]\d* ligne/);
  assert.doesNotMatch(words(await sophie.get(`/historique/campaign/${of}`)), /par un administrateur/);
  isAt(await sophie.post(undo, {}));
  assert.deepEqual(await operations(of), []);
});

test("IMP-4, IMP-10, IMP-14, IMP-29 : les fichiers d’essai s’importent, et le fichier à corriger dit chaque erreur", async () => {
  const found: Record<string, string> = {};
  for (const file of [
    "operations.csv",
    "operations-windows-1252.csv",
    "operations.xlsx",
    "operations-a-corriger.csv",
  ]) {
    const of = await campaign();
    const { text } = await sophie.get(`/imports/operations/nouveau?objet=${of}`);
    assert.deepEqual(judgePage(text).faults, []);
    assert.deepEqual(faultsOf(parseHtml(text)), []);
    assert.equal((await sophie.get(`/imports/operations/exemples/${file}`)).status, 200);
    const at = isAt(await sophie.post("/imports/operations/essai", { scope: of, file }));
    const mapping = (await sophie.get(at)).text;
    assert.deepEqual(judgePage(mapping).faults, []);
    // As proposed, nothing changed.
    const column = [...mapping.matchAll(/<select id="column-\d+"[\s\S]*?<\/select>/g)].map(
      ([list]) => /<option value="([^"]*)" selected/.exec(list)?.[1] ?? "",
    );
    assert.equal(column[0], "cible", `${file} ${column}`);
    isAt(await sophie.post(`${at}/verification`, { ...CHOICE, column, key: "Poste", separator: "|" }));
    const done = await run(at);
    found[file] = `${done.state} ${told(done)}`;
    if (file !== "operations-a-corriger.csv") continue;
    const wrong = await rows(
      "select line, column_name as name from import_error where import_id = $1 order by line, id",
      [idOf(at)],
    );
    assert.deepEqual(
      wrong.map(({ line, name }) => `${line} ${name ?? "ligne"}`),
      [
        "3 Date prévue",
        "4 Date prévue",
        "5 Matricule",
        "6 Poste",
        "7 Poste",
        "8 Date prévue",
        "13 Poids (kg)",
        "14 Urgent",
        "15 ligne",
        "16 Date prévue",
        "18 Date prévue",
        "28 Technicien",
        "29 Statut",
        "30 Matériel",
      ],
    );
  }
  assert.deepEqual(found, {
    "operations.csv": "completed 60 0 0 0 0",
    "operations-windows-1252.csv": "completed 40 0 0 0 0",
    "operations.xlsx": "completed 30 0 0 0 0",
    "operations-a-corriger.csv": "completed 13 0 0 0 14",
  });
  assert.equal((await sophie.get("/imports/operations/exemples/..%2Fworld.ts")).status, 404);
});
