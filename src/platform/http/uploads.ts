/**
 * Files in forms. The request is read only up to its file, so that who sends, from which page and with which right are
 * settled before a byte of it is kept (rulings 21); the file then goes straight to the storage.
 */
import { finished, Readable } from "node:stream";
import busboy from "busboy";
import type { Request, Response } from "express";
import { z } from "zod";
import { RuleBroken } from "../errors.ts";
import type { Reads } from "../storage/archive.ts";
import { addFile, type StoredFile } from "../storage/file.ts";
import { redraw } from "../storage/image.ts";
import { sniff, tidyFileName } from "../storage/kinds.ts";
import type { FilePurpose } from "../storage/purpose.ts";
import type { Kept, Store } from "../storage/store.ts";
import { readPieces, Upload } from "../storage/upload.ts";
import { type ActOf, type Form, read, submit } from "./forms.ts";
import { Refusal } from "./refusal.ts";

/** The name of the control, on each form that takes a file. */
const FIELD = "file";
const PIECE = "application/partial-upload";
/** What may be read before it is kept: by smaller sips, reader and disk wait for each other (three times slower). */
const AHEAD = 1_048_576;

interface Part {
  name: string;
  bytes: Readable;
  /** The request ended, or was cut, before the file did. */
  isCut: boolean;
}

const parts = new WeakMap<Request, Part>();

const typeOf = (req: Request) => (req.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
export const isMultipart = (req: Request): boolean => typeOf(req) === "multipart/form-data";
export const isPiece = (req: Request): boolean => typeOf(req) === PIECE;

/** Reads the fields of a form up to its file; what comes after is not read. Throws a Refusal when it cannot be read. */
export async function openParts(req: Request, res: Response): Promise<void> {
  const fields: [string, string][] = [];
  const reader = parserOf(req);
  // Nobody reads on: what is left is thrown away, so that the browser can finish sending and read the answer.
  res.once("finish", () => {
    req.unpipe(reader);
    req.resume();
  });
  await new Promise<void>((resolve, reject) => {
    // What comes after the file, a token for one, comes too late.
    reader.on("field", (name, value) => void (parts.has(req) || fields.push([name, value])));
    reader.on("file", (name, bytes, { filename }) => {
      if (name !== FIELD || !filename) return void bytes.resume();
      const part = { name: filename, bytes, isCut: false };
      bytes.on("error", () => {
        part.isCut = true;
      });
      parts.set(req, part);
      resolve();
    });
    for (const limit of ["fieldsLimit", "partsLimit"] as const) reader.once(limit, () => reject(unreadable()));
    reader.once("error", () => reject(unreadable()));
    reader.once("close", resolve);
    finished(req, { writable: false }, (error) => {
      if (error) reader.destroy(new Error("The request was cut."));
    });
    req.pipe(reader);
  });
  const body: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of fields) body[name] = name in body ? [body[name]!, value].flat() : value;
  req.body = body;
}

function parserOf(req: Request) {
  const limits = { files: 1, fields: 50, parts: 60, fieldSize: 40_000, fieldNameSize: 200, headerPairs: 50 };
  try {
    return busboy({ headers: req.headers, limits, defParamCharset: "utf8", preservePath: true, fileHwm: AHEAD });
  } catch {
    throw unreadable();
  }
}

const unreadable = () =>
  new Refusal(
    422,
    "Envoi incomplet",
    "Le fichier n’est pas arrivé entier ; rien n’a été enregistré.",
    "Vérifiez votre connexion au réseau, puis envoyez-le de nouveau.",
  );

interface Taken extends Kept {
  name: string;
  type: string;
  state: "pending" | "clean";
  upload?: Upload;
}

const SENT = {
  upload: z.uuid("Cet envoi n’a pas la forme attendue. Choisissez de nouveau le fichier.").optional().describe("Envoi"),
  sha256: z.string().optional(),
};
type NoFields = Record<never, never>;

/**
 * `submit` for a form that holds one file, sent with it or before it by pieces, after the other `fields`. The file is
 * kept, looked into and, for a picture, drawn again before the transaction opens; refused or sent twice, nothing of it
 * stays.
 */
export async function submitFile<R, F extends z.ZodRawShape = NoFields>(
  req: Request,
  purpose: FilePurpose,
  act: ActOf<z.output<z.ZodObject<F>>, R>,
  verb: (
    file: StoredFile,
    em: Parameters<Parameters<typeof submit>[3]>[1],
    values: z.output<z.ZodObject<F>>,
  ) => R | Promise<R>,
  fields: F = {} as F,
): Promise<Form<R>> {
  const { store, quotas } = req.files;
  const taken = await takeFile(req, purpose).catch((error: unknown) => {
    if (error instanceof RuleBroken) return Object.assign(error, { field: FIELD });
    throw error;
  });
  const problem = taken instanceof RuleBroken ? taken : null;
  const file = taken instanceof RuleBroken ? null : taken;
  req.body = { ...req.body, sha256: file?.upload ? undefined : file?.sha256.toString("hex") };
  let isKept = false;
  try {
    const form = await submit(req, z.object({ ...fields, ...SENT }), act as never, async (values, em) => {
      // The key of the form leaves with a question: one sent twice is answered as it was, whatever has changed since.
      if (!file) {
        await em.execute("select 1");
        throw problem!;
      }
      const { id, tenantId } = req.user!;
      const row = await addFile(em, { ...file, tenantId, purpose: purpose.purpose, by: { id } }, quotas).catch(
        (error: unknown) => {
          throw error instanceof RuleBroken ? Object.assign(error, { field: FIELD }) : error;
        },
      );
      if (file.upload) await em.nativeDelete(Upload, { tenantId, id: file.upload.id });
      return verb(row, em, values as never);
    });
    isKept = !form.errors;
    return form as Form<R>;
  } finally {
    if (file && !isKept) await store.remove(file.key);
    if (isKept) for (const { key } of file?.upload?.pieces ?? []) await store.remove(key);
  }
}

/** The file of this form, kept under a key nobody knows yet. Throws RuleBroken for what the person can mend. */
async function takeFile(req: Request, purpose: FilePurpose): Promise<Taken> {
  const { store } = req.files;
  const { tenantId } = req.user!;
  const upload = await wholeUpload(req, purpose);
  const part = upload ? { name: upload.name, bytes: readPieces(upload, req.files), isCut: false } : parts.get(req);
  if (!part) throw new RuleBroken("Choisissez d’abord un fichier.");
  const name = tidyFileName(part.name, purpose.kinds);
  const sent = await store.put(tenantId, part.bytes, { most: purpose.most }).catch((error: unknown) => {
    // The reader is cut too when nothing more is to be kept of it: too heavy, or no room.
    throw part.isCut && !(error instanceof RuleBroken) ? unreadable() : error;
  });
  let isKept = false;
  try {
    const reads = readsOf(store, sent);
    const type = purpose.establish
      ? await purpose.establish(reads, sent.size)
      : (await sniff(reads, sent.size, name, purpose.kinds)).type;
    const taken = { ...sent, name, type, ...(upload && { upload }) };
    const drawn = purpose.picture && (await redraw(await store.whole(sent.key), purpose.picture));
    if (drawn && !req.files.scanner) {
      const kept = await store.put(tenantId, Readable.from([drawn]), { most: drawn.length });
      return { ...taken, ...kept, type: `image/${purpose.picture!.format}`, state: "clean" };
    }
    isKept = true;
    // As it was sent: what the scanner must see is not in a picture drawn again.
    return { ...taken, state: req.files.scanner ? "pending" : "clean" };
  } catch (error) {
    // Sent again, it would be refused again: none of its pieces stays (DOC-2).
    if (upload && error instanceof RuleBroken) await forget(req, upload);
    throw error;
  } finally {
    if (!isKept) await store.remove(sent.key);
  }
}

async function forget(req: Request, { tenantId, id, pieces }: Upload): Promise<void> {
  await req.db.note(tenantId, (em) => em.nativeDelete(Upload, { tenantId, id }));
  for (const { key } of pieces) await req.files.store.remove(key);
}

/** Ranges within the file: a bucket refuses one that begins at its end. */
const readsOf =
  (store: Store, { key, size }: Kept): Reads =>
  async (range) => {
    if (range && range.start >= size) return Readable.from([]);
    return store.open(key, range && { start: range.start, end: Math.min(range.end, size - 1) });
  };

/** The upload by pieces this form finishes, if it names one: its own person's, of this purpose, and whole. */
async function wholeUpload(req: Request, { purpose }: FilePurpose): Promise<Upload | null> {
  const id: unknown = req.body?.upload;
  if (typeof id !== "string" || !z.uuid().safeParse(id).success) return null;
  const upload = await read(req, (em) => em.findOne(Upload, { id, ownerId: req.user!.id, purpose }));
  if (upload?.isWhole()) return upload;
  throw new RuleBroken("Cet envoi n’est plus là, ou n’est pas arrivé entier. Choisissez de nouveau le fichier.");
}
