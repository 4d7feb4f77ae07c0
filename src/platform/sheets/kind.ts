import { Buffer } from "node:buffer";
import { fileTypeFromBuffer } from "file-type";
import { RuleBroken } from "../errors.ts";
import { readArchive } from "../storage/archive.ts";
import { HEAD_BYTES } from "../storage/kinds.ts";
import { detectEncoding, type FoundEncoding } from "./encoding.ts";
import { MOST_BYTES, type SheetSource } from "./source.ts";
import { typed } from "./workbook.ts";

/** What a file of rows is by its content, whatever its name [IMP-2]. */
export type SheetKind = { kind: "workbook" } | { kind: "text"; found: FoundEncoding };

const SAVE_AS = "Enregistrez le fichier au format .xlsx ou CSV";
const COMPOUND = Buffer.from("d0cf11e0a1b11ae1", "hex");
const ENCRYPTED = Buffer.from("EncryptedPackage", "utf16le");
/** What file-type names and is text all the same. */
const WRITTEN = /^text\//;
const MARKUP = /^\s*(?:<\?xml|<!doctype|<html|<table|\{\\rtf)/i;

/**
 * What this file is, read through once. Throws RuleBroken, with the sentence of its kind, for an old or encrypted
 * workbook, one with macros or links, any other binary, and what unpacks beyond measure [IMP-2, IMP-11].
 */
export async function sheetKind(source: SheetSource): Promise<SheetKind> {
  const { reads, size } = source;
  if (size === 0) throw new RuleBroken("Ce fichier est vide. Choisissez-en un autre.");
  if (size > MOST_BYTES) {
    throw new RuleBroken(
      "Ce fichier dépasse 50\u00a0Mo. Partagez-le en plusieurs fichiers, puis importez-les l’un après l’autre.",
    );
  }
  const head = await headOf(source);
  if (head.subarray(0, 4).equals(Buffer.from("PK\x03\x04"))) {
    const { names, declaresType } = await readArchive(reads, size);
    refuseArchive(names);
    if (declaresType) throw typed();
    return { kind: "workbook" };
  }
  if (head.subarray(0, COMPOUND.length).equals(COMPOUND)) throw await compoundRefusal(source);
  const known = (await fileTypeFromBuffer(head))?.mime ?? "text/plain";
  // Two letters are enough to be taken for a picture, "BM": a text has no null byte beside them.
  if (!WRITTEN.test(known) && (head.includes(0) || head.includes("%PDF-"))) throw otherKind();
  const found = await detectEncoding(await reads());
  if (found.isBinary) throw otherKind();
  // A page or a sheet in XML, which web programs hand over as .xls.
  if (found.encoding === "utf-8" && MARKUP.test(head.toString("utf8").replace(/^\ufeff/, ""))) throw otherKind();
  return { kind: "text", found };
}

const otherKind = () =>
  new RuleBroken(`Ce fichier n’est pas un tableau lisible ici. ${SAVE_AS}, puis envoyez-le de nouveau.`);

function refuseArchive(names: ReadonlySet<string>): void {
  const all = [...names];
  if (names.has("EncryptedPackage")) throw encrypted();
  if (all.some((name) => /(?:^|\/)vbaProject[^/]*\.bin$/i.test(name) || /^xl\/macrosheets\//i.test(name))) {
    throw new RuleBroken(
      "Ce classeur contient des macros (.xlsm)\u00a0: il est refusé. Enregistrez-le au format .xlsx, sans macro, puis envoyez cette copie.",
    );
  }
  if (all.some((name) => /^xl\/externalLinks\//i.test(name))) {
    throw new RuleBroken(
      "Ce classeur va chercher des valeurs dans un autre fichier. Remplacez ces formules par leurs valeurs, ou enregistrez la feuille au format CSV, puis envoyez cette copie.",
    );
  }
  if (!names.has("xl/workbook.xml")) throw otherKind();
}

const encrypted = () =>
  new RuleBroken(
    "Ce classeur est protégé par un mot de passe. Enregistrez-en une copie sans mot de passe, puis envoyez-la.",
  );

/** An encrypted .xlsx is wrapped in the format of the old .xls: one of the names in it says which. */
async function compoundRefusal({ reads }: SheetSource): Promise<RuleBroken> {
  let last: Buffer = Buffer.alloc(0);
  for await (const piece of (await reads()) as AsyncIterable<Buffer>) {
    const whole = Buffer.concat([last, piece]);
    if (whole.includes(ENCRYPTED)) return encrypted();
    last = Buffer.from(whole.subarray(-ENCRYPTED.length));
  }
  return new RuleBroken(`Ce fichier est un ancien classeur .xls. ${SAVE_AS}, puis envoyez cette copie.`);
}

async function headOf({ reads, size }: SheetSource): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await reads({ start: 0, end: Math.min(size, HEAD_BYTES) - 1 }))
    pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
