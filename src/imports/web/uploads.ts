import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { asDownload } from "../../platform/http/download.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { analyse } from "../../platform/sheets/analysis.ts";
import type { ImportProfile } from "../../platform/sheets/profile.ts";
import type { SheetSource } from "../../platform/sheets/source.ts";
import { addFile, type StoredFile } from "../../platform/storage/file.ts";
import { acceptOf, KINDS } from "../../platform/storage/kinds.ts";
import { openImport, proposeMapping, readThrough } from "../analysis.ts";
import { IMPORT_FILE, sourceOfImport } from "../file-purpose.ts";
import type { Import } from "../import.ts";
import { aboutImport, addressOf, courseAt, HOME, placeAt, profileAt } from "./shown.ts";

const NEW = { page: "imports/new" };
const Scope = { scope: z.uuid().optional().describe("Objet") };
type Em = Parameters<Parameters<typeof read>[1]>[0];

async function showNew(req: Request, res: Response, profile: ImportProfile, scopeId: string | null, form: object) {
  const { place, course } = await read(req, async (em) => ({
    place: await placeAt(em, req, profile, scopeId),
    course: await courseAt(em, req, { kind: profile.kind, scopeId }, { hasFile: false }),
  }));
  res.show(NEW, {
    title: profile.title,
    crumbs: [HOME, { label: place.label, href: place.path }, { label: profile.title }],
    kind: profile.kind,
    purpose: IMPORT_FILE,
    accept: acceptOf(IMPORT_FILE.kinds),
    examples: profile.examples ?? [],
    scope: scopeId,
    course,
    back: course?.back.href ?? place.path,
    listAt: `/imports?${new URLSearchParams({ de: profile.kind, ...(scopeId && { objet: scopeId }) })}`,
    form,
  });
}

export const new_: RequestHandler<{ kind: string }> = async (req, res) => {
  const profile = profileAt(req as never, req.params.kind);
  const { objet } = query(req as never, z.object({ objet: z.uuid().optional().describe("Objet") }));
  await showNew(req as never, res as never, profile, objet ?? null, { values: {} });
};

const actOn = (profile: ImportProfile) => ({
  code: "import.opened",
  label: `${profile.title}\u00a0: fichier envoyé`,
  subject: (_values: object, one: Import) => aboutImport(one),
  at: (_values: object, one: Import) => addressOf(one),
  isLong: true as const,
});

/** Reads the file that arrived through, and proposes where its columns go [IMP-4, IMP-6, IMP-18]. */
async function open(
  req: Request,
  em: Em,
  profile: ImportProfile,
  scopeId: string | null,
  file: StoredFile,
  source: SheetSource,
) {
  const { id, tenantId } = req.user!;
  const place = await placeAt(em, req, profile, scopeId);
  await profile.admit?.(em, scopeId);
  const { shape, found } = await analyse(source);
  const about = { tenantId, scopeId, author: { id }, importId: file.id, now: req.now };
  const ready = await profile.open(em, about, null);
  const survey = {
    ...(await readThrough(source, shape, 1, ready)),
    ...(found && { found: { encoding: found.encoding, confidence: found.confidence } }),
  };
  const one = openImport(em, file, { kind: profile.kind, scopeId, by: { id }, shape, survey });
  const { mapping, options } = await proposeMapping(em, one, ready, place);
  return Object.assign(one, { mapping, options });
}

const onField = (field: string) => (error: unknown) => {
  throw error instanceof RuleBroken ? Object.assign(error, { field }) : error;
};

export const create: RequestHandler<{ kind: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const profile = profileAt(req, given.params.kind);
  const form = await submitFile(
    req,
    IMPORT_FILE,
    actOn(profile),
    async (file, em, { scope }) => {
      await em.flush();
      const source = await sourceOfImport(em, req.files, { fileId: file.id });
      return open(req, em, profile, scope ?? null, file, source).catch(onField("file"));
    },
    Scope,
  );
  if (form.errors) return showNew(req, res as never, profile, scopeOf(req), form);
  res.saved(NEW, {}, { at: addressOf(form.result), notice: "Le fichier est arrivé. Rien n’est encore importé." });
};

/** The scope the form was drawn for: what it says was checked with the rest, or is nobody's. */
const scopeOf = (req: Request): string | null => z.uuid().safeParse(req.body?.scope).data ?? null;

/** What a form may carry at all, once its signs are written as addresses write them. */
const MOST_PASTED = 1_000_000;

const Pasted = z.object({
  ...Scope,
  text: z
    .string()
    .min(1, "Collez d’abord des lignes.")
    .max(MOST_PASTED, "Le texte est trop long\u00a0: enregistrez-le dans un fichier, puis envoyez-le.")
    .describe("Lignes collées"),
});

/** What was copied from a spreadsheet: tabs between cells, kept as a file like another. */
export const paste: RequestHandler<{ kind: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const profile = profileAt(req, given.params.kind);
  await keep(req, res as never, profile, Pasted, ({ text }) => ({
    field: "text",
    name: "lignes-collees.tsv",
    content: Buffer.from(text),
    notice: "Les lignes sont arrivées. Rien n’est encore importé.",
  }));
};

const Tried = z.object({ ...Scope, file: z.string().max(100).describe("Fichier d’essai") });

/** One of the files given for a first try, as if it had been sent. */
export const tryOut: RequestHandler<{ kind: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const profile = profileAt(req, given.params.kind);
  await keep(req, res as never, profile, Tried, async ({ file }) => {
    const example = exampleOf(profile, file);
    if (!example) throw new RuleBroken("Ce fichier d’essai n’existe pas\u00a0: choisissez-en un de la liste.", "file");
    return {
      field: "file",
      name: example.file,
      content: await readFile(path.join(EXAMPLES, example.file)),
      notice: "Le fichier d’essai est arrivé. Rien n’est encore importé.",
    };
  });
};

/** The same file, to be opened in a spreadsheet first. */
export const example: RequestHandler<{ kind: string; file: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const found = exampleOf(profileAt(req, given.params.kind), given.params.file);
  if (!found) throw new NotFound();
  const content = await readFile(path.join(EXAMPLES, found.file));
  asDownload(res as never, found.file)
    .type(found.file.endsWith(".xlsx") ? KINDS.xlsx.type : "text/csv")
    .send(content);
};

const EXAMPLES = path.join(import.meta.dirname, "../../../fixtures/files");
const exampleOf = ({ examples = [] }: ImportProfile, name: string) => examples.find(({ file }) => file === name);

interface Arriving {
  /** Name of the control to blame. */
  field: string;
  name: string;
  content: Buffer;
  notice: string;
}

/** Keeps what came otherwise than by a file of the person's, and opens an import on it. */
async function keep<Schema extends typeof Pasted | typeof Tried>(
  req: Request,
  res: Response,
  profile: ImportProfile,
  schema: Schema,
  arriving: (values: z.infer<Schema>) => Arriving | Promise<Arriving>,
): Promise<void> {
  const { id, tenantId } = req.user!;
  let key: string | undefined;
  let notice = "";
  const form = await submit(req, schema as typeof Pasted, actOn(profile), async (values, em) => {
    const came = await arriving(values as z.infer<Schema>);
    const { content, field, name } = came;
    notice = came.notice;
    const kept = await req.files.store.put(tenantId, Readable.from([content]), { most: IMPORT_FILE.most });
    key = kept.key;
    const row = {
      ...kept,
      tenantId,
      purpose: IMPORT_FILE.purpose,
      name,
      type: name.endsWith(".xlsx") ? KINDS.xlsx.type : KINDS.csv.type,
      state: "clean",
      by: { id },
    } as const;
    const file = await addFile(em, row, req.files.quotas).catch(onField(field));
    const source = {
      size: content.length,
      reads: (range?: { start: number; end: number }) => req.files.store.open(kept.key, range),
    };
    return open(req, em, profile, values.scope ?? null, file, source).catch(onField(field));
  });
  if (form.errors) {
    if (key) await req.files.store.remove(key);
    return showNew(req, res, profile, scopeOf(req), form);
  }
  res.saved(NEW, {}, { at: addressOf(form.result), notice });
}
