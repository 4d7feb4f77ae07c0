import assert from "node:assert/strict";
import { test } from "node:test";
import { errorFile } from "../../src/imports/error-file.ts";
import { foldedKey } from "../../src/imports/lines.ts";
import { PART_LINES } from "../../src/imports/prepared.ts";
import { foldingOf } from "../../src/imports/queries/folding.ts";
import { causesOf, errorsOf, purgeImports } from "../../src/imports/queries/outcomes.ts";
import { cancelImport, runImport } from "../../src/imports/run.ts";
import { actOf } from "../support/database.ts";
import { startImports } from "./world.ts";

const world = await startImports();
const HEAD = "Série;Nom;Date prévue;Étage;Remarque\r\n";
const counts = ({ create, update, unchanged, ignored, error }: Record<string, number> & object) => ({
  create,
  update,
  unchanged,
  ignored,
  error,
});
const clear = () => world.db.act(actOf(world.tenantId), (em) => em.execute("delete from poste"));
const stored = () =>
  world.rows(
    "select serial, name, on_day::text as day, details, version from poste where trashed_at is null order by serial",
  );

test("IMP-28, IMP-37 : vérifier n’écrit rien, importer écrit, recommencer ne change rien", async () => {
  const file = `${HEAD}A1;Zoé;12/03/2026;2;"a;b\r\nc"\r\nA2;Paul;;3;\r\n`;
  const id = await world.send(file);
  assert.deepEqual(counts((await world.check(id)) as never), {
    create: 2,
    update: 0,
    unchanged: 0,
    ignored: 0,
    error: 0,
  });
  assert.deepEqual(await stored(), []);
  await world.start(id);
  assert.ok(world.jobs.includes("imports.run"));
  await world.run(id);
  assert.equal((await world.find(id)).state, "completed");
  assert.deepEqual(await stored(), [
    { serial: "A1", name: "Zoé", day: "2026-03-12", details: { floor: "2", note: "a;b\nc" }, version: 1 },
    { serial: "A2", name: "Paul", day: null, details: { floor: "3" }, version: 1 },
  ]);
  const again = await world.import(file);
  assert.deepEqual(counts(again.one.counts as never), { create: 0, update: 0, unchanged: 2, ignored: 0, error: 0 });
  assert.deepEqual(again.checked, again.one.counts);
  assert.equal((await stored())[0]?.version, 1);
});

test("IMP-20, IMP-23, IMP-37 : la clé ignore casse et accents, seules les cellules différentes changent", async () => {
  const { id, one } = await world.import(`${HEAD}a1;Zoé B.;12/03/2026;;#VIDE\r\n Á2 ;Paul;;4;\r\n`);
  assert.deepEqual(counts(one.counts as never), { create: 0, update: 2, unchanged: 0, ignored: 0, error: 0 });
  assert.deepEqual(
    (await stored()).map(({ serial, name, details }) => [serial, name, details]),
    [
      ["a1", "Zoé B.", { floor: "2" }],
      ["Á2", "Paul", { floor: "4" }],
    ],
  );
  const [{ changes }] = await world.rows("select changes from import_line where import_id = $1 order by line limit 1", [
    id,
  ]);
  assert.deepEqual(changes, { serial: ["A1", "a1"], name: ["Zoé", "Zoé B."], note: ["a;b\nc", null] });
  const cleared = await world.import(`${HEAD}a1;;;;\r\n`, { empty: "clear" });
  assert.equal(cleared.one.counts?.update, 1);
  assert.deepEqual((await stored())[0], { serial: "a1", name: null, day: null, details: {}, version: 3 });
});

test("IMP-21 : créer seulement, modifier seulement", async () => {
  const file = `${HEAD}A1;Autre;;;\r\nB9;Neuf;;;\r\n`;
  assert.deepEqual(counts((await world.import(file, { mode: "update" })).one.counts as never), {
    create: 0,
    update: 1,
    unchanged: 0,
    ignored: 1,
    error: 0,
  });
  assert.deepEqual(counts((await world.import(file, { mode: "create" })).one.counts as never), {
    create: 1,
    update: 0,
    unchanged: 0,
    ignored: 1,
    error: 0,
  });
});

test("IMP-20, IMP-22 : une clé se compare dans le fichier comme en base, lettre par lettre", async () => {
  await clear();
  const { id } = await world.import(
    `${HEAD}Cœur;;;;\r\nCOEUR;;;;\r\nStraße;;;;\r\nstrasse;;;;\r\nŁódź;;;;\r\nlodz;;;;\r\n`,
    { threshold: 90 },
  );
  assert.deepEqual(
    (await world.errors(id)).map(({ line, reason }) => [line, reason]),
    [3, 5, 7].map((line) => [line, `Cette clé est déjà à la ligne ${line - 1}.`]),
  );
  const folding = await world.db.read(world.tenantId, foldingOf);
  const words = await world.rows(
    "select 'a' || chr(c) || 'Z' as word, folded('a' || chr(c) || 'Z') as folded from generate_series(161, 65533) c where c not between 55296 and 57343 and chr(c) ~ '[[:alpha:]]'",
  );
  assert.ok(words.length > 10_000);
  assert.deepEqual(
    words.flatMap(({ word, folded }) => (foldedKey(word, folding) === folded ? [] : `${word} ${folded}`)),
    [],
  );
});

test("IMP-20 : sans clé, chaque ligne crée, et importer de nouveau crée de nouveau", async () => {
  await clear();
  const file = "Série;Marque\r\nN1;Un\r\nN1;Un\r\n";
  for (const made of [2, 4]) {
    const id = await world.send(file);
    await world.choose(id, { mapping: { key: [] } });
    await world.check(id);
    await world.start(id);
    await world.run(id);
    assert.equal((await world.find(id)).counts?.create, 2);
    assert.equal((await stored()).length, made);
  }
});

test("IMP-22, IMP-25, IMP-29 : toutes les erreurs, par ligne et colonne, avec la valeur du fichier et la raison", async () => {
  await clear();
  await world.import(`${HEAD}D1;Un;;;\r\nD2;Réservé;;;\r\n`);
  await world.db.act(actOf(world.tenantId), (em) =>
    em.execute(
      "insert into poste (tenant_id, id, serial) select tenant_id, uuidv7(), serial from poste where serial = 'D1'",
    ),
  );
  const { id, one } = await world.import(
    `${HEAD}D1;x;;;\r\nD2;Autre;;;\r\nD3;a;31/02/2026;;\r\nD4;b;;;\r\nd4;c;;;\r\n;d;;;\r\nD5;e;;;;trop\r\n`,
    { threshold: 100 },
  );
  assert.deepEqual(await world.errors(id), [
    { line: 2, column: "Série", value: "D1", reason: "Cette clé désigne 2 lignes déjà enregistrées\u00a0: D1, D1." },
    { line: 3, column: "Nom", value: "Autre", reason: "Rendez-vous confirmé, déplacez-le depuis les créneaux." },
    { line: 4, column: "Date prévue", value: "31/02/2026", reason: "Ce jour n’est pas au calendrier." },
    { line: 6, column: "Série", value: "d4", reason: "Cette clé est déjà à la ligne 5." },
    { line: 7, column: "Série", value: "", reason: "La clé est vide\u00a0: elle dit de quelle ligne il s’agit." },
    {
      line: 8,
      column: null,
      value: "trop",
      reason: "Plus de cases que de colonnes\u00a0: entourez de guillemets ce qui contient le séparateur.",
    },
  ]);
  assert.deepEqual(counts(one.counts as never), { create: 1, update: 0, unchanged: 0, ignored: 0, error: 6 });
  assert.deepEqual((await world.check(await world.send(`${HEAD};x;;;\r\n`))).error, 1);
});

test("IMP-22, IMP-29 : une ligne dit tout ce qui ne va pas, à la lecture et en base, chaque case telle quelle", async () => {
  await clear();
  await world.import(`${HEAD}R1;Réservé;;;\r\n`);
  await world.db.act(actOf(world.tenantId), (em) =>
    em.execute(
      "insert into poste (tenant_id, id, serial) select tenant_id, uuidv7(), v from poste, unnest(array['R2', 'R2', 'R2', 'R2', 'R3', 'R3', 'R3', 'R3', 'R3']) v",
    ),
  );
  const file = `${HEAD}  r1 ; Autre ;31/02/2026;cave;\r\nR1;x;99/99/2026;;\r\nR4;x;;cave;\r\n r2;;;;\r\nR3;;;;\r\n;x;31/02/2026;;\r\n`;
  const { id, one } = await world.import(file, { threshold: 100 });
  const day = { column: "Date prévue", reason: "Ce jour n’est pas au calendrier." };
  const booked = { column: "Nom", reason: "Rendez-vous confirmé, déplacez-le depuis les créneaux." };
  assert.deepEqual(await world.errors(id), [
    { line: 2, value: "31/02/2026", ...day },
    // What is told of the floor also reads the day, which says nothing.
    { line: 2, value: " Autre ", ...booked },
    { line: 3, value: "99/99/2026", ...day },
    { line: 3, column: "Série", value: "R1", reason: "Cette clé est déjà à la ligne 2." },
    { line: 3, value: "x", ...booked },
    { line: 4, column: "Étage", value: "cave", reason: "Rien ne va à la cave, ni R4." },
    {
      line: 5,
      column: "Série",
      value: " r2",
      reason: "Cette clé désigne 4 lignes déjà enregistrées\u00a0: R2, R2, R2 et 1 autre.",
    },
    {
      line: 6,
      column: "Série",
      value: "R3",
      reason: "Cette clé désigne 5 lignes déjà enregistrées\u00a0: R3, R3, R3 et 2 autres.",
    },
    { line: 7, value: "31/02/2026", ...day },
    { line: 7, column: "Série", value: "", reason: "La clé est vide\u00a0: elle dit de quelle ligne il s’agit." },
  ]);
  assert.deepEqual(counts(one.counts as never), { create: 0, update: 0, unchanged: 0, ignored: 0, error: 6 });
});

test("IMP-29 : les erreurs se groupent par cause, quelle que soit la valeur, et se filtrent par elle", async () => {
  await clear();
  const lines = Array.from({ length: 300 }, (_, at) => `Q${at};x;;${at % 3 === 0 ? "cave" : "1"};n° ${at}`);
  const { id } = await world.import(
    `Série;Nom;Date prévue;Étage;Poids\r\n${lines.join("\r\n")}\r\nQ7;;;;1\r\nQ9;;;;1\r\n`,
    {
      threshold: 100,
    },
  );
  const read = <T>(questions: Parameters<typeof world.db.read<T>>[1]) => world.db.read(world.tenantId, questions);
  const { rows, total } = await read((em) => causesOf(em, id));
  assert.deepEqual(rows, [
    {
      column: "Poids",
      cause: "«\u00a0…\u00a0» n’est pas un poids.",
      reason: "«\u00a0n° …\u00a0» n’est pas un poids.",
      errors: 300,
    },
    { column: "Étage", cause: "Rien ne va à la cave.", reason: "Rien ne va à la cave, ni Q…", errors: 100 },
    {
      column: "Série",
      cause: "Cette clé est déjà à la ligne ….",
      reason: "Cette clé est déjà à la ligne …",
      errors: 2,
    },
  ]);
  assert.equal(total, 3);
  const found = await read((em) => errorsOf(em, id, { column: "Série", cause: rows[2]!.cause, mark: null }));
  assert.deepEqual(
    found.rows.map(({ line, reason }) => [line, reason]),
    [
      [302, "Cette clé est déjà à la ligne 9."],
      [303, "Cette clé est déjà à la ligne 11."],
    ],
  );
});

test("IMP-39 : le fichier des erreurs garde ses colonnes, et revient une fois corrigé", async () => {
  await clear();
  const { id, one } = await world.import(`${HEAD}E1;"a;b";32/13/2026;007;=1+1\r\nE2;;;;\r\n`);
  let file = "";
  for await (const piece of errorFile(world.db, one)) file += piece;
  assert.equal(
    file,
    '\ufeffSérie;Nom;Date prévue;Étage;Remarque;Ligne d’origine;Colonne;Motif\r\nE1;"a;b";32/13/2026;007;=1+1;2;Date prévue;Ce jour n’est pas au calendrier.\r\n',
  );
  const back = await world.import(file.replace("32/13/2026", "12/03/2026"));
  assert.equal(back.one.counts?.create, 1);
  assert.deepEqual((await stored())[0]?.details, { floor: "007", note: "=1+1" });
  assert.ok(id);
});

/** The file of errors of an import, whole. */
async function fileOfErrors(id: string): Promise<string> {
  const one = await world.find(id);
  let file = "";
  for await (const piece of errorFile(world.db, one)) file += piece;
  return file;
}

test("IMP-18, IMP-19, IMP-39 : une colonne à soi nommée Motif ou Colonne se propose, se retient et reste dans le fichier des erreurs", async () => {
  await clear();
  const head = "Motif;Série;Colonne;Date prévue\r\n";
  const id = await world.send(`${head}panne;M1;B2;32/13/2026\r\nusure;M2;B3;\r\n`);
  const columns = [{ code: "note" }, { code: "serial" }, { code: "room" }, { code: "day" }];
  await world.choose(id, { mapping: { columns } });
  await world.check(id);
  await world.start(id);
  await world.run(id);
  const file = await fileOfErrors(id);
  assert.equal(
    file,
    "\ufeffMotif;Série;Colonne;Date prévue;Ligne d’origine;Colonne;Motif\r\npanne;M1;B2;32/13/2026;2;Date prévue;Ce jour n’est pas au calendrier.\r\n",
  );
  const back = await world.send(file.replace("32/13/2026", "12/03/2026"));
  assert.deepEqual((await world.find(back)).mapping.columns, [...columns, null, null, null]);
  await world.check(back);
  await world.start(back);
  await world.run(back);
  assert.deepEqual(
    (await stored()).map(({ serial, day, details }) => [serial, day, details]),
    [
      ["M1", "2026-03-12", { note: "panne", room: "B2" }],
      ["M2", null, { note: "usure", room: "B3" }],
    ],
  );
});

test("IMP-9, IMP-39 : les cases en trop restent dans le fichier des erreurs, qui revient sous la même correspondance", async () => {
  await clear();
  const { id } = await world.import("Série;Nom;Étage\r\nS1;Rue; 12;1\r\nS2;Quai;2\r\nS3;a;b;c;d;e\r\n", {
    threshold: 90,
  });
  const file = await fileOfErrors(id);
  assert.deepEqual(file.split("\r\n"), [
    "\ufeffSérie;Nom;Étage;;;;Ligne d’origine;Colonne;Motif",
    'S1;Rue;" 12";1;;;2;;Plus de cases que de colonnes\u00a0: entourez de guillemets ce qui contient le séparateur.',
    "S3;a;b;c;d;e;4;;Plus de cases que de colonnes\u00a0: entourez de guillemets ce qui contient le séparateur.",
    "",
  ]);
  const back = await world.send(
    file.replace('S1;Rue;" 12";1;;;', 'S1;"Rue; 12";1;;;;').replace("S3;a;b;c;d;e", "S3;a;b;;;"),
  );
  assert.deepEqual((await world.find(back)).mapping.columns.slice(0, 3), [
    { code: "serial" },
    { code: "name" },
    { code: "floor" },
  ]);
  await world.check(back);
  await world.start(back);
  await world.run(back);
  assert.deepEqual(
    (await stored()).map(({ serial, name }) => [serial, name]),
    [
      ["S1", "Rue; 12"],
      ["S2", "Quai"],
      ["S3", "a"],
    ],
  );
});

test("IMP-27 : quatre numéros de sécurité sociale sur cinq ferment la colonne, Corse comprise ; trois sur quatre, non", async () => {
  const key = (digits: number) => String(97 - (digits % 97)).padStart(2, "0");
  const numbers = [
    `2840519123456${key(2_840_519_123_456)}`,
    `284052A123456${key(2_840_519_123_456)}`,
    `2 84 05 2B 123 456 ${key(2_840_518_123_456)}`,
    `3841276451089${key(3_841_276_451_089)}`,
  ];
  const refused = async (values: string[]) => {
    const lines = values.map((value, rank) => `N${rank};${value}\r\n`).join("");
    const one = await world.find(await world.send(`Série;Nom\r\n${lines}`));
    return [one.survey.suspects, one.mapping.columns[1]?.code ?? null];
  };
  assert.deepEqual(await refused([...numbers, "inconnu", ""]), [["Nom"], null]);
  assert.deepEqual(await refused([...numbers.slice(1), "inconnu"]), [[], "name"]);
  const wrongKey = numbers[0]!.replace(/\d\d$/, (digits) => String((Number(digits) % 97) + 1).padStart(2, "0"));
  assert.deepEqual(await refused([...numbers.slice(1), "inconnu", wrongKey]), [[], "name"]);
});

test("IMP-14 : une colonne impossible jour d’abord est proposée mois d’abord, et lue ainsi", async () => {
  await clear();
  const { id, one } = await world.import("Série;Date prévue\r\nJ1;12/31/2026\r\nJ2;03/04/2026\r\n");
  assert.deepEqual((await world.find(id)).mapping.columns[1], { code: "day", isMonthFirst: true });
  assert.equal(one.counts?.create, 2);
  assert.deepEqual(
    (await stored()).map(({ day }) => day),
    ["2026-12-31", "2026-03-04"],
  );
  // One day past the twelfth in each place: neither order fits them all, day first stays.
  const mixed = await world.find(await world.send("Série;Date prévue\r\nJ1;12/31/2026\r\nJ2;31/12/2026\r\n"));
  assert.deepEqual(mixed.survey.tastes?.[1]?.isMonthFirst, undefined);
});

test("IMP-17 : un nombre abîmé par le tableur est une erreur où qu’il aille, la clé comprise", async () => {
  await clear();
  const { id, one } = await world.import("Série;Nom;Remarque\r\n1,23E+14;a;b\r\nS2;1.5e+20;4E-05\r\nS3;E+14;1E14\r\n", {
    threshold: 90,
  });
  assert.deepEqual(
    (await world.errors(id)).map(({ line, column, reason }) => [line, column, /abîmé par le tableur/.test(reason)]),
    [
      [2, "Série", true],
      [3, "Nom", true],
      [3, "Remarque", true],
    ],
  );
  assert.equal(one.counts?.create, 1);
});

test("IMP-30 : tout ou rien ne laisse rien ; trop d’erreurs arrêtent l’import", async () => {
  await clear();
  const half = `${HEAD}${Array.from({ length: 600 }, (_, at) => `F${at};x;${at % 2 === 0 ? "1" : "99/99/2026"};;\r\n`).join("")}`;
  const id = await world.send(half.replaceAll(";1;", ";;"));
  await world.choose(id, { options: { errors: "none" } });
  await world.check(id);
  await assert.rejects(world.start(id), /tout ou rien/);
  const wrong = await world.send(half);
  await world.check(wrong);
  await assert.rejects(world.start(wrong), /Plus de 50\u00a0% des lignes/);
  // Checked under another threshold, it stops by itself all the same.
  await world.choose(wrong, { options: { threshold: 100 } });
  await world.check(wrong);
  await world.start(wrong);
  await world.rows(`update import set options = options || '{"threshold": 50}' where id = $1`, [wrong]);
  await world.run(wrong);
  const one = await world.find(wrong);
  assert.equal(one.state, "failed");
  assert.match(one.failure!, /Plus de 50\u00a0% des lignes/);
  assert.deepEqual(await stored(), []);
});

test("IMP-30 : l’import s’arrête à la ligne où la plupart sont en erreur, au milieu d’une partie", async () => {
  await clear();
  const line = (at: number, wrong: boolean) => `B${at};x;${wrong ? "99/99/2026" : ""};${at % 2 ? "" : "1"};\r\n`;
  const file = (wrong: (at: number) => boolean) =>
    `${HEAD}${Array.from({ length: 10_000 }, (_, at) => line(at, wrong(at))).join("")}`;
  const early = await world.send(file((at) => at < 600));
  await world.choose(early, {});
  const counted = await world.check(early);
  assert.deepEqual([counted.read, counted.error, counted.create], [500, 500, 0]);
  await assert.rejects(world.start(early), /Plus de 50\u00a0% des lignes/);
  // 6 000 lines right, then all of them wrong: most are from the 9 001st on, of a threshold of a third.
  const late = await world.send(file((at) => at >= 6_000));
  await world.choose(late, { options: { threshold: 33 } });
  await world.check(late);
  await world.rows(`update import set counts = null where id = $1`, [late]);
  await world.start(late);
  await world.run(late);
  const one = await world.find(late);
  assert.equal(one.state, "failed");
  assert.deepEqual([one.counts?.read, one.counts?.error, (await stored()).length], [8_956, 2_956, 6_000]);
  // What the base refuses is judged with the rest.
  await clear();
  await world.import(`${HEAD}${Array.from({ length: 600 }, (_, at) => `B${at};Réservé;;;\r\n`).join("")}`);
  const refused = await world.check(await world.send(file(() => false)));
  assert.deepEqual([refused.read, refused.error, refused.create], [500, 500, 0]);
});

test("IMP-34, IMP-36 : un seul à la fois par objet, le suivant attend, et l’annulation arrête", async () => {
  await clear();
  const [first, second] = [await world.send(`${HEAD}G1;x;;;\r\n`), await world.send(`${HEAD}G2;x;;;\r\n`)];
  for (const id of [first, second]) {
    await world.check(id);
    await world.start(id);
  }
  assert.deepEqual([(await world.find(first)).state, (await world.find(second)).state], ["running", "waiting"]);
  await world.run(second);
  assert.deepEqual(await stored(), []);
  await world.db.act(actOf(world.tenantId), async (em) => cancelImport(em, { id: first }, { now: new Date() }));
  await world.run(first);
  assert.deepEqual([(await world.find(first)).state, (await world.find(second)).state], ["cancelled", "waiting"]);
  await world.run(second);
  assert.deepEqual(
    (await stored()).map(({ serial }) => serial),
    ["G2"],
  );
});

test("IMP-31, IMP-36 : l’import qui attendait est revérifié à son tour ; s’il ferait autre chose, il revient à son auteur", async () => {
  await clear();
  const called = () => world.calls.splice(0);
  const send = async (file: string) => {
    const id = await world.send(`${HEAD}${file}`);
    await world.check(id);
    await world.start(id);
    return id;
  };
  const first = await send("T1;x;;;\r\n");
  const other = await send("T1;y;;;\r\n");
  const same = await send("T9;z;;;\r\n");
  const last = await send("T8;z;;;\r\n");
  const state = async (id: string) => (await world.find(id)).state;
  called();
  await world.run(first);
  assert.deepEqual(called(), [other]);
  // It would have made T1: it would now change it. Its author reads that first, and the next one is called.
  await world.run(other);
  const back = await world.find(other);
  assert.deepEqual([back.state, back.earlier?.create, back.counts?.update], ["checked", 1, 1]);
  assert.deepEqual(called(), [same]);
  const told = await world.rows("select user_id, text, path from notification where path = $1", [`/imports/${other}`]);
  assert.deepEqual(told, [
    {
      user_id: world.userId,
      text: "L’import de «\u00a0postes.csv\u00a0» attendait son tour, et ce qu’il ferait a changé\u00a0: relisez-le, puis relancez-le.",
      path: `/imports/${other}`,
    },
  ]);
  // Given up while it waits, it leaves its turn to the next, and nothing of its check as what came of it.
  await world.db.act(actOf(world.tenantId), async (em) => cancelImport(em, { id: same }, { now: world.clock.now() }));
  assert.deepEqual(called(), [last]);
  const given = await world.find(same);
  assert.deepEqual([given.state, given.counts], ["cancelled", null]);
  assert.deepEqual(await world.rows("select from import_line where import_id = $1", [same]), []);
  // What the others wrote changes nothing to this one: it goes.
  await world.run(last);
  assert.deepEqual([await state(last), await state(first)], ["completed", "completed"]);
  assert.deepEqual(
    (await stored()).map(({ serial, name }) => [serial, name]),
    [
      ["T1", "x"],
      ["T8", "z"],
    ],
  );
});

test("IMP-35, IMP-40 : par parties, en un seul acte ; repris après un arrêt, chaque ligne une fois", async () => {
  await clear();
  const file = `${HEAD}${Array.from({ length: 25_000 }, (_, at) => `H${at};n° ${at};;${at % 7};\r\n`).join("")}H3;double;;;\r\n`;
  const id = await world.send(file);
  await world.check(id);
  await world.start(id);
  // The process dies in its second part: the database is what tells.
  const { act } = world.db;
  let parts = 0;
  const patient = {
    ...world.db,
    act: ((said, verb) =>
      act(said, async (em) => {
        const result = await verb(em);
        if (++parts === 2) throw new Error("kill -9");
        return result;
      })) as typeof act,
  };
  await assert.rejects(
    runImport(
      { ...world.engine, db: { ...world.db, patiently: () => patient } as never },
      { tenantId: world.tenantId, id },
    ),
    /kill -9/,
  );
  const half = await world.find(id);
  assert.deepEqual([half.state, half.done, half.doneLine], ["running", PART_LINES, PART_LINES + 1]);
  await Promise.all([world.run(id), world.run(id)]);
  const one = await world.find(id);
  assert.deepEqual(
    [one.state, counts(one.counts as never)],
    ["completed", { create: 25_000, update: 0, unchanged: 0, ignored: 0, error: 1 }],
  );
  const [{ n, acts, sets }] = await world.rows(
    "select (select count(distinct serial)::int from poste) as n, count(distinct act_id)::int as acts, count(*)::int as sets from changeset where act_id = $1",
    [one.actId],
  );
  assert.deepEqual({ n, acts, sets }, { n: 25_000, acts: 1, sets: Math.ceil(25_000 / PART_LINES) + 1 });
  assert.deepEqual(
    (await world.errors(id)).map(({ line, reason }) => [line, reason]),
    [[25_002, "Cette clé est déjà à la ligne 5."]],
  );
  assert.deepEqual(await world.rows("select count(*)::int as n from import_line where import_id = $1", [id]), [
    { n: 25_000 },
  ]);
});

test("IMP-34 : arrêté pendant une partie, l’import n’en passe pas d’autre ; en tout ou rien, il ne reste rien", async () => {
  await clear();
  const file = `${HEAD}${Array.from({ length: 35_000 }, (_, at) => `K${at};n° ${at};;;\r\n`).join("")}`;
  const ask = (id: string) =>
    world.db.note(world.tenantId, (em) => cancelImport(em, { id }, { now: world.clock.now() }));
  /** Somebody presses the button while this part is written. */
  const stoppedIn = (part: number, id: string) => {
    let parts = 0;
    const act = (async (said, verb) => {
      // The button waits for the part under way, which holds its row.
      let asking: Promise<void> | undefined;
      const result = await world.db.act(said, async (em) => {
        const passed = await verb(em);
        if (++parts === part) asking = ask(id);
        return passed;
      });
      await asking;
      return result;
    }) as typeof world.db.act;
    const db = { ...world.db, patiently: () => ({ ...world.db.patiently(), act }) } as never;
    return runImport({ ...world.engine, db }, { tenantId: world.tenantId, id });
  };

  const id = await world.send(file);
  await world.check(id);
  await world.start(id);
  await stoppedIn(2, id);
  const one = await world.find(id);
  assert.deepEqual([one.state, one.done], ["cancelled", 2 * PART_LINES]);
  assert.deepEqual(await world.rows("select count(*)::int as n from poste"), [{ n: 2 * PART_LINES }]);
  assert.deepEqual(counts(one.counts as never), {
    create: 2 * PART_LINES,
    update: 0,
    unchanged: 0,
    ignored: 0,
    error: 0,
  });

  await clear();
  const whole = await world.send(file);
  await world.choose(whole, { options: { errors: "none" } });
  await world.check(whole);
  await world.start(whole);
  const read = world.db.read;
  let looks = 0;
  // All or nothing looks before each part: the second look finds the button pressed.
  const db = {
    ...world.db,
    read: (async (tenantId, questions) => {
      if (++looks === 4) await ask(whole);
      return read(tenantId, questions);
    }) as typeof read,
  } as never;
  await runImport({ ...world.engine, db }, { tenantId: world.tenantId, id: whole });
  assert.equal((await world.find(whole)).state, "cancelled");
  assert.deepEqual(await world.rows("select count(*)::int as n from poste"), [{ n: 0 }]);
});

test("IMP-35, IMP-36 : tout ou rien, arrêté entre ses lignes et sa fin : repris, il finit, et le suivant commence", async () => {
  await clear();
  const [id, next] = [await world.send(`${HEAD}W1;x;;;\r\n`), await world.send(`${HEAD}W2;x;;;\r\n`)];
  for (const one of [id, next]) {
    await world.choose(one, { options: { errors: "none" } });
    await world.check(one);
    await world.start(one);
  }
  let acts = 0;
  const patient = world.db.patiently();
  const act = ((said, verb) =>
    ++acts === 1 ? patient.act(said, verb) : Promise.reject(new Error("kill -9"))) as typeof patient.act;
  const db = { ...world.db, act, patiently: () => ({ ...patient, act }) } as never;
  await assert.rejects(runImport({ ...world.engine, db }, { tenantId: world.tenantId, id }), /kill -9/);
  assert.deepEqual([(await world.find(id)).state, (await stored()).length], ["running", 1]);
  await Promise.all([world.run(id), world.run(id)]);
  const one = await world.find(id);
  const [{ sets }] = await world.rows("select count(*)::int as sets from changeset where act_id = $1", [one.actId]);
  assert.deepEqual([one.state, one.counts?.create, (await stored()).length, sets], ["completed", 1, 1, 2]);
  await world.run(next);
  assert.equal((await world.find(next)).state, "completed");
});

test("IMP-3, IMP-39 : le fichier part après trente jours, le détail après quatre-vingt-dix, les comptes restent", async () => {
  await clear();
  const { id } = await world.import(`${HEAD}J1;x;;;\r\nJ2;x;99/99/2026;;\r\n`);
  const purge = () => world.db.note(world.tenantId, purgeImports);
  assert.equal(await purge(), 0);
  await world.rows("update import set created_at = created_at - interval '31 days' where id = $1", [id]);
  assert.equal(await purge(), 1);
  const left = await world.find(id);
  let file = "";
  for await (const piece of errorFile(world.db, left)) file += piece;
  assert.match(file, /^J2;x;99\/99\/2026;;;3;Date prévue;Ce jour n’est pas au calendrier\.\r$/m);
  assert.deepEqual([left.survey.first, left.survey.accented, left.survey.tastes], [[], [], undefined]);
  assert.equal(left.mapping.columns.length, 5);
  assert.equal((await world.errors(id)).length, 1);
  await world.rows("update import set created_at = created_at - interval '60 days' where id = $1", [id]);
  await purge();
  assert.deepEqual(await world.errors(id), []);
  const last = await world.find(id);
  assert.deepEqual([last.counts?.error, last.mapping.columns, last.survey.columns], [1, [], []]);
  assert.deepEqual([last.fileName, last.sha256.length, last.basis, last.isForgotten()], ["", 0, null, true]);
});
