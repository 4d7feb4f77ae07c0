import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { explain, mayRoute } from "../../accounts/index.ts";
import { Forbidden, NotFound } from "../../platform/errors.ts";
import type { Registry } from "../../platform/registry.ts";
import type { Services } from "../../platform/services.ts";
import type { ImportAbout, ImportProfile, Mapping } from "../../platform/sheets/profile.ts";
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
  now: req.now,
});

/** What its lines become, as it is mapped now. */
export const openAt = (em: EntityManager, req: Request, one: Import, mapping: Mapping = one.mapping) =>
  profileAt(req, one.kind).open(em, aboutOf(req, one), mapping);

export const engineAt = (req: Request) => engineOf(req.app.locals.services as Services);

export const addressOf = ({ id }: { id: string }) => `/imports/${id}`;
export const aboutImport = ({ id }: { id: string }) => ({ type: "import", id });
