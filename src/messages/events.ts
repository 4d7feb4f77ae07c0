import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

const by = z.uuid();
const SENT = "Un message remis en file part aussitôt\u00a0: l’annuler ne le reprendrait pas.";

/** What people do to messages; an address is not kept here, only that it was corrected. */
export const events = {
  "message.resent": {
    label: "message renvoyé",
    payload: z.strictObject({ by, copy: z.uuid().nullable() }),
    beyond: SENT,
  },
  "messages.resent": {
    label: "messages renvoyés",
    payload: z.strictObject({ by, count: z.int() }),
    beyond: "Des messages remis en file partent aussitôt\u00a0: l’annuler ne les reprendrait pas.",
  },
  "message.dropped": {
    label: "message abandonné",
    payload: z.strictObject({ by }),
    beyond: "Un message abandonné se reprend depuis sa page, par «\u00a0Renvoyer\u00a0».",
  },
  "message.readdressed": { label: "adresse d’un message corrigée", payload: z.strictObject({ by }), beyond: SENT },
  "messages.corrected": {
    label: "message rectificatif",
    payload: z.strictObject({ by, act: z.uuid(), recipients: z.int() }),
    beyond: "Un message parti ne se reprend pas\u00a0: un autre rectificatif peut le corriger.",
  },
  "messages.failed": {
    label: "messages en échec",
    payload: z.strictObject({ count: z.int() }),
    beyond: "Un message en échec se reprend depuis sa page, par «\u00a0Renvoyer\u00a0».",
  },
  "mail.released": {
    label: "envois repris après une restauration",
    payload: z.strictObject({ by }),
    beyond: "Les messages libérés sont partis\u00a0: les retenir de nouveau ne les reprendrait pas.",
  },
  "mail.waiting_dropped": {
    label: "messages en attente abandonnés après une restauration",
    payload: z.strictObject({ by, count: z.int() }),
    beyond: "Chaque message abandonné se reprend depuis sa page, par «\u00a0Renvoyer\u00a0».",
  },
  "mail.tested": {
    label: "message d’essai",
    payload: z.strictObject({ by, result: z.enum(["sent", "permanent", "temporary", "unreachable"]) }),
    beyond: "Un message d’essai parti ne se reprend pas.",
  },
} satisfies EventCatalogue;
