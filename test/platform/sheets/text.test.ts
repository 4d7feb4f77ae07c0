import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { csvLine, withoutGuard } from "../../../src/platform/sheets/csv.ts";
import { findDelimiter } from "../../../src/platform/sheets/delimiter.ts";
import { detectEncoding } from "../../../src/platform/sheets/encoding.ts";
import { columnNames, folded } from "../../../src/platform/sheets/header.ts";
import { sheetKind } from "../../../src/platform/sheets/kind.ts";
import { guessDelimiter, surveyTable } from "../../../src/platform/sheets/table.ts";
import { compound, docx, openDocument, program, zip } from "../../support/archive.ts";
import { csvText, latin, sourceOf, tableOf, utf16be } from "../../support/sheets.ts";
import { workbook } from "../../support/workbook.ts";

const HEADER = ["Matricule", "Prénom", "Remarque"];
const QUOTED = "a;b,c\nsuite";
const LINES = 5_000;
/** The table of S2: an "é" straddles the bytes 16 383 and 16 384 of its UTF-8. */
const ROWS = [
  HEADER,
  ...Array.from({ length: LINES }, (_, at) => [
    `M${at}`,
    "Hélène",
    at === 7 ? QUOTED : "façade à l’ouest".replace("’", "'"),
  ]),
];

/** Moved so that the first byte of an "é" is the last of the first piece. */
function straddled(delimiter: string): Buffer {
  for (let filler = 0; filler < 64; filler++) {
    const rows = ROWS.map((cells, at) =>
      at === 1 ? [...cells.slice(0, 2), `${"x".repeat(filler)}${cells[2]}`] : cells,
    );
    const bytes = Buffer.from(csvText(rows, delimiter));
    if (bytes[16_383] === 0xc3 && bytes[16_384] === 0xa9) return bytes;
  }
  throw new Error("No filler puts an é there.");
}

const read = async (content: Buffer, piece?: number) => {
  const source = sourceOf(content, piece);
  const kind = await sheetKind(source);
  assert.equal(kind.kind, "text");
  const { encoding, confidence } = (kind as Extract<typeof kind, { kind: "text" }>).found;
  const { delimiter } = await guessDelimiter(source, encoding);
  return { encoding, confidence, delimiter, ...(await tableOf(source, { kind: "text", encoding, delimiter })) };
};

const text = csvText(ROWS);
const FILES: [string, Buffer, string, string][] = [
  ["UTF-8, un é à cheval", straddled(";"), "utf-8", ";"],
  ["UTF-8 avec marque", Buffer.from(`\ufeff${text}`), "utf-8", ";"],
  ["UTF-16LE avec marque", Buffer.from(`\ufeff${csvText(ROWS, ",")}`, "utf16le"), "utf-16le", ","],
  ["UTF-16LE sans marque", Buffer.from(text, "utf16le"), "utf-16le", ";"],
  ["UTF-16BE avec marque", utf16be(`\ufeff${csvText(ROWS, "\t")}`), "utf-16be", "\t"],
  ["UTF-16BE sans marque", utf16be(text), "utf-16be", ";"],
  ["ISO-8859-1", latin(text), "iso-8859-1", ";"],
  ["Windows-1252", latin(csvText([...ROWS, ["M5000", "Lætitia", "cœur à 12 €"]], "\t")), "windows-1252", "\t"],
];

for (const [name, content, encoding, delimiter] of FILES) {
  test(`S2, IMP-4 à IMP-6 : ${name} se lit, la case entre guillemets arrive entière`, async () => {
    const found = await read(content);
    assert.deepEqual([found.encoding, found.delimiter, found.columns], [encoding, delimiter, HEADER]);
    assert.equal(found.lines, encoding === "windows-1252" ? LINES + 1 : LINES);
    assert.equal(found.rows.length, found.lines);
    assert.deepEqual(found.rows[7]?.cells, ["M7", "Hélène", QUOTED]);
    assert.deepEqual(
      found.rows.map(({ cells }) => cells[1]).filter((cell) => cell !== "Hélène"),
      encoding === "windows-1252" ? ["Lætitia"] : [],
    );
    if (encoding === "windows-1252") assert.equal(found.rows.at(-1)?.cells[2], "cœur à 12 €");
    // Line 9 holds a line break: what follows is one line further, as an editor counts.
    assert.deepEqual([found.rows[7]?.line, found.rows[8]?.line], [9, 11]);
  });
}

test("IMP-4 : un signe coupé en n’importe quel endroit du fichier reste entier", async () => {
  const content = Buffer.from(csvText([HEADER, ["M1", "Hélène 😀", "où ça"], ["M2", "Zoë", "€"]]));
  for (let piece = 1; piece <= content.length; piece++) {
    const { encoding, rows } = await read(content, piece);
    assert.deepEqual([encoding, rows.map(({ cells }) => cells[1])], ["utf-8", ["Hélène 😀", "Zoë"]], String(piece));
  }
});

test("IMP-5 : la certitude est dite, et les premières lignes accentuées sont montrées", async () => {
  const { confidence, accented } = await read(latin(csvText([HEADER, ["1", "Zoé", ""]])));
  assert.equal(confidence, "medium");
  assert.deepEqual(
    accented.map(({ line }) => line),
    [1, 2],
  );
  assert.equal((await detectEncoding(await sourceOf(Buffer.from("a;b\r\n1;é")).reads())).confidence, "high");
});

test("IMP-4 : un octet nul ou sans signe est une erreur sur sa ligne, avec sa case", async () => {
  const { encoding, rows } = await read(
    Buffer.concat([
      latin("Nom;Ville\r\nZoé;Albi\r\nPaul;"),
      Buffer.of(0x81),
      latin("\r\n€uro;x"),
      Buffer.of(0),
      latin("y\r\n"),
    ]),
  );
  assert.equal(encoding, "windows-1252");
  assert.deepEqual(
    rows.map(({ line, faults }) => [line, faults?.map(({ cause, column, value }) => [cause, column, value])]),
    [
      [2, undefined],
      [3, [["byte", 1, "\u0081"]]],
      [4, [["byte", 1, "x␀y"]]],
    ],
  );
});

test("IMP-6 : le séparateur est celui qui donne des colonnes constantes, guillemets respectés", () => {
  const cases: [string, string][] = [
    ['a;b;c\n"1;2;3;4";x;y\n1,5;2,5;3,5\n', ";"],
    ["nom,ville\nDupont,Albi\n", ","],
    ["a\tb,c\td\n1\t2,3\t4\n", "\t"],
    ["a|b\n1|2\n", "|"],
    ["une seule colonne\nAlbi\n", ";"],
    ["Export du 12/03/2026\n\nNom;Adresse\nA;1, rue X\nB;2, rue Y\n", ";"],
    ['a;b\n"dit ""oui;non""";2\n', ";"],
  ];
  for (const [text, wanted] of cases) assert.equal(findDelimiter(text).delimiter, wanted, text);
});

test("IMP-6 : une première ligne sep= décide, et n’est pas une donnée", async () => {
  for (const piece of [1, 3, 16_384]) {
    const { delimiter, columns, rows } = await read(Buffer.from("sep=,\r\nNom,Ville;Code\r\nZoé,Albi\r\n"), piece);
    assert.deepEqual([delimiter, columns], [",", ["Nom", "Ville;Code"]]);
    assert.deepEqual(rows, [{ line: 3, cells: ["Zoé", "Albi"] }]);
  }
});

test("IMP-7 : fins de ligne mêlées, comptées comme dans un éditeur", async () => {
  const { rows } = await read(Buffer.from('Nom;Note\rA;1\nB;"x\r\ny\rz"\r\nC;3'), 1);
  assert.deepEqual(rows, [
    { line: 2, cells: ["A", "1"] },
    { line: 3, cells: ["B", "x\ny\nz"] },
    { line: 6, cells: ["C", "3"] },
  ]);
});

test("IMP-7 : un guillemet jamais fermé est dit avec la ligne où il s’ouvre", async () => {
  const open = `Nom;Note\r\nA;1\r\nB;"x\r\n${"C;3\r\n".repeat(50)}`;
  const says = { name: "RuleBroken", message: /guillemet s’ouvre à la ligne 3 et n’est pas fermé/ };
  await assert.rejects(read(Buffer.from(open)), says);
  // The next cell that opens one closes it, in the wrong place.
  await assert.rejects(read(Buffer.from(`${open}D;"oui"\r\n`)), says);
  // One that no limit stops would be held whole.
  await assert.rejects(read(Buffer.from(open + "E;4\r\n".repeat(500_000))), says);
});

test("IMP-7 : un guillemet au milieu d’une case est un signe comme un autre", async () => {
  const { rows } = await read(Buffer.from('Objet;Note\r\nÉcran 24";"dit ""oui"""\r\n"Poste" 12;x\r\n'));
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      ['Écran 24"', 'dit "oui"'],
      ['"Poste" 12', "x"],
    ],
  );
});

test("IMP-8 : les colonnes sont nommées, deux fois le même nom se distingue", () => {
  assert.deepEqual(columnNames(["\u00a0Nom ", "nom", "", "Nom (2)", "Prénom\u200b"], 6), [
    "Nom",
    "nom (2)",
    "Colonne 3",
    "Nom (2) (2)",
    "Prénom",
    "Colonne 6",
  ]);
  assert.equal(folded("  Numéro\u00a0 d’Œuvre "), "numero d'oeuvre");
});

test("IMP-8, IMP-9 : en-tête choisi, lignes vides comptées, cases manquantes et en trop, colonnes vides de la fin", async () => {
  const content = Buffer.from(
    "Export;;;\r\n\r\nNom;Nom;;;\r\nA;1;;\r\n;;\r\nB\r\n \u00a0;\r\nC;1;2;;trop;\r\nD;1;;;;;\r\n",
  );
  const { columns, blank, lines, rows } = await tableOf(
    sourceOf(content),
    { kind: "text", encoding: "utf-8", delimiter: ";" },
    3,
  );
  assert.deepEqual([columns, blank, lines], [["Nom", "Nom (2)", "Colonne 3", "Colonne 4", "Colonne 5"], 2, 4]);
  const narrow = await tableOf(sourceOf(Buffer.from("Nom;Ville;;\r\nA;1;;\r\nB\r\nC;1;;;trop\r\n")), {
    kind: "text",
    encoding: "utf-8",
    delimiter: ";",
  });
  assert.deepEqual(narrow.columns, ["Nom", "Ville"]);
  assert.deepEqual(narrow.rows, [
    { line: 2, cells: ["A", "1"] },
    { line: 3, cells: ["B", ""] },
    { line: 4, cells: ["C", "1"], extra: ["", "", "trop"], faults: [{ column: null, value: "trop", cause: "extra" }] },
  ]);
  assert.equal(rows[0]?.line, 4);
});

test("IMP-1 : la ligne 100 001 refuse le fichier avec le vrai nombre", async () => {
  const rows = (count: number) => Buffer.from(`Nom;Ville\r\n${"A;B\r\n".repeat(count)}\r\n`);
  const shape = { kind: "text", encoding: "utf-8", delimiter: ";" } as const;
  assert.equal((await surveyTable(sourceOf(rows(100_000)), shape)).lines, 100_000);
  await assert.rejects(surveyTable(sourceOf(rows(100_250)), shape), /Ce fichier a 100\u202f250 lignes.+100\u202f000/);
});

test("IMP-1 : trop de colonnes, une case trop longue, une ligne sans fin, un fichier trop lourd ont chacun leur phrase", async () => {
  const shape = { kind: "text", encoding: "utf-8", delimiter: ";" } as const;
  await assert.rejects(
    surveyTable(sourceOf(Buffer.from(`${Array(201).fill("c").join(";")}\n`)), shape),
    /201 colonnes/,
  );
  const { rows } = await tableOf(sourceOf(Buffer.from(`Nom;Note\nA;${"x".repeat(10_001)}\n`)), shape);
  assert.deepEqual(
    rows[0]?.faults?.map(({ cause, column }) => [cause, column]),
    [["too_long", 1]],
  );
  await assert.rejects(surveyTable(sourceOf(Buffer.alloc(4_000_000, "x")), shape), /La ligne 1 est trop longue/);
  await assert.rejects(sheetKind({ size: 51_000_000, reads: () => assert.fail("read") }), /dépasse 50\u00a0Mo/);
});

test("une ligne de 200 Mo n’est jamais tenue en mémoire", async () => {
  let given = 0;
  const piece = Buffer.alloc(65_536, "x");
  const reads = async () =>
    (async function* () {
      for (; given < 200_000_000; given += piece.length) yield piece;
    })() as never;
  const shape = { kind: "text", encoding: "utf-8", delimiter: ";" } as const;
  await assert.rejects(surveyTable({ size: 200_000_000, reads }, shape), /La ligne 1 est trop longue/);
  assert.ok(given < 4_000_000, `${given} octets lus`);
});

test("IMP-2 : le genre vient du contenu, et chaque refus a sa phrase", async () => {
  const encrypted = Buffer.concat([compound("other"), Buffer.from("EncryptedPackage\0", "utf16le"), Buffer.alloc(64)]);
  const one = { sheets: [{ name: "A", rows: [["Nom"]] }] };
  const cases: [string, Buffer, RegExp][] = [
    [
      "ancien .xls renommé .csv",
      compound("other"),
      /ancien classeur \.xls\. Enregistrez le fichier au format \.xlsx ou CSV/,
    ],
    ["classeur chiffré", encrypted, /protégé par un mot de passe/],
    [
      "macros",
      workbook({ ...one, more: [{ name: "xl/vbaProject.bin", content: Buffer.from("x") }] }),
      /macros \(\.xlsm\)/,
    ],
    [
      "lien vers un autre classeur",
      workbook({ ...one, more: [{ name: "xl/externalLinks/externalLink1.xml", content: Buffer.from("<x/>") }] }),
      /dans un autre fichier/,
    ],
    ["lettre", docx(), /Enregistrez le fichier au format \.xlsx ou CSV/],
    ["OpenDocument", openDocument("spreadsheet"), /Enregistrez le fichier au format \.xlsx ou CSV/],
    ["archive", zip([{ name: "a.csv", content: Buffer.from("a;b") }]), /Enregistrez le fichier/],
    ["programme", program(), /Enregistrez le fichier/],
    ["PDF", Buffer.from("%PDF-1.7\n1 0 obj\n"), /Enregistrez le fichier/],
    [
      "page enregistrée en .xls",
      Buffer.from("<html><table><tr><td>1</td></tr></table></html>"),
      /Enregistrez le fichier/,
    ],
    [
      "octets sans sens",
      Buffer.from(Array.from({ length: 500 }, (_, at) => (at * 37) % 256)),
      /Enregistrez le fichier/,
    ],
    ["vide", Buffer.alloc(0), /vide/],
  ];
  for (const [name, content, says] of cases) {
    await assert.rejects(sheetKind(sourceOf(content)), { name: "RuleBroken", message: says }, name);
  }
  assert.equal((await sheetKind(sourceOf(workbook(one)))).kind, "workbook");
  assert.equal((await sheetKind(sourceOf(Buffer.from("BM;Nom\r\n1;A\r\n")))).kind, "text");
});

test("EXP-7 : l’apostrophe mise devant une formule à l’export est retirée à l’import", () => {
  assert.deepEqual(["'=1+1", "'-2", "'+3", "'@a", "'été", "l'an", "''=1"].map(withoutGuard), [
    "=1+1",
    "-2",
    "+3",
    "@a",
    "'été",
    "l'an",
    "'=1",
  ]);
});

test("EXP-7 : quel que soit le texte, l’export le désarme et l’import le rend tel qu’il était", () => {
  const SIGNS = ["'", "'", "=", "+", "-", "@", "\t", "\r", "\n", '"', ";", ",", " ", "a", "é", "1", "’"];
  let seed = 7;
  const next = (most: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * most);
  };
  for (let turn = 0; turn < 20_000; turn++) {
    const text = Array.from({ length: next(6) }, () => SIGNS[next(SIGNS.length)]!).join("");
    const [[cell]] = parse(csvLine([text, "fin"]), { delimiter: ";", record_delimiter: "\r\n" }) as [[string]];
    assert.doesNotMatch(cell, /^[=+\-@\t\r]/, JSON.stringify(text));
    assert.equal(withoutGuard(cell), text);
  }
});

test("EXP-3, EXP-7 : un nombre s’écrit sans apostrophe ni exposant, quelle que soit sa taille", () => {
  assert.equal(
    csvLine([-12.5, 0, 1e-7, 1e21, 1.5e30]),
    "-12,5;0;0,0000001;1000000000000000000000;1500000000000000000000000000000\r\n",
  );
});

test("IMP-5 : une marque d’ordre n’est jamais dans un nom de colonne, quel que soit l’encodage choisi", async () => {
  for (const piece of [1, 2, 16_384]) {
    const read = async (content: Buffer, encoding: "windows-1252" | "iso-8859-1" | "utf-8") =>
      (await tableOf(sourceOf(content, piece), { kind: "text", encoding, delimiter: ";" })).columns;
    const marked = Buffer.from("\ufeffNom;Site\r\nZoé;Évry\r\n");
    for (const encoding of ["windows-1252", "iso-8859-1", "utf-8"] as const)
      assert.deepEqual(await read(marked, encoding), ["Nom", "Site"]);
    assert.deepEqual(await read(Buffer.from("Nom;Site\r\na;b\r\n"), "windows-1252"), ["Nom", "Site"]);
    assert.deepEqual(await read(latin("ïo;Site\r\na;b\r\n"), "iso-8859-1"), ["ïo", "Site"]);
  }
});

test("IMP-9 : les cases en trop sont gardées à part, pour le fichier des erreurs", async () => {
  const content = Buffer.from("Nom;Site\r\na;b;c;;d\r\ne;f;;\r\n");
  const { rows, surplus } = await tableOf(sourceOf(content), { kind: "text", encoding: "utf-8", delimiter: ";" });
  assert.equal(surplus, 3);
  assert.deepEqual(
    rows.map(({ cells, extra }) => [cells, extra]),
    [
      [
        ["a", "b"],
        ["c", "", "d"],
      ],
      [["e", "f"], undefined],
    ],
  );
});
