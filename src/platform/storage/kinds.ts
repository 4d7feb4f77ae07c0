import type { Readable } from "node:stream";
import { TextDecoder } from "node:util";
import { fileTypeFromBuffer } from "file-type";
import { RuleBroken } from "../errors.ts";
import { type Contents, type Reads, readArchive } from "./archive.ts";

/** A kind of file somebody may send: its name's end and its content must agree (P40). */
export interface Kind {
  type: string;
  /** How people call it. */
  label: string;
  extensions: readonly string[];
  /** What it is made of, which says how it is recognised: nothing in a text says more than its name does. */
  made: "image" | "pdf" | "archive" | "compound" | "program" | "text";
  /** Opened, it acts on the machine of whoever opens it (DOC-3). */
  runs?: true;
}

const OFFICE = "application/vnd.openxmlformats-officedocument";
const OPEN = "application/vnd.oasis.opendocument";

export const KINDS = {
  png: { type: "image/png", label: "PNG", extensions: ["png"], made: "image" },
  jpeg: { type: "image/jpeg", label: "JPEG", extensions: ["jpg", "jpeg"], made: "image" },
  webp: { type: "image/webp", label: "WebP", extensions: ["webp"], made: "image" },
  pdf: { type: "application/pdf", label: "PDF", extensions: ["pdf"], made: "pdf" },
  doc: { type: "application/msword", label: "DOC", extensions: ["doc"], made: "compound" },
  docx: { type: `${OFFICE}.wordprocessingml.document`, label: "DOCX", extensions: ["docx"], made: "archive" },
  xlsx: { type: `${OFFICE}.spreadsheetml.sheet`, label: "XLSX", extensions: ["xlsx"], made: "archive" },
  odt: { type: `${OPEN}.text`, label: "ODT", extensions: ["odt"], made: "archive" },
  ods: { type: `${OPEN}.spreadsheet`, label: "ODS", extensions: ["ods"], made: "archive" },
  zip: { type: "application/zip", label: "ZIP", extensions: ["zip"], made: "archive" },
  txt: { type: "text/plain", label: "TXT", extensions: ["txt"], made: "text" },
  csv: { type: "text/csv", label: "CSV", extensions: ["csv"], made: "text" },
  tsv: { type: "text/tab-separated-values", label: "TSV", extensions: ["tsv"], made: "text" },
  md: { type: "text/markdown", label: "MD", extensions: ["md"], made: "text" },
  ps1: { type: "application/x-powershell", label: "PS1", extensions: ["ps1"], made: "text", runs: true },
  bat: { type: "application/x-bat", label: "BAT", extensions: ["bat"], made: "text", runs: true },
  cmd: { type: "application/x-cmd", label: "CMD", extensions: ["cmd"], made: "text", runs: true },
  msi: { type: "application/x-msi", label: "MSI", extensions: ["msi"], made: "compound", runs: true },
  exe: { type: "application/x-msdownload", label: "EXE", extensions: ["exe"], made: "program", runs: true },
} as const satisfies Record<string, Kind>;

export type KindName = keyof typeof KINDS;

/** Ends of names that run or draw something when opened: never inside a name either, "facture.exe.png". */
const TRAPS = new Set(
  "apk app asp aspx bat bin cgi chm cmd com cpl dll dmg exe gadget hta htm html iso jar js jse jsp lnk mht mhtml mjs msc msi msp php phtml pif pl ps1 py rb reg scr sh shtml svg svgz swf url vbe vbs wsf wsh xht xhtml xml xsl".split(
    " ",
  ),
);
const LONGEST_NAME = 200;
/** How many bytes tell what a file is. */
export const HEAD_BYTES = 4_100;

const or = new Intl.ListFormat("fr", { type: "disjunction" });

/** The kind of a file already kept, by its type. */
export const kindOf = (type: string): Kind | undefined => Object.values(KINDS).find((kind) => kind.type === type);

/** For the control that chooses a file: pictures by type, so that a telephone offers its own, the rest by end of name. */
export const acceptOf = (names: readonly KindName[]): string =>
  names
    .map((name): Kind => KINDS[name])
    .flatMap(({ made, type, extensions }) => (made === "image" ? [type] : extensions.map((end) => `.${end}`)))
    .join(",");

export const kindList = (names: readonly KindName[]): string => or.format(names.map((name) => KINDS[name].label));

/** A name as it will be kept, or the sentence that refuses it: no path, no invisible sign, no second end that traps. */
export function tidyFileName(sent: string, names: readonly KindName[]): string {
  const name = sent.normalize("NFC").trim();
  if (/[\\/]|\.\./.test(name) || name.startsWith(".")) {
    throw new RuleBroken("Le nom de ce fichier contient un chemin. Renommez-le, puis envoyez-le de nouveau.");
  }
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(name) || !name.isWellFormed()) {
    throw new RuleBroken(
      "Le nom de ce fichier contient un caractère invisible. Renommez-le, puis envoyez-le de nouveau.",
    );
  }
  if (name.length > LONGEST_NAME) {
    throw new RuleBroken(`Le nom de ce fichier est trop long. Renommez-le en ${LONGEST_NAME} caractères au plus.`);
  }
  const [, ...ends] = name.toLowerCase().split(".");
  const last = ends.pop();
  const known = names.flatMap((one): readonly string[] => KINDS[one].extensions);
  if (!last || !known.includes(last)) throw new RuleBroken(refusedKind(names));
  const second = ends.find((end) => TRAPS.has(end.trim()) || known.includes(end.trim()));
  if (second !== undefined) {
    throw new RuleBroken(
      `Le nom de ce fichier a deux fins, «\u00a0.${second}\u00a0» et «\u00a0.${last}\u00a0». Renommez-le, puis envoyez-le de nouveau.`,
    );
  }
  return name;
}

/**
 * What the content is, from its own bytes, read as a stream and never held whole; it must be one of these kinds and
 * agree with the name (DOC-2, P39). Throws RuleBroken.
 */
export async function sniff(reads: Reads, size: number, name: string, names: readonly KindName[]): Promise<Kind> {
  if (size === 0) throw new RuleBroken("Ce fichier est vide. Choisissez-en un autre.");
  const head = await headOf(reads, HEAD_BYTES);
  const end = name.toLowerCase().split(".").at(-1) ?? "";
  const kinds = names.map((one): Kind => KINDS[one]);
  const found = await established({ reads, size, head, end }, kinds);
  const kind = kinds.find(({ type }) => type === found);
  if (!kind) throw new RuleBroken(refusedKind(names));
  if (!kind.extensions.includes(end)) {
    throw new RuleBroken(
      `Ce fichier est ${kind.made === "image" ? "une image" : "en fait du genre"} ${kind.label}, et son nom finit par «\u00a0.${end}\u00a0». Renommez-le, puis envoyez-le de nouveau.`,
    );
  }
  if (kind.made === "image") await refusePolyglot(reads, kind);
  return kind;
}

interface Met {
  reads: Reads;
  size: number;
  head: Buffer;
  end: string;
}

/** Its type, or undefined for what nobody here knows. */
async function established({ reads, size, head, end }: Met, kinds: Kind[]): Promise<string | undefined> {
  const takes = (made: Kind["made"]) => kinds.some((kind) => kind.made === made);
  const starts = (mark: string) => head.subarray(0, mark.length).equals(Buffer.from(mark, "latin1"));
  if (starts("PK\x03\x04")) return takes("archive") ? officeType(await readArchive(reads, size)) : undefined;
  if (starts(COMPOUND)) return takes("compound") ? await compoundType(await reads()) : undefined;
  if (starts("%PDF-")) return KINDS.pdf.type;
  if (starts("MZ")) return isProgram(head) ? KINDS.exe.type : undefined;
  const found = (await fileTypeFromBuffer(head))?.mime;
  if (kinds.some(({ made, type }) => made === "image" && type === found)) return found;
  const text = kinds.find(({ made, extensions }) => made === "text" && extensions.includes(end));
  if (!text || (found !== undefined && !WRITTEN.test(found))) return undefined;
  return (await isText(await reads())) ? text.type : undefined;
}

/** What file-type calls by a name of its own and is text all the same. */
const WRITTEN = /^text\/|xml|rtf|postscript|json/;

function officeType({ names, mimetype }: Contents): string {
  if (mimetype?.startsWith("application/")) return mimetype;
  if (!names.has("[Content_Types].xml")) return KINDS.zip.type;
  if (names.has("word/document.xml")) return KINDS.docx.type;
  return names.has("xl/workbook.xml") ? KINDS.xlsx.type : "application/vnd.ms-opc";
}

const COMPOUND = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const ENTRY = 128;
const wide = (text: string) => Buffer.from(`${text}\0`, "utf16le");
const INSTALLER = Buffer.from("84100c0000000000c000000000000046", "hex");

/**
 * Word documents and installers are folders in a file, whose list is made of 128-byte entries that may be anywhere: the
 * root of an installer says so, and Word keeps its text under one name.
 */
async function compoundType(bytes: Readable): Promise<string | undefined> {
  const [root, text] = [wide("Root Entry"), wide("WordDocument")];
  let found: string | undefined;
  await eachBlock(bytes, ENTRY, (block) => {
    if (block.subarray(0, root.length).equals(root) && block[66] === 5 && block.subarray(80, 96).equals(INSTALLER)) {
      found = KINDS.msi.type;
    } else if (block.subarray(0, text.length).equals(text) && block[66] === 2) found ??= KINDS.doc.type;
  });
  return found;
}

/** In blocks of this many bytes; what is left at the end is not one. */
async function eachBlock(bytes: Readable, size: number, look: (block: Buffer) => void): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of bytes as AsyncIterable<Buffer>) {
    const whole = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let at = 0;
    for (; at + size <= whole.length; at += size) look(whole.subarray(at, at + size));
    rest = Buffer.from(whole.subarray(at));
  }
}

/** Past its DOS part, where its first bytes say. */
function isProgram(head: Buffer): boolean {
  if (head.length < 64) return false;
  const at = head.readUInt32LE(60);
  return at + 4 > head.length || head.subarray(at, at + 4).equals(Buffer.from("PE\0\0"));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: which ones a text may hold is the question.
const NOT_TYPED = /[\x00-\x08\x0b\x0e-\x19\x1c-\x1f]/;

/**
 * UTF-8, UTF-16 that says so, or one byte a sign as older Windows wrote it; in none of them a NUL, nor what no keyboard
 * types. Tab, line ends, form feed, the old end of file and escape are typed.
 */
async function isText(bytes: Readable): Promise<boolean> {
  let decoder: TextDecoder | undefined;
  let old: TextDecoder | undefined;
  for await (const piece of bytes as AsyncIterable<Buffer>) {
    decoder ??= new TextDecoder(encodingOf(piece), { fatal: true });
    let text: string;
    try {
      text = (old ?? decoder).decode(piece, { stream: true });
    } catch {
      if (decoder.encoding !== "utf-8") return false;
      // The pieces before were UTF-8 or plain letters: the rest is read as Windows wrote it.
      old = new TextDecoder("windows-1252");
      text = old.decode(piece, { stream: true });
    }
    if (NOT_TYPED.test(text)) return false;
  }
  return old !== undefined || decoder?.encoding === "utf-8" || endsWhole(decoder);
}

/** UTF-16 cut within a sign is none; of older texts the last byte may be anything. */
function endsWhole(decoder: TextDecoder | undefined): boolean {
  try {
    decoder?.decode();
    return true;
  } catch {
    return false;
  }
}

const encodingOf = ([a, b]: Buffer) =>
  a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : "utf-8";

async function headOf(reads: Reads, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await reads({ start: 0, end: most - 1 })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).subarray(0, most);
}

const refusedKind = (names: readonly KindName[]) =>
  `Ce fichier n’est pas d’un genre accepté ici. Choisissez un fichier ${kindList(names)}.`;

/** First bytes of what another program would read in the same file: archives, documents, programs. */
const OTHERS: readonly Buffer[] = ["PK\x03\x04", "PK\x05\x06", "%PDF-", "Rar!\x1a", "7z\xbc\xaf", "MZ\x90\x00\x03"].map(
  (text) => Buffer.from(text, "latin1"),
);
const MARKUP = /<(?:!doctype|html|head|body|script|svg|iframe|object|\?php|%@)[\s>/]/i;

/** Room for the segments before the pixels of a JPEG: colours, place, thumbnail. */
const SEGMENTS = 1_000_000;
/** No mark searched for is longer. */
const OVERLAP = 32;

/**
 * Refuses an image that is something else too, behind its last byte (P33). What telephones add there, a second picture
 * or a short film, is let through.
 */
async function refusePolyglot(reads: Reads, { type }: Kind): Promise<void> {
  for await (const piece of behind(reads, type)) {
    if (!OTHERS.some((mark) => piece.includes(mark)) && !MARKUP.test(piece.toString("latin1"))) continue;
    throw new RuleBroken(
      "Ce fichier contient autre chose que son image. Ouvrez-le dans un logiciel d’image, enregistrez-le de nouveau, puis envoyez cette copie.",
    );
  }
}

const PNG_END = Buffer.from("IEND\xaeB`\x82", "latin1");
const JPEG_END = Buffer.from([0xff, 0xd9]);
const JPEG_SCAN = 0xda;

/** What stands behind the image itself, whose format says where it ends; each piece repeats the end of the one before. */
async function* behind(reads: Reads, type: string): AsyncGenerator<Buffer> {
  const head = await headOf(reads, SEGMENTS);
  if (type === "image/webp") {
    yield* overlapping(await reads({ start: head.readUInt32LE(4) + 8, end: Number.MAX_SAFE_INTEGER }));
    return;
  }
  const [mark, from] = type === "image/png" ? [PNG_END, 0] : [JPEG_END, scanOf(head)];
  let isBehind = false;
  for await (const piece of overlapping(await reads({ start: from, end: Number.MAX_SAFE_INTEGER }))) {
    const at = isBehind ? 0 : piece.indexOf(mark);
    if (at === -1) continue;
    yield isBehind ? piece : piece.subarray(at + mark.length);
    isBehind = true;
  }
}

async function* overlapping(bytes: Readable): AsyncGenerator<Buffer> {
  let last: Buffer = Buffer.alloc(0);
  for await (const piece of bytes as AsyncIterable<Buffer>) {
    const whole = Buffer.concat([last, piece]);
    yield whole;
    last = whole.subarray(-OVERLAP);
  }
}

/** Past the segments of a JPEG, whose thumbnail ends as the picture does. */
function scanOf(head: Buffer): number {
  let at = 2;
  while (at + 4 <= head.length && head[at] === 0xff && head[at + 1] !== JPEG_SCAN) {
    at += 2 + head.readUInt16BE(at + 2);
  }
  return at;
}
