import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { explain, mayRoute } from "../../accounts/index.ts";
import { Forbidden, NotFound } from "../../platform/errors.ts";
import type { Registry } from "../../platform/registry.ts";
import type { Services } from "../../platform/services.ts";
import { DELIMITERS, isDelimiter } from "../../platform/sheets/delimiter.ts";
import { ENCODINGS } from "../../platform/sheets/encoding.ts";
import type { ImportAbout, ImportCourse, ImportProfile, Mapping } from "../../platform/sheets/profile.ts";
import type { TableShape } from "../../platform/sheets/table.ts";
import { engineOf } from "../engine.ts";
import { Import } from "../import.ts";

export const HOME = { label: "Accueil", href: "/" };

const GONE = "Cet import n’existe pas, ou plus. Revenez à la page d’où vous veniez.";

/** What this address imports. Throws NotFound for a word no module declares, Forbidden for who may not. */
export function profileAt(req: Request, kind: string): ImportProfile {
  const profile = (req.app.locals.registry as Registry).imports.get(kind);
  if (!profile) throw new NotFound();
  const { roles } = req.user!;
  if (!mayRoute(roles, profile.right)) throw new Forbidden(explain(roles, profile.right));
  return profile;
}

/** Where the rows would go. Throws NotFound when this person knows no such place. */
export async function placeAt(em: EntityManager, req: Request, profile: ImportProfile, scopeId: string | null) {
  const place = await profile.place(em, req.user!, scopeId);
  if (!place) throw new NotFound();
  return place;
}

/** What an import there is a step of, for who leads it; null when it stands alone [CAM-12]. */
export const courseAt = async (
  em: EntityManager,
  req: Request,
  { kind, scopeId }: { kind: string; scopeId?: string | null },
  at: { hasFile: boolean },
): Promise<ImportCourse | null> => (await profileAt(req, kind).course?.(em, req.user!, scopeId ?? null, at)) ?? null;

/** An import its reader may open: their own, or any for who governs where its rows go [IMP-3]. */
export async function visibleImport(em: EntityManager, req: Request, id: string): Promise<Import> {
  const one = await em.findOne(Import, { id });
  if (!one) throw new NotFound(GONE);
  const { governs } = await placeAt(em, req, profileAt(req, one.kind), one.scopeId ?? null);
  if (one.authorId !== req.user!.id && !governs) throw new NotFound(GONE);
  return one;
}

export const aboutOf = (req: Request, one: Import): ImportAbout => ({
  tenantId: one.tenantId,
  scopeId: one.scopeId ?? null,
  author: { id: one.authorId },
  importId: one.id,
  notices: one.notices,
  now: req.now,
});

/** What its lines become, as it is mapped now. */
export const openAt = (em: EntityManager, req: Request, one: Import, mapping: Mapping = one.mapping) =>
  profileAt(req, one.kind).open(em, aboutOf(req, one), mapping);

export const engineAt = (req: Request) => engineOf(req.app.locals.services as Services);

export const addressOf = ({ id }: { id: string }) => `/imports/${id}`;
export const aboutImport = ({ id }: { id: string }) => ({ type: "import", id });

/** "UTF-8, séparateur « point-virgule »". */
export const readingWords = (shape: TableShape): string =>
  shape.kind === "text"
    ? `${ENCODINGS[shape.encoding]}, séparateur «\u00a0${isDelimiter(shape.delimiter) ? DELIMITERS[shape.delimiter] : shape.delimiter}\u00a0»`
    : `feuille «\u00a0${shape.sheet}\u00a0»`;

/** In place of a name that is kept no more. */
const FORGOTTEN = "Fichier effacé";

export const crumbsOf = (place: { label: string; path: string }, one: Import) => [
  HOME,
  { label: place.label, href: place.path },
  { label: one.isForgotten() ? FORGOTTEN : one.fileName },
];

/** What its pages say of an import, whatever its state. */
export const factsOf = (one: Import) => ({
  id: one.id,
  version: one.version,
  state: one.state,
  fileName: one.isForgotten() ? FORGOTTEN : one.fileName,
  isForgotten: one.isForgotten(),
  sha256: one.sha256.toString("hex"),
  lines: one.survey.lines,
  blank: one.survey.blank,
  samples: one.survey.samples ?? 0,
  hidden: one.survey.hidden,
  columns: one.survey.columns.length,
  reading: readingWords(one.shape),
  done: one.done,
  failure: one.failure ?? null,
  actId: one.actId ?? null,
  options: one.options,
  earlier: one.state === "checked" ? (one.earlier ?? null) : null,
  isUnderWay: one.isUnderWay(),
  isOver: one.isOver(),
  isCancelling: one.cancelAskedAt != null && one.isUnderWay(),
});
