import type { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { TextDecoder } from "node:util";
import { SaxesParser } from "saxes";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from "yauzl";
import { RuleBroken } from "../errors.ts";
import { type CellFormat, formatOf } from "./number-format.ts";
import type { SheetSource } from "./source.ts";

/** Characters of all the texts of a workbook, which its sheets name by number: they are held while a sheet is read. */
const MOST_TEXT = 60_000_000;

export interface WorkbookSheet {
  name: string;
  isHidden: boolean;
  /** Where it stands in the archive. */
  path: string;
}

/** What of a workbook is needed to read any of its sheets; `close` once done. */
export interface Workbook {
  sheets: WorkbookSheet[];
  is1904: boolean;
  formats: CellFormat[];
  /** Texts that cells name by number; read once asked for. */
  texts(): Promise<string[]>;
  /** The bytes of one part, unpacked as they are asked for. */
  part(path: string): Promise<Readable>;
  close(): void;
}

export const DAMAGED =
  "Ce classeur est abîmé ou incomplet. Ouvrez-le dans votre tableur, enregistrez-le de nouveau, puis envoyez cette copie.";

class Ranges extends RandomAccessReader {
  readonly #source: SheetSource;
  constructor(source: SheetSource) {
    super();
    this.#source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const { reads } = this.#source;
    return Readable.from(
      (async function* () {
        yield* (await reads({ start, end: end - 1 })) as AsyncIterable<Buffer>;
      })(),
      { objectMode: false },
    );
  }
}

/** Opens a workbook whose archive was checked (`sheetKind`). Throws RuleBroken for what is damaged or declares a type. */
export async function openWorkbook(source: SheetSource): Promise<Workbook> {
  const zip = await fromRandomAccessReaderPromise(new Ranges(source), source.size, { autoClose: false }).catch(() => {
    throw new RuleBroken(DAMAGED);
  });
  try {
    const entries = await entriesOf(zip);
    const part = async (path: string) => {
      const entry = entries.get(path);
      if (!entry) throw new RuleBroken(DAMAGED);
      return zip.openReadStreamPromise(entry);
    };
    const optional = (path: string) => (entries.has(path) ? part(path) : null);
    const { sheets, is1904 } = await readBook(part);
    let texts: Promise<string[]> | undefined;
    return {
      sheets: sheets.filter(({ path }) => entries.has(path)),
      is1904,
      formats: await readFormats(await optional("xl/styles.xml")),
      texts: () => {
        texts ??= Promise.resolve(optional("xl/sharedStrings.xml")).then(readTexts);
        return texts;
      },
      part,
      close: () => zip.close(),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  } catch {
    throw new RuleBroken(DAMAGED);
  }
  return entries;
}

export type Attributes = Record<string, string>;

export interface PartHandlers {
  open?(name: string, attributes: Attributes): void;
  text?(text: string): void;
  close?(name: string): void;
}

export const typed = () =>
  new RuleBroken(
    "Ce classeur déclare un type de document, ce qu’aucun tableur n’écrit\u00a0: il est refusé. Enregistrez-le de nouveau depuis votre tableur.",
  );

/** Some programs write `x:row` for `row`. */
const local = (name: string) => name.slice(name.indexOf(":") + 1);

/**
 * A parser of one part of a workbook. Throws RuleBroken for what is no XML, or declares a document type, which could say
 * anything [IMP-11].
 */
export function partParser({ open, text, close }: PartHandlers): { write(xml: string): void; close(): void } {
  const parser = new SaxesParser({ position: false });
  parser.on("error", () => {
    throw new RuleBroken(DAMAGED);
  });
  parser.on("doctype", () => {
    throw typed();
  });
  if (open) parser.on("opentag", ({ name, attributes }) => open(local(name), attributes as Attributes));
  if (text) {
    parser.on("text", text);
    parser.on("cdata", text);
  }
  if (close) parser.on("closetag", ({ name }) => close(local(name)));
  return {
    write: (xml) => void parser.write(xml),
    close: () => void parser.close(),
  };
}

/** The characters of a part, piece by piece. */
export async function* partText(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  try {
    for await (const piece of bytes) {
      decoder ??= new TextDecoder(piece[0] === 0xff ? "utf-16le" : piece[0] === 0xfe ? "utf-16be" : "utf-8");
      yield decoder.decode(piece, { stream: true });
    }
  } catch (error) {
    throw error instanceof RuleBroken ? error : new RuleBroken(DAMAGED);
  }
}

async function readPart(bytes: AsyncIterable<Buffer>, handlers: PartHandlers): Promise<void> {
  const parser = partParser(handlers);
  for await (const text of partText(bytes)) parser.write(text);
  parser.close();
}

async function readBook(part: (path: string) => Promise<Readable>) {
  const found: { name: string; isHidden: boolean; link: string }[] = [];
  let is1904 = false;
  await readPart(await part("xl/workbook.xml"), {
    open(name, attributes) {
      if (name === "workbookPr") is1904 = /^(?:1|true)$/.test(attributes.date1904 ?? "");
      if (name !== "sheet") return;
      const link = Object.entries(attributes).find(([key]) => local(key) === "id" && key.includes(":"))?.[1];
      found.push({
        name: attributes.name ?? "",
        isHidden: (attributes.state ?? "visible") !== "visible",
        link: link ?? "",
      });
    },
  });
  const targets = new Map<string, string>();
  await readPart(await part("xl/_rels/workbook.xml.rels"), {
    open(name, { Id, Target, Type = "" }) {
      // Chart sheets hold no cells.
      if (name === "Relationship" && Type.endsWith("/worksheet")) targets.set(Id ?? "", Target ?? "");
    },
  });
  const sheets = found.flatMap(({ name, isHidden, link }): WorkbookSheet[] => {
    const target = targets.get(link);
    if (target === undefined) return [];
    const path = target.startsWith("/") ? target.slice(1) : `xl/${target.replace(/^\.\//, "")}`;
    return [{ name, isHidden, path }];
  });
  return { sheets, is1904 };
}

async function readFormats(bytes: Readable | null): Promise<CellFormat[]> {
  if (!bytes) return [];
  const codes = new Map<number, string>();
  const ids: number[] = [];
  let isInCells = false;
  await readPart(bytes, {
    open(name, attributes) {
      if (name === "numFmt") codes.set(Number(attributes.numFmtId), attributes.formatCode ?? "");
      else if (name === "cellXfs") isInCells = true;
      else if (name === "xf" && isInCells) ids.push(Number(attributes.numFmtId ?? 0));
    },
    close(name) {
      if (name === "cellXfs") isInCells = false;
    },
  });
  const byId = new Map<number, CellFormat>();
  return ids.map((id) => {
    const known = byId.get(id) ?? formatOf(id, codes.get(id));
    byId.set(id, known);
    return known;
  });
}

async function readTexts(bytes: Readable | null): Promise<string[]> {
  if (!bytes) return [];
  const texts: string[] = [];
  let [total, current] = [0, ""];
  const reader = textReader((text) => {
    current += text;
  });
  await readPart(bytes, {
    ...reader,
    close(name) {
      reader.close(name);
      if (name !== "si") return;
      total += current.length;
      if (total > MOST_TEXT) {
        throw new RuleBroken(
          "Ce classeur contient trop de texte pour être lu d’un bloc. Enregistrez la feuille au format CSV, puis envoyez ce fichier.",
        );
      }
      texts.push(unescaped(current));
      current = "";
    },
  });
  return texts;
}

/** The text of `<t>` elements, but of the phonetic readings beside them. */
export function textReader(take: (text: string) => void) {
  let [isText, phonetic] = [false, 0];
  return {
    open(name: string) {
      if (name === "rPh") phonetic++;
      else if (name === "t") isText = true;
    },
    text(text: string) {
      if (isText && phonetic === 0) take(text);
    },
    close(name: string) {
      if (name === "rPh") phonetic--;
      else if (name === "t") isText = false;
    },
  };
}

/** Spreadsheets write signs XML cannot hold as `_x000D_`. */
export const unescaped = (text: string): string =>
  text.includes("_x")
    ? text
        .replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
        .replace(/\r\n?/g, "\n")
    : text;
