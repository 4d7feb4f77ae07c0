import { pack } from "./pack.ts";
import { MOST_LINES } from "./source.ts";

/** Workbooks as spreadsheets open them, of a few rows: whole in memory, no macro, no link to elsewhere. */

/** How the cells of a column show what they hold, and read what is typed in them. */
export type CellKind = "text" | "number" | "date" | "time" | "moment" | "prose";

export interface WrittenColumn {
  kind: CellKind;
  /** In characters. */
  width: number;
  /** The only values its cells take, chosen from a list: those of a column of the hidden sheet. */
  options?: readonly string[];
}

export interface WrittenSheet {
  name: string;
  columns: readonly WrittenColumn[];
  heads: readonly string[];
  /** A date or an hour as a French text: "31/12/2026", "09:30", "31/12/2026 09:30". */
  rows: readonly (readonly string[])[];
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml";
/** Name of the sheet of lists. */
const LISTS = "Listes";
const LAST_ROW = MOST_LINES + 1;

/** Styles in their order: as told by `cellXfs` below, whose first is that of numbers and whose second is the header's. */
const STYLES: Record<CellKind, number> = { number: 0, text: 2, date: 3, time: 4, moment: 5, prose: 6 };
const HEADER_STYLE = 1;

const escaped = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to write them.
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** "A" for 0, "AA" for 26. */
const columnName = (place: number): string =>
  (place >= 26 ? columnName(Math.floor(place / 26) - 1) : "") + String.fromCharCode(65 + (place % 26));

const DAY_MS = 86_400_000;
const DAY = /^(\d{2})\/(\d{2})\/(\d{4})(?: (\d{2}):(\d{2}))?$/;

/** The number a spreadsheet counts a day or an hour by, since the eve of 1900; null for another text. */
function serialOf(text: string): number | null {
  const hour = /^(\d{2}):(\d{2})$/.exec(text);
  if (hour) return (Number(hour[1]) * 60 + Number(hour[2])) / 1_440;
  const [, day, month, year, hours = "0", minutes = "0"] = DAY.exec(text) ?? [];
  if (day === undefined) return null;
  const days = (Date.UTC(Number(year), Number(month) - 1, Number(day)) - Date.UTC(1899, 11, 30)) / DAY_MS;
  return days + (Number(hours) * 60 + Number(minutes)) / 1_440;
}

const textCell = (reference: string, text: string, style: number): string =>
  `<c r="${reference}" s="${style}" t="inlineStr"><is><t xml:space="preserve">${escaped(text)}</t></is></c>`;

function cell(reference: string, text: string, kind: CellKind): string {
  if (text === "") return "";
  const style = STYLES[kind];
  const number =
    kind === "number" ? Number(text.replace(",", ".")) : kind === "text" || kind === "prose" ? null : serialOf(text);
  // What is no number of its kind, the mark of a sample line for one, is a text.
  if (number === null || !Number.isFinite(number)) return textCell(reference, text, style);
  return `<c r="${reference}" s="${style}"><v>${number}</v></c>`;
}

interface List {
  options: readonly string[];
  reference: string;
}

function sheetXml({ columns, heads, rows }: WrittenSheet, lists: ReadonlyMap<WrittenColumn, List>): string {
  const widths = columns.map(
    ({ width, kind }, place) =>
      `<col min="${place + 1}" max="${place + 1}" width="${width}" style="${STYLES[kind]}" customWidth="1"/>`,
  );
  const header = heads.map((text, place) => textCell(`${columnName(place)}1`, text, HEADER_STYLE));
  const lines = rows.map((cells, rank) => {
    const inside = cells.map((text, place) => cell(`${columnName(place)}${rank + 2}`, text, columns[place]!.kind));
    return `<row r="${rank + 2}">${inside.join("")}</row>`;
  });
  const chosen = columns.flatMap((column, place) => {
    const list = lists.get(column);
    const area = `${columnName(place)}2:${columnName(place)}${LAST_ROW}`;
    return list
      ? `<dataValidation type="list" allowBlank="1" showErrorMessage="1" errorTitle="Valeur inconnue" error="Choisissez une valeur de la liste." sqref="${area}"><formula1>${list.reference}</formula1></dataValidation>`
      : [];
  });
  return `<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>${widths.join("")}</cols><sheetData><row r="1">${header.join("")}</row>${lines.join("")}</sheetData>${
    chosen.length > 0 ? `<dataValidations count="${chosen.length}">${chosen.join("")}</dataValidations>` : ""
  }</worksheet>`;
}

/** The lists columns choose from, side by side. */
function listsXml(lists: readonly List[]): string {
  const height = Math.max(...lists.map(({ options }) => options.length));
  const rows = Array.from({ length: height }, (_, rank) => {
    const inside = lists.map(({ options }, place) =>
      rank < options.length ? textCell(`${columnName(place)}${rank + 1}`, options[rank]!, STYLES.text) : "",
    );
    return `<row r="${rank + 1}">${inside.join("")}</row>`;
  });
  return `<worksheet xmlns="${MAIN}"><sheetData>${rows.join("")}</sheetData></worksheet>`;
}

const STYLES_XML = `<styleSheet xmlns="${MAIN}"><numFmts count="3"><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/><numFmt numFmtId="165" formatCode="hh:mm"/><numFmt numFmtId="166" formatCode="dd/mm/yyyy hh:mm"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8ECEF"/></patternFill></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="7">${[
  '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
  '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>',
  ...["49", "164", "165", "166"].map(
    (format) => `<xf numFmtId="${format}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`,
  ),
  '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>',
].join("")}</cellXfs></styleSheet>`;

/** The bytes of a workbook of these sheets, the first one open; lists to choose from are in a hidden one [IMP-44, EXP-4]. */
export function workbookFile(sheets: readonly WrittenSheet[]): Buffer {
  const lists = new Map<WrittenColumn, List>();
  for (const column of sheets.flatMap(({ columns }) => columns)) {
    const { options } = column;
    if (!options?.length) continue;
    const name = columnName(lists.size);
    lists.set(column, { options, reference: `${LISTS}!$${name}$1:$${name}$${options.length}` });
  }
  const all = [
    ...sheets.map((sheet) => ({ name: sheet.name, isHidden: false, xml: sheetXml(sheet, lists) })),
    ...(lists.size > 0 ? [{ name: LISTS, isHidden: true, xml: listsXml([...lists.values()]) }] : []),
  ];
  const part = (name: string, xml: string) => ({ name, content: Buffer.from(HEAD + xml) });
  const overrides = [
    `<Override PartName="/xl/workbook.xml" ContentType="${SHEET_TYPE}.sheet.main+xml"/>`,
    `<Override PartName="/xl/styles.xml" ContentType="${SHEET_TYPE}.styles+xml"/>`,
    ...all.map(
      (_, rank) =>
        `<Override PartName="/xl/worksheets/sheet${rank + 1}.xml" ContentType="${SHEET_TYPE}.worksheet+xml"/>`,
    ),
  ];
  const link = (id: number, type: string, target: string) =>
    `<Relationship Id="rId${id}" Type="${LINKS}/${type}" Target="${target}"/>`;
  const links = (of: string) => `<Relationships xmlns="${PACKAGE}/relationships">${of}</Relationships>`;
  return pack([
    part(
      "[Content_Types].xml",
      `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${overrides.join("")}</Types>`,
    ),
    part("_rels/.rels", links(link(1, "officeDocument", "xl/workbook.xml"))),
    part(
      "xl/workbook.xml",
      `<workbook xmlns="${MAIN}" xmlns:r="${LINKS}"><bookViews><workbookView activeTab="0"/></bookViews><sheets>${all
        .map(
          ({ name, isHidden }, rank) =>
            `<sheet name="${escaped(name)}" sheetId="${rank + 1}"${isHidden ? ' state="hidden"' : ""} r:id="rId${rank + 1}"/>`,
        )
        .join("")}</sheets></workbook>`,
    ),
    part(
      "xl/_rels/workbook.xml.rels",
      links(
        all.map((_, rank) => link(rank + 1, "worksheet", `worksheets/sheet${rank + 1}.xml`)).join("") +
          link(all.length + 1, "styles", "styles.xml"),
      ),
    ),
    part("xl/styles.xml", STYLES_XML),
    ...all.map(({ xml }, rank) => part(`xl/worksheets/sheet${rank + 1}.xml`, xml)),
  ]);
}
