/** Scenarios of the specification about files, line by line, through the addresses people use. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/campaign.ts";
import { addFields } from "../../src/campaigns/field.ts";
import { newField } from "../../src/fields/index.ts";
import { engineOf } from "../../src/imports/engine.ts";
import { PART_LINES } from "../../src/imports/prepared.ts";
import { runImport } from "../../src/imports/run.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText, latin, utf16be } from "../support/sheets.ts";
import { workbook } from "../support/workbook.ts";
import { type Answer, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const denis = await world.as("denis");
const { tenantId } = sophie;
const { services } = world.app.locals;

const plain = ({ text }: { text: string }) =>
  text
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, " ");
const ok = (answer: Answer): string => {
  assert.equal(answer.status, 303, plain(answer).slice(0, 1_500));
  return answer.location!;
};
const idOf = (at: string) => at.split("/").at(-1)!;
const ask = <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values as never));

let made = 0;
async function campaign(fields: Parameters<typeof newField>[0][] = []): Promise<string> {
  await sophie.get("/campagnes/nouvelle");
  const days = { startsOn: "2026-01-05", endsOn: "2027-02-26" };
  const rows = ok(await sophie.post("/campagnes/nouvelle", { name: `Fichiers ${++made}`, ...days }));
  const at = rows.replace(/\/donnees$/, "");
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "campaign.edited", label: "Champs" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    const one = await em.findOneOrFail(Campaign, { id: idOf(at) });
    one.state = "active";
    await addFields(em, one, fields.map(newField), { by: { id: sophie.id } });
  });
  return idOf(at);
}

async function sent(kind: string, scope: string | null, content: Buffer, name: string): Promise<string> {
  const by = kind === "annuaire" ? denis : sophie;
  const at = `/imports/${kind}/nouveau`;
  return ok(await sendForm(world, by, at, { name, content }, scope ? { scope } : {}));
}

const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
async function checked(at: string, column: string[], more: Record<string, string | string[]> = {}, by = sophie) {
  ok(await by.post(`${at}/verification`, { ...CHOICE, column, ...more }));
  return plain(await by.get(at));
}
async function ran(at: string, by = sophie): Promise<string> {
  ok(await by.post(`${at}/execution`, { errors: "valid" }));
  await runImport(engineOf(services), { tenantId, id: idOf(at) });
  const [one] = await ask<{ state: string; counts: Record<string, number> }>(
    "select state, counts from import where id = ?",
    [idOf(at)],
  );
  const { create, update, unchanged, ignored, error } = one!.counts;
  return `${one!.state} ${create} ${update} ${unchanged} ${ignored} ${error}`;
}
const errorsOf = (at: string) =>
  ask<{ line: number; name: string | null; value: string; reason: string }>(
    "select line, column_name as name, value, reason from import_error where import_id = ? order by line, id",
    [idOf(at)],
  );

const HEAD = ["Matricule", "Nom", "Prénom", "Remarque"];
const QUOTED = "a;b,c\nsuite";
const LINES = 5_000;
const ROWS = Array.from({ length: LINES }, (_, n) => [
  `M${String(n).padStart(5, "0")}`,
  `Lefèvre n° ${n}`,
  ["Hélène", "François", "Noël"][n % 3]!,
  n === 7 ? QUOTED : "à l'étage, façade",
]);
const MORE = ["M05000", "Cœur", "Lætitia", "12 € à l'accueil"];

/** The table in UTF-8, an "é" on both sides of the byte 16 384; the same words whatever its place. */
function straddled(rows: string[][], delimiter: string): Buffer {
  for (let filler = 0; filler < 200; filler++) {
    const bytes = Buffer.from(csvText([[...HEAD.slice(0, 3), `Remarque${" ".repeat(filler)}`], ...rows], delimiter));
    if (bytes[16_383] === 0xc3 && bytes[16_384] === 0xa9) return bytes;
  }
  throw new Error("No filler puts an é there.");
}

const table = (delimiter: string, rows = ROWS) => csvText([HEAD, ...rows], delimiter);
const FILES: [string, Buffer][] = [
  ["UTF-8, un é à cheval", straddled(ROWS, ";")],
  ["UTF-8 avec marque", Buffer.from(`\ufeff${table(",")}`)],
  ["UTF-16LE", Buffer.from(`\ufeff${table("\t")}`, "utf16le")],
  ["UTF-16BE", utf16be(table(";"))],
  ["ISO-8859-1", latin(table(","))],
  ["Windows-1252", latin(table("\t", [...ROWS, MORE]))],
];

test("S2 : cinq mille lignes dans six encodages et trois séparateurs donnent les mêmes opérations", async () => {
  const digests: { n: number; digest: string }[] = [];
  for (const [name, content] of FILES) {
    const of = await campaign([
      { code: "nom", label: "Nom" },
      { code: "prenom", label: "Prénom" },
      { code: "remarque", label: "Remarque", type: "long_text" },
    ]);
    const at = await sent("operations", of, content, "agents.csv");
    assert.match(plain(await sophie.get(at)), /Matricule/, name);
    await checked(at, ["cible", "nom", "prenom", "remarque"], { key: "Matricule" });
    const lines = name === "Windows-1252" ? LINES + 1 : LINES;
    assert.equal(await ran(at), `completed ${lines} 0 0 0 0`, name);
    const [quoted] = await ask<{ text: string }>(
      `select "values" ->> 'remarque' as text from operation where campaign_id = ? and title = 'M00007'`,
      [of],
    );
    assert.equal(quoted?.text, QUOTED, name);
    const [found] = await ask<{ n: number; digest: string }>(
      `select count(*)::int as n, md5(string_agg(title || "values"::text, '|' order by title)) as digest
       from operation where campaign_id = ? and title <> 'M05000'`,
      [of],
    );
    digests.push(found!);
    if (name !== "Windows-1252") continue;
    assert.deepEqual(
      await ask(
        `select "values" ->> 'nom' as nom, "values" ->> 'remarque' as remarque from operation where campaign_id = ? and title = 'M05000'`,
        [of],
      ),
      [{ nom: "Cœur", remarque: "12 € à l'accueil" }],
    );
  }
  assert.deepEqual(new Set(digests.map(({ n }) => n)), new Set([LINES]));
  assert.equal(new Set(digests.map(({ digest }) => digest)).size, 1);
});

test("S2 : les mêmes fichiers entrent dans l’annuaire, le premier crée, les autres n’y changent rien", async () => {
  for (const [rank, [name, content]] of FILES.entries()) {
    const at = await sent("annuaire", null, content, "agents.csv");
    await checked(at, ["matricule", "nom", "prenom", ""], { key: "Matricule" }, denis);
    const wanted = rank === 0 ? `${LINES} 0 0 0 0` : name === "Windows-1252" ? `1 0 ${LINES} 0 0` : `0 0 ${LINES} 0 0`;
    assert.equal(await ran(at, denis), `completed ${wanted}`, name);
  }
  assert.deepEqual(await ask("select family_name as nom from staff_member where staff_number = 'M05000'"), [
    { nom: "Cœur" },
  ]);
});

test("S2 : un modèle rempli de deux personnes en importe deux ; l’une répétée est une erreur qui dit pourquoi", async () => {
  const template = (await denis.get("/imports/annuaire/modele.csv")).text;
  const [head] = template.replace(/^\ufeff/, "").split("\r\n");
  const width = head!.split(";").length;
  const person = (...cells: string[]) =>
    [...cells, ...Array.from({ length: width - cells.length }, () => "")].join(";");
  const filled = `${template}${[person("T00001", "Garçon", "Zoé"), person("T00002", "Müller", "Anaïs"), person("t00001", "Garçon", "Zoé")].join("\r\n")}\r\n`;
  const at = await sent("annuaire", null, Buffer.from(filled), "modele.csv");
  const page = (await denis.get(at)).text;
  assert.match(plain({ text: page }), /2 lignes d’exemple ignorées/);
  const column = [...page.matchAll(/<select id="column-\d+"[\s\S]*?<\/select>/g)].map(
    ([list]) => /<option value="([^"]*)" selected/.exec(list)?.[1] ?? "",
  );
  await checked(at, column, { key: "Matricule" }, denis);
  assert.deepEqual(
    (await errorsOf(at)).map(({ line, name, reason }) => [line, name, reason]),
    [[6, "Matricule", "Cette clé est déjà à la ligne 4."]],
  );
  assert.equal(await ran(at, denis), "completed 2 0 0 0 1");
});

const FAULTY = csvText([
  ["Nom", "Nom", "Série", "Date prévue"],
  ["PC-1", "a", "S1", "10/02/26 09:00"],
  ["PC-2", "b", "S2", "2026-02-10 15h00"],
  ["", "", "", ""],
  ["PC-3", "c", "S3", "10.02.2026"],
  ["PC-4", "d", "S4", "32/13/2026"],
  ["PC-5", "e", "1,23E+14", "10/02/2026"],
  [""],
  ["PC-6", "f", "S6", "10/02/2026", "trop"],
]);
const TO = ["cible", "second", "serie", "prevue_le"];

test("S3 : un fichier fautif dit ses colonnes, ses lignes vides et ses trois erreurs ; recommencer n’ajoute rien", async () => {
  const of = await campaign([
    { code: "second", label: "Second nom" },
    { code: "serie", label: "Série" },
  ]);
  const first = await sent("operations", of, Buffer.from(FAULTY), "postes.csv");
  const mapping = plain(await sophie.get(first));
  assert.match(mapping, /Nom \(2\)/);
  assert.match(mapping, /2 lignes vides ignorées/);
  await checked(first, TO, { key: "Nom" });
  assert.deepEqual(
    (await errorsOf(first)).map(({ line, name, value }) => [line, name, value]),
    [
      [6, "Date prévue", "32/13/2026"],
      [7, "Série", "1,23E+14"],
      [9, null, "trop"],
    ],
  );
  const [, { reason } = { reason: "" }] = await errorsOf(first);
  assert.match(reason, /nombre abîmé par le tableur/);
  assert.equal(await ran(first), "completed 3 0 0 0 3");
  const planned = () =>
    ask(
      "select title, status, to_char(planned_at at time zone 'Europe/Paris', 'DD/MM/YYYY HH24:MI') as planned from operation where campaign_id = ? order by title",
      [of],
    );
  assert.deepEqual(await planned(), [
    { title: "PC-1", status: "scheduled", planned: "10/02/2026 09:00" },
    { title: "PC-2", status: "scheduled", planned: "10/02/2026 15:00" },
    { title: "PC-3", status: "scheduled", planned: "10/02/2026 09:00" },
  ]);
  const [{ id }] = (await ask<{ id: string }>("select id from operation where campaign_id = ? and title = 'PC-1'", [
    of,
  ])) as [{ id: string }];
  await sophie.get(`/operations/${id}`);
  ok(await sophie.post(`/operations/${id}/statut`, { to: "in_progress", kind: "start" }));

  const create = await sent("operations", of, Buffer.from(FAULTY), "postes.csv");
  await checked(create, TO, { key: "Nom", mode: "create" });
  assert.equal(await ran(create), "completed 0 0 0 3 3");
  const both = await sent("operations", of, Buffer.from(FAULTY.replace("PC-2;b;", "PC-2;bis;")), "postes.csv");
  assert.match(await checked(both, TO, { key: "Nom" }), /PC-2 Second nom b bis/);
  assert.equal(await ran(both), "completed 0 1 2 0 3");
  assert.deepEqual((await planned())[0], { title: "PC-1", status: "in_progress", planned: "10/02/2026 09:00" });
  assert.deepEqual(
    await ask(`select title, "values" ->> 'second' as second from operation where campaign_id = ? order by title`, [
      of,
    ]),
    [
      { title: "PC-1", second: "a" },
      { title: "PC-2", second: "bis" },
      { title: "PC-3", second: "c" },
    ],
  );
});

const styled = (serial: number, style: number) => ({ xml: `<c s="${style}"><v>${serial}</v></c>` });
const [DAY, FIVE] = [1, 2];
const SHEET = {
  is1904: true,
  formats: ["dd/mm/yyyy", "00000"],
  sheets: [
    { name: "Notes", rows: [["rien"]] },
    {
      name: "Données",
      hidden: [3, 4, 5],
      rows: [
        ["Poste", "Date cellule", "Date texte", "Matricule", "Série", "Calcul", "État"],
        ["PC-1", styled(44_631, DAY), "12/03/2026", styled(421, FIVE), "", { xml: "<c><f>1+1</f><v>2</v></c>" }, ""],
        ["PC-2", "", "", "", { xml: "<c><v>1234567890123456</v></c>" }, "", ""],
        ["PC-3", "", "", "", "", "", { xml: '<c t="e"><v>#N/A</v></c>' }],
        ["PC-4", "", "", "", "", "", ""],
        ["=1+1", "", "", "", "", "", ""],
      ],
    },
  ],
};

test("S24 : la seconde feuille d’un classeur 1904 entre telle qu’elle se lit, lignes masquées comprises", async () => {
  const of = await campaign([
    { code: "cellule", label: "Date cellule", type: "date" },
    { code: "texte", label: "Date texte", type: "date" },
    { code: "matricule", label: "Matricule" },
    { code: "serie", label: "Série" },
    { code: "calcul", label: "Calcul", type: "number" },
    { code: "etat", label: "État" },
  ]);
  const at = await sent("operations", of, workbook(SHEET), "parc.xlsx");
  assert.match((await sophie.get(at)).text, /<option value="Notes" selected>/);
  ok(await sophie.post(`${at}/lecture`, { sheet: "Données", headerLine: "1" }));
  assert.match(plain(await sophie.get(`${at}?correspondance=oui`)), /3 lignes masquées dans le tableur et lues/);
  const to = ["cible", "cellule", "texte", "matricule", "serie", "calcul", "etat"];
  await checked(at, to, { key: "Poste" });
  assert.deepEqual(
    (await errorsOf(at)).map(({ line, name, value, reason }) => [line, name, value, reason]),
    [
      [3, "Série", "1234567890123456", "Chiffres perdus par le tableur."],
      [4, "État", "#N/A", "La cellule contient une erreur du tableur."],
    ],
  );
  assert.equal(await ran(at), "completed 3 0 0 0 2");
  assert.deepEqual(
    await ask(`select title, "values" - 'cible' as "values" from operation where campaign_id = ? order by title`, [of]),
    [
      { title: "=1+1", values: {} },
      { title: "PC-1", values: { cellule: "2026-03-12", texte: "2026-03-12", matricule: "00421", calcul: 2 } },
      { title: "PC-4", values: {} },
    ],
  );
  const list = `/exports/operations/${of}/nouveau`;
  await sophie.get(list);
  const { status, text: exported } = await sophie.post(list, { liste: "", colonnes: "toutes" });
  assert.equal(status, 200);
  assert.match(exported, /'=1\+1/);
  const back = await sent("operations", of, Buffer.from(`\ufeff${exported}`), "export.csv");
  const column = [...(await sophie.get(back)).text.matchAll(/<select id="column-\d+"[\s\S]*?<\/select>/g)].map(
    ([each]) => /<option value="([^"]*)" selected/.exec(each)?.[1] ?? "",
  );
  await checked(back, column, { key: "Cible" });
  assert.equal(await ran(back), "completed 0 0 3 0 0");
});

test("SEG-2 : un segment que fait la première partie d’un import sert aux suivantes, qui en font d’autres", async () => {
  const of = await campaign();
  const count = 2 * PART_LINES + 10;
  const placed = (n: number) => (n >= 2 * PART_LINES ? "Combles" : n % 2 === 0 ? "Rez-de-chaussée" : "REZ-DE-CHAUSSEE");
  const lines = Array.from({ length: count }, (_, n) => [`L${n}`, placed(n)]);
  const at = await sent("operations", of, Buffer.from(csvText([["Poste", "Étage"], ...lines])), "etages.csv");
  assert.match(await checked(at, ["cible", "segment"], { key: "Poste" }), /Ce fichier ajoute 2 segments/);
  assert.equal(await ran(at), `completed ${count} 0 0 0 0`);
  assert.deepEqual(
    await ask(
      `select s.name, count(*)::int as n from segment s join operation o on o.segment_id = s.id
       where s.campaign_id = ? group by 1 order by 1`,
      [of],
    ),
    [
      { name: "Combles", n: 10 },
      { name: "Rez-de-chaussée", n: 2 * PART_LINES },
    ],
  );
  assert.equal((await ask("select from segment where campaign_id = ?", [of])).length, 2);
});
