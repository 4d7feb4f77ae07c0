import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { chooseMapping, forgetMapping, proposeMapping, readThrough } from "../analysis.ts";
import { sourceOfImport } from "../file-purpose.ts";
import type { Import } from "../import.ts";
import { refuseMapping } from "../prepared.ts";
import { cancelImport, checkImport, INLINE_LINES, refreshCheck, runImport, startImport } from "../run.ts";
import { MAPPING, showMapping } from "./mapping.ts";
import { Choice, mappingOf, missingOf, refuseTwoSigns } from "./mapping-form.ts";
import { NOTHING_MAPPED, Reading, shapeSaid } from "./preview.ts";
import { aboutImport, addressOf, engineAt, openAt, placeAt, profileAt, visibleImport } from "./shown.ts";
import { Filter, showState, VIEW } from "./state.ts";

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
    refuseMapping({ mapping, options }, open);
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
  const one = await read(req, (em) => visibleImport(em, req, id));
  res.saved(VIEW, {}, { at, notice: STARTED[one.isOver() ? "over" : one.state === "waiting" ? "waiting" : "running"] });
};

const STARTED = {
  over: "L’import est passé. Son résultat est ci-dessous.",
  waiting: "L’import attend la fin d’un autre au même endroit. Vous pouvez quitter cette page.",
  running: "L’import a commencé. Vous pouvez quitter cette page.",
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
