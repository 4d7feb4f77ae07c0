import { fileTypeFromBuffer } from "file-type";
import { RuleBroken } from "../errors.ts";

/** A kind of file somebody may send: its name's end and its content must agree (P40). */
export interface Kind {
  type: string;
  /** How people call it. */
  label: string;
  extensions: readonly string[];
}

export const KINDS = {
  png: { type: "image/png", label: "PNG", extensions: ["png"] },
  jpeg: { type: "image/jpeg", label: "JPEG", extensions: ["jpg", "jpeg"] },
  webp: { type: "image/webp", label: "WebP", extensions: ["webp"] },
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

/** What the content is, from its own bytes; it must be one of these kinds and agree with the name. */
export async function sniff(head: Buffer, name: string, names: readonly KindName[]): Promise<Kind> {
  if (head.length === 0) throw new RuleBroken("Ce fichier est vide. Choisissez-en un autre.");
  const found = await fileTypeFromBuffer(head);
  const kind = names.map((one): Kind => KINDS[one]).find(({ type }) => type === found?.mime);
  if (!kind) throw new RuleBroken(refusedKind(names));
  const end = name.toLowerCase().split(".").at(-1) ?? "";
  if (!kind.extensions.includes(end)) {
    throw new RuleBroken(
      `Ce fichier est une image ${kind.label}, et son nom finit par «\u00a0.${end}\u00a0». Renommez-le, puis envoyez-le de nouveau.`,
    );
  }
  return kind;
}

const refusedKind = (names: readonly KindName[]) =>
  `Ce fichier n’est pas d’un genre accepté ici. Choisissez un fichier ${kindList(names)}.`;

/** First bytes of what another program would read in the same file: archives, documents, programs. */
const OTHERS: readonly Buffer[] = ["PK\x03\x04", "PK\x05\x06", "%PDF-", "Rar!\x1a", "7z\xbc\xaf", "MZ\x90\x00\x03"].map(
  (text) => Buffer.from(text, "latin1"),
);
const MARKUP = /<(?:!doctype|html|head|body|script|svg|iframe|object|\?php|%@)[\s>/]/i;

/**
 * Refuses an image that is something else too, behind its last byte (P33). What telephones add there, a second picture
 * or a short film, is let through: only the pixels are kept.
 */
export function refusePolyglot(content: Buffer, { type }: Kind): void {
  const rest = content.subarray(endOf(content, type));
  if (!OTHERS.some((mark) => rest.includes(mark)) && !MARKUP.test(rest.toString("latin1"))) return;
  throw new RuleBroken(
    "Ce fichier contient autre chose que son image. Ouvrez-le dans un logiciel d’image, enregistrez-le de nouveau, puis envoyez cette copie.",
  );
}

const PNG_END = Buffer.from("IEND\xaeB`\x82", "latin1");
const JPEG_END = Buffer.from([0xff, 0xd9]);
const JPEG_SCAN = 0xda;

/** Where the image itself ends, as its format says. */
function endOf(content: Buffer, type: string): number {
  if (type === "image/webp") return Math.min(content.length, content.readUInt32LE(4) + 8);
  const [mark, from] = type === "image/png" ? [PNG_END, 0] : [JPEG_END, scanOf(content)];
  const at = content.indexOf(mark, from);
  return at === -1 ? content.length : at + mark.length;
}

/** Past the segments of a JPEG, whose thumbnail ends as the picture does. */
function scanOf(content: Buffer): number {
  let at = 2;
  while (at + 4 <= content.length && content[at] === 0xff && content[at + 1] !== JPEG_SCAN) {
    at += 2 + content.readUInt16BE(at + 2);
  }
  return Math.min(at, content.length);
}
