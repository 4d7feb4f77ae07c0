import { Readable } from "node:stream";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { noteExport, TOKENS } from "../../accounts/index.ts";
import { Forbidden, NotFound } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { queryOf } from "../../platform/http/addresses.ts";
import { asDownload, givenAgain, pour } from "../../platform/http/download.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { sendChart } from "../../platform/http/send-chart.ts";
import type { Registry } from "../../platform/registry.ts";
import type { Services } from "../../platform/services.ts";
import { type ExportAsked, type ExportPlan, type ExportProfile, fileNameAfter } from "../../platform/sheets/export.ts";
import { Missing } from "../../platform/storage/store.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutExport, askExport, cancelExport, Export, MOST_AT_ONCE } from "../export.ts";
import { engineOf, linesOf, planOf } from "../prepare.ts";

const NEW = { page: "exports/new" };
const SHOW = { page: "exports/show", part: "exports/_progress" };
const INDEX = { page: "exports/index" };
const HOME = { label: "Accueil", href: "/" };
const MINE = { label: "Mes exports", href: "/exports" };
const LONGEST_QUERY = 8_000;

const addressOf = ({ id }: { id: string }) => `/exports/${id}`;
const profilesOf = (req: Request) => (req.app.locals.registry as Registry).exports;

/** In place of the id of an object: rows of the organisation itself. */
const EVERYTHING = "tout";

interface Params {
  kind: string;
  objet: string;
}

function profileAt(req: Request, kind: string): ExportProfile {
  const profile = profilesOf(req).get(kind);
  if (!profile) throw new NotFound();
  return profile;
}

const askedOf = (req: Request, { objet }: Params, { liste, colonnes }: z.output<typeof AskedForm>): ExportAsked => ({
  user: req.user!,
  scopeId: objet === EVERYTHING ? null : objet,
  query: queryOf(liste),
  isWhole: colonnes === "toutes",
  zone: req.user!.tenant.zone,
  now: req.now,
});

const AskedForm = z.object({
  liste: z.string().max(LONGEST_QUERY).default("").describe("Liste"),
  colonnes: z.enum(["ecran", "toutes"]).default("ecran").describe("Colonnes"),
  format: z.enum(["csv", "png"]).default("csv").describe("Format"),
});

export const new_: RequestHandler<{ kind: string; objet: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const asked = query(req, AskedForm);
  await showNew(req, res as never, given.params, asked, { values: asked });
};

async function showNew(
  req: Request,
  res: Response,
  params: Params,
  asked: z.output<typeof AskedForm>,
  form: { values: object },
): Promise<void> {
  const profile = profileAt(req, params.kind);
  const screen = await read(req, (em) => profile.open(em, { ...askedOf(req, params, asked), isWhole: false }));
  res.show(NEW, {
    title: profile.title,
    crumbs: [HOME, { label: screen.place.label, href: screen.place.path }, { label: profile.title }],
    at: `/exports/${profile.kind}/${params.objet}/nouveau`,
    asked,
    count: screen.count,
    noun: profile.noun,
    said: screen.said,
    screenHeads: screen.heads,
    wholeHeads: screen.wholeHeads,
    isOneChoice: screen.heads.join() === screen.wholeHeads.join(),
    isReadBack: (req.app.locals.registry as Registry).imports.has(profile.kind),
    isAtOnce: screen.count <= MOST_AT_ONCE,
    hasPicture: profile.picture !== undefined,
    back: screen.place.path,
    form,
  });
}

/** What besides the filters says what the file holds (EXP-2). */
const lookOf = ({ sorted = "" }: ExportPlan, { isWhole }: ExportAsked) => [
  sorted,
  isWhole ? "toutes les colonnes" : "",
];

const fileNameOf = (plan: ExportPlan, req: Request, asked: ExportAsked) => {
  const day = new Intl.DateTimeFormat("en-CA", { timeZone: req.user!.tenant.zone }).format(req.now);
  return [plan.name, fileNameAfter(...lookOf(plan, asked)), day].filter(Boolean).join("-");
};

/** Told in history, in the security log, and among the readings of personal data when it holds people (EXP-12). */
async function tell(em: EntityManager, req: Request, profile: ExportProfile, asked: ExportAsked, plan: ExportPlan) {
  const { id: by, tenantId } = req.user!;
  const { count: rows, said: filters, sorted: sort = "", heads: columns } = plan;
  const { kind, title } = profile;
  record(em, "rows.exported", profile.about(asked.scopeId, tenantId), { kind, rows, filters, sort, columns, by });
  const told = { what: kind, rows, filters, sort, columns: columns.join(", ") };
  await noteExport(em, req, { ...told, people: plan.holdsPeople ? title : null });
}

interface Asked {
  plan: ExportPlan;
  /** Null when the file is given at once. */
  one: Export | null;
}

/** Gives the file at once up to 5 000 rows, else has it prepared (EXP-10). */
export const create: RequestHandler<{ kind: string; objet: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { params } = given;
  const profile = profileAt(req, params.kind);
  const { tenantId, id } = req.user!;
  const act = {
    code: "rows.exported",
    label: (values: z.output<typeof AskedForm>, { plan }: Asked) =>
      labelOf(profile, plan, askedOf(req, params, values)),
    subject: (values: z.output<typeof AskedForm>) => profile.about(askedOf(req, params, values).scopeId, tenantId),
    at: (_values: object, { one }: Asked) => (one ? addressOf(one) : MINE.href),
  };
  const form = await submit(req, AskedForm, act, async (values, em): Promise<Asked> => {
    const asked = askedOf(req, params, values);
    const plan = await planOf(profilesOf(req), em, profile.kind, asked);
    await tell(em, req, profile, asked, plan);
    if (plan.count <= MOST_AT_ONCE) return { plan, one: null };
    const { query: list, scopeId, isWhole } = asked;
    const { said, count: total } = plan;
    const wanted = {
      kind: profile.kind,
      scopeId,
      query: list,
      isWhole,
      fileName: `${fileNameOf(plan, req, asked)}.csv`,
      said,
      total,
    };
    return { plan, one: await askExport(em, wanted, { tenantId, by: { id }, now: req.now }) };
  }).catch(givenAgain(MINE.href));
  if (form.errors) return showNew(req, res as never, params, form.values as never, form);
  if (form.result?.one) return void res.redirect(303, addressOf(form.result.one));
  const values = AskedForm.parse(req.body);
  const asked = askedOf(req, params, values);
  const { name, text, chart } = await read(req, async (em) => {
    const plan = await planOf(profilesOf(req), em, profile.kind, asked);
    const drawn = values.format === "png" && (await profile.picture?.(em, asked));
    return {
      name: fileNameOf(plan, req, asked),
      text: drawn ? [] : await Array.fromAsync(linesOf(plan)),
      chart: drawn || null,
    };
  });
  if (chart) return sendChart(res.status(200) as never, chart, { name, colours: TOKENS.light });
  asDownload(res.status(200) as never, `${name}.csv`);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  await pour(Readable.from(text), res as never);
};

const LONGEST_LABEL = 480;
function labelOf({ title, noun }: ExportProfile, plan: ExportPlan, asked: ExportAsked): string {
  const said = [plan.said, ...lookOf(plan, asked)].filter(Boolean).join(" ; ");
  return `${title} (${fr.count(plan.count, ...noun)}${said ? `\u00a0: ${said}` : ""})`.slice(0, LONGEST_LABEL);
}

/** One of theirs, to nobody else (EXP-11). Throws NotFound. */
async function ownExport(em: EntityManager, req: Request, id: string): Promise<Export> {
  const one = await em.findOne(Export, { id, authorId: req.user!.id });
  if (!one) throw new NotFound("Cet export n’existe pas, ou n’est plus gardé. Demandez-le de nouveau depuis sa liste.");
  return one;
}

/** The rights they have now on what the file holds (EXP-13). Throws NotFound, Forbidden. */
async function stillOpen(em: EntityManager, req: Request, one: Export): Promise<ExportPlan> {
  const { scopeId = null, query: list, isWhole } = one;
  const { zone } = req.user!.tenant;
  const asked = { user: req.user!, scopeId, query: list, isWhole, zone, now: req.now };
  return planOf(profilesOf(req), em, one.kind, asked);
}

export const index: RequestHandler = async (req, res) => {
  const kept = await read(req, (em) =>
    em.find(Export, { authorId: req.user!.id, expiresAt: { $gt: req.now } }, { orderBy: { createdAt: "desc" } }),
  );
  res.show(INDEX, {
    title: "Mes exports",
    crumbs: [HOME, { label: "Mes exports" }],
    exports: kept.map((one) => shownOf(one, req)),
  });
};

function shownOf(one: Export, req: Request) {
  const { zone } = req.user!.tenant;
  return {
    at: addressOf(one),
    fileName: one.fileName,
    said: one.said,
    state: one.state,
    total: one.total,
    done: one.done,
    failure: one.failure ?? null,
    isReady: one.isReady(req.now),
    isUnderWay: one.state === "running",
    isCancelling: one.state === "running" && one.cancelAskedAt != null,
    size: one.size ?? null,
    sha256: one.sha256 ?? null,
    asked: fr.dateTime(one.createdAt, zone),
    expires: fr.dateTime(one.expiresAt, zone),
    isExpired: one.expiresAt <= req.now,
  };
}

export const show: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { one, place } = await read(req, async (em) => {
    const found = await ownExport(em, req, given.params.id);
    const plan = await stillOpen(em, req, found).catch((error: unknown) => {
      if (error instanceof Forbidden || error instanceof NotFound) return null;
      throw error;
    });
    return { one: found, place: plan?.place ?? null };
  });
  res.show(SHOW, {
    title: "Export en CSV",
    crumbs: [HOME, ...(place ? [{ label: place.label, href: place.path }] : []), MINE, { label: one.fileName }],
    one: shownOf(one, req),
    isClosed: place === null,
    back: place?.path ?? MINE.href,
  });
};

export const cancel: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const at = addressOf(given.params);
  const act = { code: "export.cancelled", label: "Arrêt d’un export", subject: () => aboutExport(given.params), at };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    cancelExport(await ownExport(em, req, given.params.id), { now: req.now });
  });
  if (form.errors) return show(given, res, () => {});
  res.saved(SHOW, {}, { at, notice: "L’export s’arrête." });
};

/** Away before its day is over: a copy of the organisation's rows is best not left. */
export const destroy: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const { store } = engineOf(req.app.locals.services as Services).files;
  const act = {
    code: "export.removed",
    label: "Suppression d’un export préparé",
    subject: () => aboutExport(given.params),
    at: MINE.href,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const one = await ownExport(em, req, given.params.id);
    em.remove(one);
    return one.blob;
  });
  if (form.errors) return show(given, res, () => {});
  if (form.result) await store.remove(form.result);
  res.saved(INDEX, {}, { at: MINE.href, notice: "L’export est supprimé." });
};

export const download: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const one = await read(req, async (em) => {
    const found = await ownExport(em, req, given.params.id);
    await stillOpen(em, req, found);
    return found;
  });
  const gone = "Ce fichier n’est plus gardé\u00a0: demandez l’export de nouveau depuis sa liste.";
  if (!one.isReady(req.now)) throw new NotFound(gone);
  const bytes = await req.files.store.open(one.blob!).catch((error: unknown) => {
    throw error instanceof Missing ? new NotFound(gone) : error;
  });
  asDownload(res.status(200) as never, one.fileName);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  res.setHeader("Content-Length", String(one.size));
  await pour(bytes, res as never);
};
