import type { Request } from "express";
import { z } from "zod";
import { CHANNELS } from "../../platform/db/changeset.ts";
import { query } from "../../platform/http/forms.ts";
import type { ActFilter } from "../queries.ts";

const Query = z.object({
  personne: z.uuid().optional(),
  objet: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .optional(),
  voie: z.enum(CHANNELS).optional(),
  du: z.iso.date().optional().describe("Du"),
  au: z.iso.date().optional().describe("Au"),
  texte: z.string().trim().max(200).optional().describe("Texte"),
  demande: z.string().trim().max(60).optional().describe("Référence"),
  avant: z.uuid().optional(),
  apres: z.uuid().optional(),
});

export interface ReadFilter {
  filter: ActFilter;
  /** For the controls: what was understood, as typed. */
  values: Record<string, string>;
  page: { before?: string | undefined; after?: string | undefined };
  /** The address of this list with other paging, filters kept. */
  at(path: string, paging?: Record<string, string>): string;
  isNarrowed: boolean;
}

/** The filter of an address, in the zone of the reader's organisation. */
export function readFilter(req: Request): ReadFilter {
  const asked = query(req, Query);
  const { avant, apres, ...narrowing } = asked;
  const values = Object.fromEntries(
    Object.entries(narrowing).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    filter: {
      actorId: asked.personne,
      subjectType: asked.objet,
      channel: asked.voie,
      from: asked.du,
      to: asked.au,
      text: asked.texte || undefined,
      requestId: asked.demande || undefined,
      zone: req.user!.tenant.zone,
    },
    values,
    page: { before: avant, after: apres },
    at(path, paging = {}) {
      const search = new URLSearchParams({ ...values, ...paging }).toString();
      return search ? `${path}?${search}` : path;
    },
    isNarrowed: Object.values(values).some((value) => value !== ""),
  };
}
