import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { asDownload, pour } from "../../platform/http/download.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { DELIMITERS, isDelimiter } from "../../platform/sheets/delimiter.ts";
import { ENCODINGS } from "../../platform/sheets/encoding.ts";
import type { ImportTarget } from "../../platform/sheets/profile.ts";
import { HEADER_LINES } from "../../platform/sheets/source.ts";
import type { TableShape } from "../../platform/sheets/table.ts";
import { sheetsOf } from "../../platform/sheets/workbook-rows.ts";
import { chooseMapping, proposeMapping, readThrough } from "../analysis.ts";
import { errorFile } from "../error-file.ts";
import { sourceOfImport } from "../file-purpose.ts";
import { type Import, type Mapping, NO_COUNTS } from "../import.ts";
import { causesOf, changedLines, errorsOf } from "../queries/outcomes.ts";
import { cancelImport, checkImport, INLINE_LINES, refuseMapping, runImport, startImport } from "../run.ts";
import { suggest } from "../suggestions.ts";
import { aboutImport, aboutOf, addressOf, engineAt, HOME, placeAt, profileAt, visibleImport } from "./shown.ts";

const VIEW = { page: "imports/show", part: "imports/_progress" };
const MAPPING = { page: "imports/mapping" };
const ERRORS_A_PAGE = 50;
const CHANGES_SHOWN = 20;

const crumbsOf = (place: { label: string; path: string }, one: Import) => [
  HOME,
  { label: place.label, href: place.path },
  { label: one.fileName },
];

/** Where an import is: its columns, what its check found, how far it went, what came of it. */
export const show: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const filter = query(
    req,
    z.object({
      colonne: z.string().max(200).optional().describe("Colonne"),
      motif: z.string().max(500).optional().describe("Motif"),
      page: z.coerce.number().int().min(1).max(10_000).optional().describe("Page"),
      correspondance: z.literal("oui").optional(),
    }),
  );
  const one = await read(req, (em) => visibleImport(em, req, given.params.id));
  if (one.state === "analysed" || (one.state === "checked" && filter.correspondance)) {
    return showMapping(req, res as never, one, { values: {} });
  }
  const page = filter.page ?? 1;
  const shown = await read(req, async (em) => {
    const profile = profileAt(req, one.kind);
    const place = await placeAt(em, req, profile, one.scopeId ?? null);
    const targets = await profile.targets(em, aboutOf(req, one));
    const causes = await causesOf(em, one.id);
    const total = causes
      .filter(
        ({ column, reason }) =>
          (!filter.colonne || column === filter.colonne) && (!filter.motif || reason === filter.motif),
      )
      .reduce((sum, { lines }) => sum + lines, 0);
    const of = {
      column: filter.colonne,
      reason: filter.motif,
      offset: (page - 1) * ERRORS_A_PAGE,
      size: ERRORS_A_PAGE,
    };
    return {
      profile,
      place,
      causes,
      total,
      errors: await errorsOf(em, one.id, of),
      changes: await changedLines(em, one.id, CHANGES_SHOWN),
      labels: Object.fromEntries(targets.map(({ code, label }) => [code, label])),
      author: (await findUserNames(em, [one.authorId])).get(one.authorId) ?? "Compte inconnu",
    };
  });
  const at = addressOf(one);
  const to = (rank: number) =>
    `${at}?${new URLSearchParams({ ...(filter.colonne && { colonne: filter.colonne }), ...(filter.motif && { motif: filter.motif }), page: String(rank) })}#erreurs`;
  res.show(VIEW, {
    title: one.state === "checked" ? "Vérification du fichier" : "Résultat de l’import",
    crumbs: crumbsOf(shown.place, one),
    one: factsOf(one),
    at,
    counts: one.counts ?? NO_COUNTS,
    key: one.mapping.key.map((code) => shown.labels[code] ?? code),
    noun: shown.profile.noun,
    back: shown.place.path,
    ...shown,
    causes: shown.causes.map((cause) => ({
      ...cause,
      at: `${at}?${new URLSearchParams({ ...(cause.column && { colonne: cause.column }), motif: cause.reason })}#erreurs`,
    })),
    filter: { motif: filter.motif ?? null },
    previous: page > 1 ? to(page - 1) : null,
    next: page * ERRORS_A_PAGE < shown.total ? to(page + 1) : null,
    form: { values: {} },
  });
};

const factsOf = (one: Import) => ({
  id: one.id,
  version: one.version,
  state: one.state,
  fileName: one.fileName,
  sha256: one.sha256.toString("hex"),
  lines: one.survey.lines,
  blank: one.survey.blank,
  hidden: one.survey.hidden,
  columns: one.survey.columns.length,
  reading:
    one.shape.kind === "text"
      ? `${ENCODINGS[one.shape.encoding]}, séparateur «\u00a0${isDelimiter(one.shape.delimiter) ? DELIMITERS[one.shape.delimiter] : one.shape.delimiter}\u00a0»`
      : `feuille «\u00a0${one.shape.sheet}\u00a0»`,
  done: one.done,
  failure: one.failure ?? null,
  actId: one.actId ?? null,
  options: one.options,
  isUnderWay: one.isUnderWay(),
  isOver: one.isOver(),
  isCancelling: one.cancelAskedAt != null && one.isUnderWay(),
  hasFile: one.fileId != null,
});

async function showMapping(req: Request, res: Response, one: Import, form: object): Promise<void> {
  const { place, targets, proposed, sheets, profile } = await read(req, async (em) => {
    const profile = profileAt(req, one.kind);
    const targets = await profile.targets(em, aboutOf(req, one));
    const source = await sourceOfImport(em, req.files, one);
    return {
      profile,
      targets,
      place: await placeAt(em, req, profile, one.scopeId ?? null),
      proposed: await proposeMapping(em, one, targets, profile.key),
      sheets: one.shape.kind === "workbook" ? await sheetsOf(source) : [],
    };
  });
  const { survey, shape } = one;
  const confidences = new Map(suggest(survey.columns, targets).map((found, place) => [place, found]));
  const header = survey.first.findIndex(({ line }) => line >= one.headerLine);
  res.show(MAPPING, {
    title: profile.title,
    crumbs: crumbsOf(place, one),
    one: factsOf(one),
    at: addressOf(one),
    shape,
    headerLine: one.headerLine,
    sheets,
    accented: survey.accented,
    encodings: Object.entries(ENCODINGS).map(([value, label]) => ({ value, label })),
    delimiters: Object.entries(DELIMITERS).map(([value, label]) => ({ value, label })),
    headerLines: Array.from({ length: HEADER_LINES }, (_, rank) => ({ value: rank + 1, label: `Ligne ${rank + 1}` })),
    columns: survey.columns.map((name, rank) => ({
      name,
      samples: survey.first.slice(header + 1, header + 4).flatMap(({ cells }) => cells[rank] || []),
      chosen: one.mapping.columns[rank] ?? null,
      confidence:
        one.mapping.columns[rank]?.code === confidences.get(rank)?.code
          ? (confidences.get(rank)?.confidence ?? null)
          : null,
      isRefused: survey.suspects?.includes(name) ?? false,
    })),
    preview: survey.first.slice(header + 1, header + 6),
    targets: targets.map(({ code, label, isRequired = false }) => ({
      value: code,
      label: isRequired ? `${label} (obligatoire)` : label,
    })),
    keys: targets.filter(({ mayBeKey }) => mayBeKey).map(({ code, label }) => ({ value: code, label })),
    mapping: one.mapping,
    options: one.options,
    rememberedAt: proposed.rememberedAt,
    back: place.path,
    form,
  });
}

const Reading = z.object({
  encoding: z
    .enum(Object.keys(ENCODINGS) as [keyof typeof ENCODINGS])
    .optional()
    .describe("Encodage"),
  delimiter: z.string().max(4).optional().describe("Séparateur"),
  sheet: z.string().max(200).optional().describe("Feuille"),
  headerLine: z.coerce.number().int().min(1).max(HEADER_LINES).describe("Ligne des noms de colonnes"),
});

/** Reads the file again, otherwise: the columns it gives are mapped anew [IMP-5, IMP-6, IMP-8]. */
export const reread: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const at = addressOf({ id });
  const act = {
    code: "import.reread",
    label: "Lecture d’un fichier à importer",
    subject: () => aboutImport({ id }),
    at,
    isLong: true as const,
  };
  const form = await submit(req, Reading, act, async ({ encoding, delimiter, sheet, headerLine }, em) => {
    const one = await visibleImport(em, req, id);
    refuseOnceStarted(one);
    const shape: TableShape =
      one.shape.kind === "text"
        ? {
            kind: "text",
            encoding: encoding ?? one.shape.encoding,
            delimiter: delimiterOf(delimiter) ?? one.shape.delimiter,
          }
        : { kind: "workbook", sheet: sheet ?? one.shape.sheet };
    const survey = await readThrough(await sourceOfImport(em, req.files, one), shape, headerLine);
    Object.assign(one, { shape, survey, headerLine, state: "analysed", counts: null });
    const profile = profileAt(req, one.kind);
    const { mapping, options } = await proposeMapping(
      em,
      one,
      await profile.targets(em, aboutOf(req, one)),
      profile.key,
    );
    Object.assign(one, { mapping, options });
  });
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  res.saved(MAPPING, {}, { at: `${at}?correspondance=oui`, notice: "Le fichier est relu ainsi." });
};

const delimiterOf = (word: string | undefined) => (word !== undefined && isDelimiter(word) ? word : undefined);

const refuseOnceStarted = (one: Import): void => {
  if (one.state !== "analysed" && one.state !== "checked") {
    throw new RuleBroken("Cet import a déjà été lancé. Envoyez de nouveau le fichier pour le lire autrement.");
  }
};

const Choice = z.object({
  column: z.array(z.string().max(100)).describe("Colonnes"),
  order: z.array(z.string().max(100)).describe("Ordre des dates"),
  key: z.array(z.string().max(100)).max(3, "La clé tient en trois colonnes au plus.").describe("Clé"),
  mode: z.enum(["both", "create", "update"]).describe("Lignes à écrire"),
  empty: z.enum(["keep", "clear"]).describe("Cases vides"),
  decimal: z.enum(["", ",", "."]).optional().describe("Signe décimal"),
  threshold: z.coerce.number().int().min(1).max(100).describe("Seuil d’erreurs"),
});

/** Keeps where columns go, then checks every line; nothing is written but what came of it [IMP-28]. */
export const check: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const at = addressOf({ id });
  const act = {
    code: "import.mapped",
    label: "Correspondance d’un fichier à importer",
    subject: () => aboutImport({ id }),
    at,
  };
  const form = await submit(req, Choice, act, async ({ column, order, key, mode, empty, decimal, threshold }, em) => {
    const one = await visibleImport(em, req, id);
    refuseOnceStarted(one);
    const targets = await profileAt(req, one.kind).targets(em, aboutOf(req, one));
    const mapping: Mapping = {
      key,
      columns: one.survey.columns.map((name, rank) => {
        const target: ImportTarget | undefined = targets.find(({ code }) => code === column[rank]);
        if (!target) return null;
        return {
          code: target.code,
          ...(order.includes(name) && { isMonthFirst: true }),
          ...(decimal && { decimalSign: decimal }),
        };
      }),
    };
    const options = { ...one.options, mode, empty, threshold };
    refuseMapping({ mapping, options }, targets);
    await chooseMapping(em, one, { mapping, options, now: req.now });
  });
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  await checkImport(engineAt(req), { tenantId: req.user!.tenantId, id });
  res.saved(MAPPING, {}, { at, notice: "Le fichier est vérifié. Rien n’est encore écrit." });
};

const Start = z.object({ errors: z.enum(["valid", "none"]).describe("Lignes en erreur") });

/** Runs it: at once for a short file, else by a job whose page may be left [IMP-32, IMP-33]. */
export const start: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const { tenantId } = req.user!;
  const at = addressOf({ id });
  // Before its form is read: what does not exist for this person has nothing to refuse.
  const { lines } = (await read(req, (em) => visibleImport(em, req, id))).survey;
  const act = { code: "import.started", label: "Import lancé", subject: () => aboutImport({ id }), at };
  const form = await submit(req, Start, act, async ({ errors }, em) => {
    const one = await visibleImport(em, req, id);
    one.options = { ...one.options, errors };
    await startImport(em, one, { now: req.now });
  });
  if (!form.errors && lines <= INLINE_LINES) await runImport(engineAt(req), { tenantId, id });
  const isInline = lines <= INLINE_LINES;
  res.saved(
    VIEW,
    {},
    {
      at,
      notice: isInline
        ? "L’import est passé. Son résultat est ci-dessous."
        : "L’import a commencé. Vous pouvez quitter cette page.",
    },
  );
};

export const cancel: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  await read(req, (em) => visibleImport(em, req, id));
  const at = addressOf({ id });
  await submit(
    req,
    z.object({}),
    { code: "import.cancelled", label: "Arrêt d’un import demandé", subject: () => aboutImport({ id }), at },
    async (_values, em) => cancelImport(await visibleImport(em, req, id), { now: req.now }),
  );
  res.saved(VIEW, {}, { at, notice: "L’import s’arrête." });
};

/** The lines in error, to be corrected and sent again [IMP-39]. */
export const errors: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { one, source } = await read(req, async (em) => {
    const one = await visibleImport(em, req, given.params.id);
    if (!one.fileId) throw new NotFound("Le fichier de cet import n’est plus gardé.");
    return { one, source: await sourceOfImport(em, req.files, one) };
  });
  asDownload(res as never, "erreurs-import.csv").type("text/csv");
  await pour(errorFile(req.db, source, one), res as never);
};
