/** Workbooks for tests, as a spreadsheet would write them, or not quite. */
import { type Packed, zip } from "./archive.ts";

/** What goes in a cell: a text, or its XML as it stands. */
export type Cell = string | number | null | { xml: string };

export interface MadeSheet {
  name: string;
  rows: Cell[][];
  /** Numbers of the rows that are not shown, from 1. */
  hidden?: number[];
  isHidden?: boolean;
  /** After the rows: merged areas. */
  after?: string;
}

export interface MadeWorkbook {
  sheets: MadeSheet[];
  is1904?: boolean;
  /** Codes of the formats; the style 1 is the first of them. */
  formats?: string[];
  /** Texts go to the shared strings rather than in the cell. */
  shares?: boolean;
  more?: Packed[];
  /** What the first part says before its root. */
  prologue?: string;
  /** What stands in place of a part made here, by its path. */
  replaced?: Record<string, Buffer>;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

export const columnName = (place: number): string =>
  (place >= 26 ? columnName(Math.floor(place / 26) - 1) : "") + String.fromCharCode(65 + (place % 26));

/** The bytes of this workbook. */
export function workbook({
  sheets,
  is1904 = false,
  formats = [],
  shares = false,
  more = [],
  prologue = "",
  replaced = {},
}: MadeWorkbook): Buffer {
  const texts: string[] = [];
  const cell = (value: Cell, reference: string): string => {
    if (value === null || value === "") return "";
    if (typeof value === "object") return value.xml.replace("<c", `<c r="${reference}"`);
    if (typeof value === "number") return `<c r="${reference}"><v>${value}</v></c>`;
    if (!shares) return `<c r="${reference}" t="inlineStr"><is><t xml:space="preserve">${escaped(value)}</t></is></c>`;
    texts.push(value);
    return `<c r="${reference}" t="s"><v>${texts.length - 1}</v></c>`;
  };
  const parts: Packed[] = sheets.map(({ rows, hidden = [], after = "" }, rank) => {
    const lines = rows.map((cells, at) => {
      const inside = cells.map((value, place) => cell(value, `${columnName(place)}${at + 1}`)).join("");
      return `<row r="${at + 1}"${hidden.includes(at + 1) ? ' hidden="1"' : ""}>${inside}</row>`;
    });
    return part(
      `xl/worksheets/sheet${rank + 1}.xml`,
      `<worksheet xmlns="${MAIN}"><sheetData>${lines.join("")}</sheetData>${after}</worksheet>`,
    );
  });
  const names = sheets.map(
    ({ name, isHidden }, rank) =>
      `<sheet name="${escaped(name)}" sheetId="${rank + 1}"${isHidden ? ' state="hidden"' : ""} r:id="rId${rank + 1}"/>`,
  );
  const links = sheets.map(
    (_, rank) =>
      `<Relationship Id="rId${rank + 1}" Type="${LINKS}/worksheet" Target="worksheets/sheet${rank + 1}.xml"/>`,
  );
  const codes = formats.map((code, rank) => `<numFmt numFmtId="${164 + rank}" formatCode="${escaped(code)}"/>`);
  const styles = formats.map((_, rank) => `<xf numFmtId="${164 + rank}"/>`);
  return zip([
    part("[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'),
    {
      name: "xl/workbook.xml",
      content: Buffer.from(
        `${HEAD}${prologue}<workbook xmlns="${MAIN}" xmlns:r="${LINKS}"><workbookPr${is1904 ? ' date1904="1"' : ""}/><sheets>${names.join("")}</sheets></workbook>`,
      ),
    },
    part(
      "xl/_rels/workbook.xml.rels",
      `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${links.join("")}</Relationships>`,
    ),
    part(
      "xl/styles.xml",
      `<styleSheet xmlns="${MAIN}"><numFmts>${codes.join("")}</numFmts><cellXfs><xf numFmtId="0"/>${styles.join("")}</cellXfs></styleSheet>`,
    ),
    ...(shares
      ? [
          part(
            "xl/sharedStrings.xml",
            `<sst xmlns="${MAIN}">${texts.map((text) => `<si><t xml:space="preserve">${escaped(text)}</t></si>`).join("")}</sst>`,
          ),
        ]
      : []),
    ...parts.map(({ name, content }) => ({ name, content: replaced[name] ?? content })),
    ...more,
  ]);
}

const part = (name: string, xml: string): Packed => ({ name, content: Buffer.from(HEAD + xml) });
