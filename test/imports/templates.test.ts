import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { isSample } from "../../src/platform/sheets/sample.ts";
import { sheetsOf } from "../../src/platform/sheets/workbook-rows.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { type Packed, zip } from "../support/archive.ts";
import { parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { sourceOf, tableOf } from "../support/sheets.ts";
import { columnName, escaped } from "../support/workbook.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const denis = await world.as("denis");
await world.owner.query("select set_config('app.tenant_id', $1, false)", [sophie.tenantId]);
const rows = async (query: string, values: unknown[] = []) => (await world.owner.query(query, values)).rows;

const isAt = ({ status, location, text }: Answer): string => {
  assert.equal(status, 303, text.replace(/<[^>]+>/g, " ").slice(0, 900));
  return location!;
};

async function bytesOf(browser: Browser, at: string): Promise<Buffer> {
  const answer = await fetch(world.origin + at, {
    headers: { cookie: browser.cookie, "sec-fetch-site": "same-origin" },
  });
  assert.equal(answer.status, 200, at);
  assert.match(answer.headers.get("content-disposition") ?? "", /attachment; filename="?modele-/);
  return Buffer.from(await answer.arrayBuffer());
}

/** The entries of an archive whose local headers tell their sizes. */
function entries(archive: Buffer): Packed[] {
  const found: Packed[] = [];
  for (let at = 0; archive.readUInt32LE(at) === 0x04034b50; ) {
    const [packed, label, extra] = [
      archive.readUInt32LE(at + 18),
      archive.readUInt16LE(at + 26),
      archive.readUInt16LE(at + 28),
    ];
    const start = at + 30 + label + extra;
    found.push({
      name: archive.toString("utf8", at + 30, at + 30 + label),
      content: inflateRawSync(archive.subarray(start, start + packed)),
    });
    at = start + packed;
  }
  return found;
}

/** The same workbook with lines typed under those of its first sheet. */
const filled = (archive: Buffer, lines: string[][]): Buffer =>
  zip(
    entries(archive).map((entry) => {
      if (entry.name !== "xl/worksheets/sheet1.xml") return entry;
      const more = lines.map((cells, rank) => {
        const line = rank + 4;
        const inside = cells.map((text, place) =>
          text === "" ? "" : `<c r="${columnName(place)}${line}" t="inlineStr"><is><t>${escaped(text)}</t></is></c>`,
        );
        return `<row r="${line}">${inside.join("")}</row>`;
      });
      const xml = entry.content!.toString().replace("</sheetData>", `${more.join("")}</sheetData>`);
      return { ...entry, content: Buffer.from(xml) };
    }),
  );

/** A line of a template: what is said of some of its columns. */
const lineOf = (columns: readonly string[], said: Record<string, string>): string[] => {
  for (const name of Object.keys(said)) assert.ok(columns.includes(name), `${name} parmi ${columns}`);
  return columns.map((name) => said[name] ?? "");
};

/** Sent, mapped as proposed, checked and run. */
async function bring(browser: Browser, kind: string, content: Buffer, name: string, scope?: string) {
  await browser.get(`/imports/${kind}/nouveau${scope ? `?objet=${scope}` : ""}`);
  const at = isAt(
    await sendForm(world, browser, `/imports/${kind}/nouveau`, { name, content }, scope ? { scope } : {}),
  );
  const { text } = await browser.get(at);
  assert.match(text, /2 lignes d’exemple ignorées/);
  const column = [...text.matchAll(/<select id="column-\d+"[\s\S]*?<\/select>/g)].map(
    ([list]) => /<option value="([^"]*)" selected/.exec(list)?.[1] ?? "",
  );
  assert.ok(!column.includes(""), `colonnes non reconnues : ${column}`);
  const key = [...text.matchAll(/name="key" value="([^"]*)" checked/g)].map(([, value]) => value!);
  const choice = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "60" };
  isAt(await browser.post(`${at}/verification`, { ...choice, column, key }));
  isAt(await browser.post(`${at}/execution`, { errors: "valid" }));
  const [one] = await rows("select state, counts, failure from import where id = $1", [at.split("/").at(-1)]);
  const { create, update, error } = one.counts;
  return `${one.state} ${create} ${update} ${error}`;
}

async function campaign(): Promise<string> {
  await sophie.get("/campagnes/nouvelle");
  const days = { startsOn: "2026-11-02", endsOn: "2027-02-26" };
  const of = isAt(await sophie.post("/campagnes/nouvelle", { name: `Modèle ${Math.random()}`, ...days }))
    .split("/")
    .at(-2)!;
  await sophie.get(`/campagnes/${of}/champs/nouveau`);
  return of;
}

test("IMP-44, IMP-45 : un modèle d’opérations, CSV puis classeur, rempli de deux lignes, en importe deux", async () => {
  const of = await campaign();
  const page = await sophie.get(`/imports/operations/nouveau?objet=${of}`);
  assert.deepEqual(judgePage(page.text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(page.text)), []);
  const links = [...page.text.matchAll(/href="(\/imports\/operations\/modele\.[^"]+)"/g)].map(([, href]) => href!);
  assert.deepEqual(links, [
    `/imports/operations/modele.xlsx?objet=${of}`,
    `/imports/operations/modele.csv?objet=${of}`,
  ]);

  const csv = await bytesOf(sophie, links[1]!);
  const table = await tableOf(sourceOf(csv), { kind: "text", encoding: "utf-8", delimiter: ";" });
  assert.deepEqual([table.lines, table.samples, table.rows.length], [0, 2, 0]);
  assert.ok(csv.toString().includes("«\u00a0exemple\u00a0»"));
  assert.match(csv.toString(), /[éèêàô]/);
  const [head, ...samples] = csv.toString().slice(1).split("\r\n").filter(Boolean);
  assert.equal(samples.length, 2);
  assert.equal(head, table.columns.join(";"));
  const lines = (names: [string, string]) =>
    names.map((name, rank) =>
      lineOf(table.columns, {
        Cible: name,
        "Planifiée le": rank === 0 ? "12/03/2027" : "",
        "Heure prévue": rank === 0 ? "14:30" : "",
        Segment: "Bâtiment É",
      }),
    );
  const more = lines(["PC-0001", "PC-0002"]).map((cells) => `${cells.join(";")}\r\n`);
  assert.equal(
    await bring(sophie, "operations", Buffer.concat([csv, Buffer.from(more.join(""))]), "modele.csv", of),
    "completed 2 0 0",
  );

  const book = await bytesOf(sophie, links[0]!);
  assert.deepEqual(await sheetsOf(sourceOf(book)), [
    { name: "Opérations", isHidden: false },
    { name: "Mode d’emploi", isHidden: false },
    { name: "Listes", isHidden: true },
  ]);
  const parts = new Map(entries(book).map(({ name, content }) => [name, content!.toString()]));
  assert.match(parts.get("xl/worksheets/sheet1.xml")!, /<dataValidation type="list"[^>]*sqref="[A-Z]+2:[A-Z]+100001"/);
  assert.match(parts.get("xl/worksheets/sheet1.xml")!, /<c r="[A-Z]+2" s="3"><v>46399<\/v>/);
  assert.match(parts.get("xl/worksheets/sheet2.xml")!, /Obligatoire/);
  assert.equal(
    await bring(sophie, "operations", filled(book, lines(["PC-0003", "PC-0004"])), "modele.xlsx", of),
    "completed 2 0 0",
  );
  assert.deepEqual(
    await rows(
      "select title, to_char(planned_at at time zone 'Europe/Paris', 'YYYY-MM-DD HH24:MI') as planned from operation where campaign_id = $1 order by title",
      [of],
    ),
    [
      { title: "PC-0001", planned: "2027-03-12 14:30" },
      { title: "PC-0002", planned: null },
      { title: "PC-0003", planned: "2027-03-12 14:30" },
      { title: "PC-0004", planned: null },
    ],
  );
});

test("IMP-44, IMP-45 : le modèle de l’annuaire, rempli de deux personnes, en importe deux", async () => {
  for (const [file, numbers] of [
    ["modele.csv", ["Z90001", "Z90002"]],
    ["modele.xlsx", ["Z90003", "Z90004"]],
  ] as const) {
    const empty = await bytesOf(denis, `/imports/annuaire/${file}`);
    const isBook = file.endsWith("xlsx");
    const shape = isBook
      ? ({ kind: "workbook", sheet: "Personnes" } as const)
      : ({ kind: "text", encoding: "utf-8", delimiter: ";" } as const);
    const { columns } = await tableOf(sourceOf(empty), shape);
    const lines = numbers.map((number) => lineOf(columns, { Matricule: number, Nom: "Lefèvre", Prénom: "Noël" }));
    const content = isBook
      ? filled(empty, lines)
      : Buffer.concat([empty, Buffer.from(lines.map((cells) => `${cells.join(";")}\r\n`).join(""))]);
    assert.equal(await bring(denis, "annuaire", content, file), "completed 2 0 0");
  }
});

test("IMP-44 : une ligne d’exemple récrite est une ligne comme une autre", () => {
  assert.equal(isSample(["«\u00a0exemple\u00a0» PC-0001", "Orléans"]), true);
  assert.equal(isSample(["", "« Exemple » Hélène"]), true);
  assert.equal(isSample(["Exemple de poste", "« exemplaire »"]), false);
});

test("IMP-44 : un modèle ne se donne qu’à qui peut importer", async () => {
  const of = await campaign();
  for (const who of ["karim", "helene", "nathalie"]) {
    const browser = await world.as(who);
    for (const end of ["csv", "xlsx"]) {
      const { status } = await browser.get(`/imports/operations/modele.${end}?objet=${of}`);
      assert.ok([403, 404].includes(status), `${who} ${status}`);
    }
  }
  assert.equal((await sophie.get("/imports/operations/modele.csv")).status, 404);
});
