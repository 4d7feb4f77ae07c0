import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";
import { STATES, VISIBILITIES } from "./campaign.ts";

const by = z.uuid();
const state = z.enum(STATES.map(({ code }) => code));
const grant = z.strictObject({ grant: z.uuid(), by });

export const events = {
  "campaign.created": { label: "campagne créée", payload: z.strictObject({ by }) },
  "campaign.edited": { label: "campagne modifiée", payload: z.strictObject({ by }) },
  "campaign.visibility_changed": {
    label: "visibilité de la campagne changée",
    payload: z.strictObject({ visibility: z.enum(VISIBILITIES.map(({ value }) => value)), by }),
  },
  "campaign.transferred": { label: "campagne transmise", payload: z.strictObject({ to: z.uuid(), by }) },
  "campaign.archived": { label: "campagne archivée", payload: z.strictObject({ from: state, by }) },
  "campaign.restored": { label: "campagne restaurée", payload: z.strictObject({ to: state, by }) },
  "campaign.grant_given": { label: "habilitation donnée", payload: grant },
  "campaign.grant_changed": { label: "habilitation changée", payload: grant },
  "campaign.grant_withdrawn": { label: "habilitation retirée", payload: grant },
} satisfies EventCatalogue;
