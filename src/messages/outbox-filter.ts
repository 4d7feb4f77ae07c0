import { z } from "zod";
import { MAIL_STATES } from "../platform/mail/outbox.ts";
import type { MessageFilter } from "./queries.ts";

/** What the address of the outbox says: read here for the page and for an export of it. */

const day = (label: string) =>
  z.iso.date("Indiquez une date qui existe, par exemple 2026-03-12.").optional().describe(label);

export const OutboxAddress = z.object({
  genre: z.string().max(60).optional(),
  etat: z.enum(MAIL_STATES).optional(),
  personne: z.uuid().optional(),
  du: day("Du"),
  au: day("Au"),
  avant: z.uuid().optional(),
  apres: z.uuid().optional(),
});

export const messagesAsked = (
  { genre: kind, etat: state, personne: personId, du: from, au: to }: z.output<typeof OutboxAddress>,
  zone: string,
): MessageFilter => ({ kind, state, personId, from, to, zone });
