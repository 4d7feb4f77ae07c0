import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { Forbidden, NotFound } from "../../platform/errors.ts";
import { query, read } from "../../platform/http/forms.ts";
import { type ImportLine, listImports } from "../queries/followed.ts";
import { addressOf, HOME, placeAt, profileAt } from "./shown.ts";

const LIST = { page: "imports/index", part: "imports/_list" };
const SHOWN = 50;

const Asked = z.object({
  de: z.string().max(40).optional().describe("Genre"),
  objet: z.uuid().optional().describe("Objet"),
});

/** One's own imports; those of one place, everybody's for who governs it: where a page one left is found again [IMP-33]. */
export const index: RequestHandler = async (req, res) => {
  const { de, objet } = query(req, Asked);
  const { id, tenant } = req.user!;
  const { place, lines, governs } = await read(req, async (em) => {
    const place = de === undefined ? null : await placeAt(em, req, profileAt(req, de), objet ?? null);
    const governs = place?.governs ?? false;
    const lines = await listImports(em, {
      authorId: governs ? null : id,
      place: de === undefined ? null : { kind: de, scopeId: objet ?? null },
      size: SHOWN,
    });
    return { place, governs, lines: await withPlaces(em, req, lines) };
  });
  const isFollowed = lines.some(({ state }) => state === "running" || state === "waiting");
  const said = new URLSearchParams({
    ...(de !== undefined && { de }),
    ...(objet !== undefined && { objet }),
  }).toString();
  res.show(LIST, {
    title: place ? `Imports\u00a0: ${place.label}` : "Mes imports",
    crumbs: [
      HOME,
      ...(place ? [{ label: place.label, href: place.path }] : []),
      { label: place ? "Imports" : "Mes imports" },
    ],
    at: said === "" ? "/imports" : `/imports?${said}`,
    place,
    governs,
    most: SHOWN,
    lines,
    isFollowed,
    newAt: de === undefined ? null : `/imports/${de}/nouveau${objet ? `?objet=${objet}` : ""}`,
    zone: tenant.zone,
  });
};

/** With where their rows went, for who still sees that place: the others are told without a way there. */
async function withPlaces(em: EntityManager, req: Request, lines: readonly ImportLine[]) {
  const known = new Map<string, { label: string } | null>();
  const placeOf = async ({ kind, scopeId }: ImportLine) => {
    const key = `${kind} ${scopeId}`;
    if (!known.has(key)) known.set(key, await seenPlace(em, req, kind, scopeId));
    return known.get(key) ?? null;
  };
  const shown = [];
  for (const line of lines) {
    const place = await placeOf(line);
    shown.push({ ...line, place: place?.label ?? null, at: line.at, href: place && addressOf(line) });
  }
  return shown;
}

async function seenPlace(em: EntityManager, req: Request, kind: string, scopeId: string | null) {
  try {
    return await placeAt(em, req, profileAt(req, kind), scopeId);
  } catch (error) {
    if (error instanceof NotFound || error instanceof Forbidden) return null;
    throw error;
  }
}
