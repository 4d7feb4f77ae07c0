import assert from "node:assert/strict";
import { test } from "node:test";
import { analyse } from "../../../src/platform/sheets/analysis.ts";
import { sheetKind } from "../../../src/platform/sheets/kind.ts";
import { dateText, formatOf, padded } from "../../../src/platform/sheets/number-format.ts";
import { sheetsOf } from "../../../src/platform/sheets/workbook-rows.ts";
import { csvText, latin, sourceOf, tableOf, utf16be } from "../../support/sheets.ts";
import { type MadeWorkbook, workbook } from "../../support/workbook.ts";

const at = (serial: number, style = 0) => ({ xml: `<c s="${style}"><v>${serial}</v></c>` });
const FORMATS = [
  "dd/mm/yyyy",
  "00000",
  '0#" "##" "##" "##" "##',
  "0.0%",
  "dd/mm/yyyy hh:mm",
  "[$-40C]d mmmm yyyy;@",
  "h:mm",
];
const [DATE, FIVE, PHONE, SHARE, MOMENT, WORDS, HOUR] = [1, 2, 3, 4, 5, 6, 7];
const read = (made: MadeWorkbook, sheet = made.sheets.at(-1)!.name, piece?: number) =>
  tableOf(sourceOf(workbook({ formats: FORMATS, ...made }), piece), { kind: "workbook", sheet });

test("S24 : la seconde feuille d’un classeur 1904, cellule par cellule", async () => {
  const made: MadeWorkbook = {
    is1904: true,
    sheets: [
      { name: "Notes", rows: [["rien"]] },
      {
        name: "Données",
        hidden: [3, 4, 5],
        rows: [
          ["Date", "Saisie", "Matricule", "Série", "Calcul", "État"],
          [
            at(44_631, DATE),
            "12/03/2026",
            at(421, FIVE),
            { xml: "<c><v>1234567890123456</v></c>" },
            { xml: "<c><f>1+1</f><v>2</v></c>" },
            { xml: '<c t="e"><v>#N/A</v></c>' },
          ],
          ["a"],
          ["b"],
          ["c"],
        ],
      },
    ],
  };
  const { rows, hidden, columns, lines } = await read(made);
  assert.deepEqual([lines, hidden, columns.length], [4, 3, 6]);
  assert.deepEqual(rows[0]?.cells, ["2026-03-12", "12/03/2026", "00421", "1234567890123456", "2", "#N/A"]);
  assert.deepEqual(
    rows[0]?.faults?.map(({ column, cause }) => [column, cause]),
    [
      [3, "lost_digits"],
      [5, "spreadsheet_error"],
    ],
  );
  assert.deepEqual(
    rows.map(({ line }) => line),
    [2, 3, 4, 5],
  );
  assert.deepEqual(await sheetsOf(sourceOf(workbook(made))), [
    { name: "Notes", isHidden: false },
    { name: "Données", isHidden: false },
  ]);
});

test("IMP-10 : types des cellules, formules, erreurs, zones fusionnées, textes partagés", async () => {
  for (const shares of [false, true]) {
    const { rows } = await read({
      shares,
      sheets: [
        {
          name: "A",
          rows: [
            ["a", "b", "c", "d", "e", "f", "g"],
            [
              { xml: '<c t="b"><v>1</v></c>' },
              { xml: '<c t="b"><v>0</v></c>' },
              { xml: '<c t="str"><f>x</f><v>du texte</v></c>' },
              at(0.125, SHARE),
              { xml: '<c t="d"><v>2026-03-12T09:00:00</v></c>' },
              at(46_093.375, MOMENT),
              at(46_093, WORDS),
            ],
            [
              { xml: "<c><f>A1</f></c>" },
              { xml: '<c t="str"><f>A1</f><v></v></c>' },
              { xml: '<c t="e"><v>#VALUE!</v></c>' },
              1234.5,
              at(0.375, HOUR),
              1e21,
              at(612_345_678, PHONE),
            ],
            [
              'é <&> "x"',
              { xml: '<c t="inlineStr"><is><r><t>de </t></r><r><t>deux</t></r><rPh><t>lu</t></rPh></is></c>' },
              0.1 + 0.2,
              "ligne_x000D_\nune",
              "reste",
              "caché",
              null,
            ],
          ],
          after: '<mergeCells count="1"><mergeCell ref="E4:F4"/></mergeCells>',
        },
      ],
    });
    assert.deepEqual(rows[0]?.cells, [
      "VRAI",
      "FAUX",
      "du texte",
      "12,5 %",
      "2026-03-12T09:00:00",
      "2026-03-12T09:00",
      "2026-03-12",
    ]);
    assert.deepEqual(rows[1]?.cells, [
      "=",
      "",
      "#VALEUR!",
      "1234,5",
      "09:00",
      "1000000000000000000000",
      "06 12 34 56 78",
    ]);
    assert.deepEqual(
      rows[1]?.faults?.map(({ column, cause }) => [column, cause]),
      [
        [0, "no_result"],
        [2, "spreadsheet_error"],
        [5, "lost_digits"],
      ],
    );
    assert.deepEqual(rows[2]?.cells, [
      'é <&> "x"',
      "de deux",
      "0,3",
      "ligne\n\nune".replace("\n\n", "\n"),
      "reste",
      "",
      "",
    ]);
  }
});

test("IMP-10 : les deux systèmes de dates, le jour 60 de 1900 est une erreur", async () => {
  assert.deepEqual(
    [1, 59, 61, 46_093, 46_093.5, 0.25].map((serial) => dateText(serial, "date", false)),
    ["1900-01-01", "1900-02-28", "1900-03-01", "2026-03-12", "2026-03-12T12:00", "1899-12-31T06:00"],
  );
  assert.equal(dateText(60, "date", false), null);
  assert.equal(dateText(60, "date", true), "1904-03-01");
  assert.equal(dateText(0.999999, "date", false), "1900-01-01");
  const { rows } = await read({ sheets: [{ name: "A", rows: [["Date"], [at(60, DATE)]] }] });
  assert.deepEqual(
    rows[0]?.faults?.map(({ cause }) => cause),
    ["day_60"],
  );
});

test("IMP-12 : ce qu’un format remplit de zéros, et ce qu’il ne remplit pas", () => {
  const shown = (code: string, number: number) => {
    const format = formatOf(164, code);
    return format.shows === "digits" ? padded(number, format.places) : format.shows;
  };
  assert.equal(shown("00000", 421), "00421");
  assert.equal(shown("00000", 1_234_567), "1234567");
  assert.equal(shown('00" "000', 421), "00 421");
  assert.equal(shown("000\\-00", 421), "004-21");
  assert.equal(shown('"N°0"000', 7), "N°0007");
  assert.equal(shown("# ##0", 1234), "number");
  assert.equal(shown("0", 5), "number");
  assert.equal(shown("0.00", 5), "number");
  assert.equal(shown("General", 5), "number");
  assert.equal(shown('[Red]0" mètres"', 5), "number");
  assert.equal(shown("0%", 5), "percent");
  for (const code of ["yyyy-mm-dd", "d mmm yy", "[$-fr-FR]mmmm yyyy", "jj/mm/aaaa"])
    assert.equal(shown(code, 1), "date", code);
  for (const code of ["hh:mm:ss", "[h]:mm", "mm:ss"]) assert.equal(shown(code, 1), "time", code);
  for (const code of ["dd/mm/yyyy hh:mm", "m/d/yy h:mm AM/PM"]) assert.equal(shown(code, 1), "moment", code);
});

test("IMP-10 : une formule sans résultat est une erreur, une formule au résultat vide est une case vide", async () => {
  const { rows } = await read({
    sheets: [
      {
        name: "A",
        rows: [
          ["a", "b", "c", "d", "e"],
          [
            "x",
            { xml: '<c t="str"><f>A1</f></c>' },
            { xml: '<c t="str"><f>""</f><v></v></c>' },
            { xml: '<c t="b"><f>A1</f></c>' },
            { xml: "<c><f>A1</f><v/></c>" },
          ],
        ],
      },
    ],
  });
  assert.deepEqual(rows[0]?.cells, ["x", "=", "", "=", "="]);
  assert.deepEqual(
    rows[0]?.faults?.map(({ column, cause }) => [column, cause]),
    [1, 3, 4].map((column) => [column, "no_result"]),
  );
});

test("IMP-9 : les lignes vides entre deux lignes d’une feuille sont comptées, écrites ou non", async () => {
  const { lines, blank } = await read({
    sheets: [{ name: "A", rows: [[null], ["Nom"], ["a"], [null], ["  "], [null], ["b"], [null]] }],
  });
  assert.deepEqual([lines, blank], [2, 3]);
  const gap = Buffer.from(
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Nom</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row></sheetData></worksheet>',
  );
  const far = workbook({ sheets: [{ name: "A", rows: [] }], replaced: { "xl/worksheets/sheet1.xml": gap } });
  const survey = await tableOf(sourceOf(far), { kind: "workbook", sheet: "A" });
  assert.deepEqual([survey.lines, survey.blank], [2, 1_048_573]);
});

test("IMP-12 : des décimales que le tableur ne pouvait pas garder sont des chiffres perdus ; un calcul ordinaire, non", async () => {
  const { rows } = await read({
    sheets: [
      {
        name: "A",
        rows: [
          ["a", "b", "c", "d"],
          [at(123_456_789_012_345.67), 1 / 3, 12_345_678_901_234.5, 12.1 * 3],
        ],
      },
    ],
  });
  assert.deepEqual(rows[0]?.cells, ["123456789012345,67", "0,333333333333333", "12345678901234,5", "36,3"]);
  assert.deepEqual(
    rows[0]?.faults?.map(({ column, cause }) => [column, cause]),
    [[0, "lost_digits"]],
  );
});

test("IMP-10 : la première feuille montrée est proposée, même après une feuille cachée", async () => {
  const content = workbook({
    sheets: [
      { name: "Cachée", rows: [["x"]], isHidden: true },
      { name: "Vue", rows: [["x"]] },
      { name: "Autre", rows: [["x"]] },
    ],
  });
  assert.deepEqual((await analyse(sourceOf(content))).shape, { kind: "workbook", sheet: "Vue" });
});

test("IMP-10 : une feuille cachée se dit, une absente se refuse", async () => {
  const content = workbook({
    sheets: [
      { name: "Cachée", rows: [["x"]], isHidden: true },
      { name: "Vue", rows: [["x"]] },
    ],
  });
  assert.deepEqual(
    (await sheetsOf(sourceOf(content))).map(({ isHidden }) => isHidden),
    [true, false],
  );
  await assert.rejects(tableOf(sourceOf(content), { kind: "workbook", sheet: "Autre" }), /pas dans le classeur/);
});

test("IMP-11 : type de document, XML abîmé, bombe sont refusés", async () => {
  const one = { sheets: [{ name: "A", rows: [["Nom"], ["Zoé"]] }] };
  await assert.rejects(
    read({ ...one, prologue: '<!DOCTYPE x SYSTEM "file:///etc/passwd">' }),
    /déclare un type de document/,
  );
  const typed = '<?xml version="1.0"?>\n<!-- <a> -->\n<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>';
  for (const name of ["docProps/core.xml", "xl/worksheets/_rels/sheet1.xml.rels", "xl/worksheets/sheet9.xml"]) {
    for (const content of [Buffer.from(typed), Buffer.from(`\ufeff${typed}`), Buffer.from(`\ufeff${typed}`, "utf16le")])
      await assert.rejects(
        sheetKind(sourceOf(workbook({ ...one, more: [{ name, content }] }))),
        /déclare un type de document/,
        name,
      );
  }
  const quoting = Buffer.from('<?xml version="1.0"?><x><![CDATA[<!DOCTYPE html>]]></x>');
  const harmless = workbook({ ...one, more: [{ name: "docProps/app.xml", content: quoting }] });
  assert.equal((await sheetKind(sourceOf(harmless))).kind, "workbook");
  const content = workbook(one);
  const broken = Buffer.from(content);
  broken.write("</worksheet", broken.indexOf("PK\x01\x02") - 20);
  await assert.rejects(tableOf(sourceOf(broken), { kind: "workbook", sheet: "A" }), { name: "RuleBroken" });
  const bomb = workbook({ ...one, more: [{ name: "xl/media/x.bin", content: Buffer.alloc(30_000_000) }] });
  await assert.rejects(sheetKind(sourceOf(bomb)), /plus de 100 fois sa taille/);
});

test("tous les lecteurs donnent les mêmes lignes pour la même table", async () => {
  let seed = 42;
  const pick = <T>(list: readonly T[]): T => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return list[Math.floor((seed / 2 ** 31) * list.length)]!;
  };
  const WORDS = [
    "",
    "a",
    "é",
    'dit "oui"',
    "x;y",
    "u,v",
    "t\tu",
    "p|q",
    "ligne\nsuite",
    " bord ",
    "00421",
    "1,5",
    "'=1",
    "œ €",
    "<&>",
    '"',
    "0",
  ];
  for (let turn = 0; turn < 40; turn++) {
    const width = 1 + (turn % 5);
    const header = Array.from({ length: width }, (_, place) => `Colonne ${place + 1}`);
    const body = Array.from({ length: 1 + turn }, (_, line) => [
      `n${line}`,
      ...Array.from({ length: width - 1 }, () => pick(WORDS)),
    ]);
    const wanted = body.map((cells) => cells);
    const delimiter = pick([";", ",", "\t", "|"]);
    const text = csvText([header, ...body], delimiter, pick(["\n", "\r\n", "\r"]));
    const piece = 1 + turn * 3;
    const shape = { kind: "text", delimiter } as const;
    const rowsOf = async (table: ReturnType<typeof tableOf>) => (await table).rows.map(({ cells }) => cells);
    const filesOf = [
      [Buffer.from(text), { ...shape, encoding: "utf-8" }],
      [Buffer.from(`\ufeff${text}`, "utf16le"), { ...shape, encoding: "utf-16le" }],
      [utf16be(text), { ...shape, encoding: "utf-16be" }],
      [latin(text), { ...shape, encoding: "windows-1252" }],
      [
        workbook({ sheets: [{ name: "A", rows: [header, ...body] }], shares: turn % 2 === 0 }),
        { kind: "workbook", sheet: "A" },
      ],
    ] as const;
    for (const [content, way] of filesOf)
      assert.deepEqual(await rowsOf(tableOf(sourceOf(content, piece), way)), wanted);
  }
});
