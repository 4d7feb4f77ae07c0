import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import type { Mark } from "../../platform/db/paging.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { readMark, writeMark } from "../../platform/http/addresses.ts";
import { asDownload, pour } from "../../platform/http/download.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import type { ImportProfile } from "../../platform/sheets/profile.ts";
import { fr } from "../../platform/text/index.ts";
import { chooseMapping, forgetMapping, proposeMapping, readThrough } from "../analysis.ts";
import { errorFile } from "../error-file.ts";
import { sourceOfImport } from "../file-purpose.ts";
import { type Import, NO_COUNTS } from "../import.ts";
import { causesOf, changedLines, errorsOf, writtenLines } from "../queries/outcomes.ts";
import {
  cancelImport,
  checkImport,
  INLINE_LINES,
  isHopeless,
  MOSTLY_WRONG,
  refreshCheck,
  refuseMapping,
  runImport,
  startImport,
} from "../run.ts";
import { writtenFile } from "../written-file.ts";
import { concernsOf } from "./concerns.ts";
import { MAPPING, showMapping } from "./mapping.ts";
import { Choice, mappingOf, missingOf, refuseTwoSigns } from "./mapping-form.ts";
import { NOTHING_MAPPED, Reading, shapeSaid } from "./preview.ts";
import {
  aboutImport,
  addressOf,
  crumbsOf,
  engineAt,
  factsOf,
  openAt,
  placeAt,
  profileAt,
  visibleImport,
} from "./shown.ts";

const VIEW = { page: "imports/show", part: "imports/_progress" };
const CHANGES_SHOWN = 20;
const tableOf = ({ table, named }: ImportProfile) => ({ table, named });

const Filter = z.object({
  colonne: z.string().max(200).optional().describe("Colonne"),
  motif: z.string().max(500).optional().describe("Motif"),
  page: z.string().max(900).optional(),
  correspondance: z.literal("oui").optional(),
});

/** Where an import is: its columns, what its check found, how far it went, what came of it. */
export const show: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const filter = query(req, Filter);
  const one = await read(req, (em) => visibleImport(em, req, given.params.id));
  if (one.state === "analysed" || (one.state === "checked" && filter.correspondance)) {
    return showMapping(req, res as never, one, { values: {} });
  }
  await showState(req, res as never, one, filter, { values: {} });
};

async function showState(
  req: Request,
  res: Response,
  one: Import,
  filter: z.output<typeof Filter>,
  form: { values?: object; errors?: object },
): Promise<void> {
  const shown = await read(req, async (em) => {
    const profile = profileAt(req, one.kind);
    const place = await placeAt(em, req, profile, one.scopeId ?? null);
    const open = await openAt(em, req, one);
    const { targets, missing } = open;
    const causes = await causesOf(em, one.id);
    const of = { column: filter.colonne, reason: filter.motif, mark: readMark(filter.page) };
    const errors = await errorsOf(em, one.id, of);
    return {
      profile,
      place,
      causes,
      errors: errors.rows,
      before: errors.before,
      after: errors.after,
      changes: await changedLines(em, one.id, CHANGES_SHOWN),
      born: one.isOver()
        ? await writtenLines(em, one.id, { ...tableOf(profile), size: CHANGES_SHOWN, onlyMade: true })
        : [],
      labels: Object.fromEntries(targets.map(({ code, label }) => [code, label])),
      numbers: new Set(targets.flatMap(({ code, holds }) => (holds === "number" ? code : []))),
      told: Object.fromEntries(targets.map(({ code, show }) => [code, show])),
      missingChoice: missing?.choices.find(({ value }) => value === one.options.missing)?.label ?? null,
      // Of what is to come: once it is written, the figures and the lines say it.
      concerns: await concernsOf(em, req, one, open),
      warnings: one.state === "checked" ? ((await profile.tell?.(em, req.user!, one.notices)) ?? []) : [],
      fresh: one.mapping.columns.flatMap((chosen) => chosen?.fresh?.label ?? []),
      author: (await findUserNames(em, [one.authorId])).get(one.authorId) ?? "Compte inconnu",
    };
  });
  const at = addressOf(one);
  const to = (mark: Mark | null) =>
    mark &&
    `${at}?${new URLSearchParams({ ...(filter.colonne && { colonne: filter.colonne }), ...(filter.motif && { motif: filter.motif }), page: writeMark(mark) })}#erreurs`;
  res.show(VIEW, {
    title: one.state === "checked" ? "Vérification du fichier" : "Résultat de l’import",
    crumbs: crumbsOf(shown.place, one),
    one: factsOf(one),
    at,
    counts: one.counts ?? NO_COUNTS,
    ...shown,
    key: one.mapping.key.map((code) => shown.labels[code] ?? code),
    chosen: chosenIn(one, shown),
    isLong: one.survey.lines > INLINE_LINES,
    hopeless:
      one.state === "checked" && isHopeless(one.counts ?? NO_COUNTS, one.options.threshold)
        ? MOSTLY_WRONG(one.options.threshold)
        : null,
    noun: shown.profile.noun,
    timeLeft: timeLeft(one, req.now),
    back: shown.place.path,
    causes: shown.causes.map((cause) => ({
      ...cause,
      at: `${at}?${new URLSearchParams({ ...(cause.column && { colonne: cause.column }), motif: cause.reason })}#erreurs`,
    })),
    filter: { motif: filter.motif ?? null },
    previous: to(shown.before),
    next: to(shown.after),
    form,
  });
}

/** What was chosen for this file, in words: its options, then where each column went [IMP-39]. */
function chosenIn(
  { options, mapping, survey }: Import,
  { labels, numbers }: { labels: Record<string, string>; numbers: ReadonlySet<string> },
) {
  const { mode, empty, errors, threshold } = options;
  const columns = survey.columns.map((name, place) => {
    const chosen = mapping.columns[place];
    const reading = chosen && [
      chosen.fresh && "champ nouveau",
      chosen.isMonthFirst && "mois d’abord",
      numbers.has(chosen.code) && chosen.decimalSign && `signe décimal «\u00a0${chosen.decimalSign}\u00a0»`,
      chosen.separator && `choix séparés par «\u00a0${chosen.separator}\u00a0»`,
    ];
    const value = reading ? [labels[chosen.code] ?? chosen.code, ...reading].filter(Boolean).join(", ") : "ignorée";
    return { term: `Colonne «\u00a0${name}\u00a0»`, value };
  });
  return [
    ...(mapping.title ? [{ term: "Nomme les lignes", value: labels[mapping.title] ?? mapping.title }] : []),
    { term: "Lignes à écrire", value: MODES[mode] },
    { term: "Cases vides", value: empty === "keep" ? "laisser la valeur enregistrée" : "l’effacer" },
    { term: "Lignes en erreur", value: errors === "valid" ? "importer les autres" : "tout ou rien" },
    { term: "Arrêt au-delà de", value: `${threshold}\u00a0% de lignes en erreur` },
    ...columns,
  ];
}

const MODES: Record<Import["options"]["mode"], string> = {
  both: "créer et modifier",
  create: "créer seulement",
  update: "modifier seulement",
};

/** How long what is left would take at the pace so far, in words; null before there is a pace [IMP-33]. */
export function timeLeft(
  { state, startedAt, done, survey }: Pick<Import, "state" | "startedAt" | "done" | "survey">,
  now: Date,
): string | null {
  if (state !== "running" || !startedAt || done === 0 || survey.lines <= done) return null;
  const seconds = ((now.getTime() - startedAt.getTime()) / 1_000 / done) * (survey.lines - done);
  return seconds < 60 ? "moins d’une minute" : `environ ${fr.count(Math.round(seconds / 60), "minute", "minutes")}`;
}

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
  const form = await submit(req, Reading, act, async ({ headerLine, ...said }, em) => {
    const one = await visibleImport(em, req, id);
    refuseOnceStarted(one);
    const shape = shapeSaid(one, said);
    const { found } = one.survey;
    const open = await openAt(em, req, one, NOTHING_MAPPED);
    const read = await readThrough(await sourceOfImport(em, req.files, one), shape, headerLine, open);
    const survey = { ...read, ...(found && { found }) };
    Object.assign(one, { shape, survey, headerLine, state: "analysed", counts: null });
    const place = await placeAt(em, req, profileAt(req, one.kind), one.scopeId ?? null);
    const { mapping, options } = await proposeMapping(em, one, open, place);
    Object.assign(one, { mapping, options });
  });
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  res.saved(MAPPING, {}, { at: `${at}?correspondance=oui`, notice: "Le fichier est relu ainsi." });
};

const refuseOnceStarted = (one: Import): void => {
  if (one.state !== "analysed" && one.state !== "checked") {
    throw new RuleBroken("Cet import a déjà été lancé. Envoyez de nouveau le fichier pour le lire autrement.");
  }
};

const Known = z.object({ known: z.uuid().describe("Correspondance") });

/** Takes the mapping another file of these columns had [IMP-19]. */
export const resume: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const at = addressOf({ id });
  const act = {
    code: "import.mapping_resumed",
    label: "Correspondance reprise pour un fichier à importer",
    subject: () => aboutImport({ id }),
    at,
  };
  const form = await submit(req, Known, act, async ({ known }, em) => {
    const one = await visibleImport(em, req, id);
    refuseOnceStarted(one);
    const place = await placeAt(em, req, profileAt(req, one.kind), one.scopeId ?? null);
    const open = await openAt(em, req, one, NOTHING_MAPPED);
    const { mapping, options } = await proposeMapping(em, one, open, { ...place, from: known });
    Object.assign(one, { mapping, options, state: "analysed", counts: null });
  });
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  res.saved(MAPPING, {}, { at: `${at}?correspondance=oui`, notice: "La correspondance est reprise." });
};

/** Drops a mapping for every file to come; this import keeps its own choices [IMP-19]. */
export const forget: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const at = addressOf({ id });
  const act = {
    code: "import.mapping_forgotten",
    label: "Correspondance de colonnes supprimée",
    subject: () => aboutImport({ id }),
    at,
  };
  const form = await submit(req, Known, act, async ({ known }, em) =>
    forgetMapping(em, await visibleImport(em, req, id), known),
  );
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  res.saved(
    MAPPING,
    {},
    { at: `${at}?correspondance=oui`, notice: "La correspondance est supprimée. Les choix ci-dessous restent." },
  );
};

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
  const form = await submit(req, Choice, act, async (sent, em) => {
    const one = await visibleImport(em, req, id);
    refuseOnceStarted(one);
    const profile = profileAt(req, one.kind);
    await profile.admit?.(em, one.scopeId ?? null);
    const { mayAddColumns } = await placeAt(em, req, profile, one.scopeId ?? null);
    const bare = await openAt(em, req, one, NOTHING_MAPPED);
    const mapping = mappingOf(one, sent, mayAddColumns ? bare : { ...bare, fresh: undefined });
    const options = {
      ...one.options,
      mode: sent.mode,
      empty: sent.empty,
      threshold: sent.threshold,
      missing: missingOf(bare, sent.missing),
    };
    const open = await openAt(em, req, one, mapping);
    refuseMapping({ mapping, options }, open.targets);
    refuseTwoSigns(one, mapping, open.targets);
    await chooseMapping(em, one, { mapping, options, now: req.now });
  });
  if (form.errors) return showMapping(req, res as never, await read(req, (em) => visibleImport(em, req, id)), form);
  await checkImport(engineAt(req), { tenantId: req.user!.tenantId, id });
  res.saved(MAPPING, {}, { at, notice: "Le fichier est vérifié. Rien n’est encore écrit." });
};

const Start = z.object({
  errors: z.enum(["valid", "none"]).describe("Lignes en erreur"),
  mails: z.enum(["oui"]).optional().describe("Courriel à la fin"),
});

/** Runs it: at once for a short file, else by a job whose page may be left [IMP-32, IMP-33]. */
export const start: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { id } = given.params;
  const { tenantId } = req.user!;
  const at = addressOf({ id });
  // Before its form is read: what does not exist for this person has nothing to refuse.
  const { survey, state } = await read(req, (em) => visibleImport(em, req, id));
  const { lines } = survey;
  if (state === "checked" && (await refreshCheck(engineAt(req), { tenantId, id }).catch(saidByForm))) {
    return void res.saved(
      VIEW,
      {},
      { at, notice: "Rien n’est encore importé\u00a0: relisez ce qui diffère, puis relancez." },
    );
  }
  const act = { code: "import.started", label: "Import lancé", subject: () => aboutImport({ id }), at };
  const form = await submit(req, Start, act, async ({ errors, mails }, em) => {
    const one = await visibleImport(em, req, id);
    one.options = { ...one.options, errors, mails: mails === "oui" };
    await profileAt(req, one.kind).admit?.(em, one.scopeId ?? null);
    await startImport(em, one, { now: req.now });
  });
  if (form.errors) return showState(req, res as never, await read(req, (em) => visibleImport(em, req, id)), {}, form);
  if (lines <= INLINE_LINES) await runImport(engineAt(req), { tenantId, id });
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

/** What cannot be checked again cannot be started either: its form says why. */
const saidByForm = (error: unknown): boolean => {
  if (error instanceof RuleBroken) return false;
  throw error;
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
    async (_values, em) => cancelImport(em, await visibleImport(em, req, id), { now: req.now }),
  );
  res.saved(VIEW, {}, { at, notice: "L’import s’arrête." });
};

/** All that was written, line by line [IMP-34]. */
export const written: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const one = await read(req, (em) => visibleImport(em, req, given.params.id));
  asDownload(res as never, "lignes-importees.csv").type("text/csv");
  await pour(writtenFile(req.db, profileAt(req, one.kind), one), res as never);
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
