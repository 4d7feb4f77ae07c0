import type { SignedIn } from "../accounts/index.ts";
import { NotFound } from "../platform/errors.ts";
import type { Module } from "../platform/module.ts";
import { ICONS, TONES } from "../workflow/index.ts";
import { Campaign, CampaignSchema, STATES, VISIBILITIES } from "./campaign.ts";
import { events } from "./events.ts";
import { CampaignGrantSchema, LETTERS } from "./grant.ts";
import { OperationType, OperationTypeSchema } from "./operation-type.ts";
import { campaignFor } from "./policy.ts";
import { campaignUndo, grantUndo, typeUndo } from "./undo.ts";
import { routes } from "./web/routes.ts";

const CATALOGUE = "catalogue.edit";

/** Mass operations: campaigns, and who may do what on each. */
export const campaigns: Module = {
  name: "campaigns",
  entities: [CampaignSchema, CampaignGrantSchema, OperationTypeSchema] as unknown as NonNullable<Module["entities"]>,
  tracked: [
    {
      table: "campaign",
      subject: "campaign",
      title: "r.name",
      undo: campaignUndo,
      columns: {
        name: { label: "Nom" },
        description: { label: "Description" },
        starts_on: { label: "Premier jour", format: "date" },
        ends_on: { label: "Dernier jour", format: "date" },
        owner_id: { label: "Propriétaire", format: "user" },
        visibility: {
          label: "Visibilité",
          values: Object.fromEntries(VISIBILITIES.map(({ value, label }) => [value, label])),
        },
        state: { label: "État", values: Object.fromEntries(STATES.map(({ code, label }) => [code, label])) },
        state_before: { label: "État avant l’archivage", format: "hidden" },
        zone: { label: "Fuseau horaire" },
        holiday_zone: { label: "Jours fériés" },
        closed_days: { label: "Jours fermés", format: "list" },
        default_hour: { label: "Heure par défaut" },
        closed_at: { label: "Clôture", format: "dateTime" },
      },
    },
    {
      table: "campaign_grant",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title:
        "(select c.name from campaign c where c.tenant_id = r.tenant_id and c.id = r.campaign_id) || ', habilitation'",
      undo: grantUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        user_id: { label: "Personne", format: "user" },
        group_id: { label: "Groupe", format: "hidden" },
        letters: {
          label: "Habilitations",
          format: "list",
          values: Object.fromEntries(LETTERS.map(({ value, label }) => [value, label])),
        },
      },
    },
    {
      table: "operation_type",
      subject: "operation_type",
      title: "r.name",
      undo: typeUndo,
      columns: {
        name: { label: "Nom" },
        description: { label: "Description" },
        icon: { label: "Icône", values: ICONS },
        tone: { label: "Couleur", values: TONES },
        duration_minutes: { label: "Durée standard, en minutes" },
        // What changed in them is said by the act; as a whole they are pages long.
        fields: { label: "Champs", format: "hidden" },
        workflow: { label: "Flux", format: "hidden" },
        retired_at: { label: "Retiré le", format: "dateTime" },
      },
    },
  ],
  routes,
  events,
  menu: [
    {
      section: "Piloter",
      label: "Campagnes",
      href: "/campagnes",
      icon: "briefcase",
      right: "campaigns.see",
      order: 10,
    },
    {
      section: "Administrer",
      label: "Types d’opérations",
      href: "/admin/types-operations",
      icon: "wrench",
      right: CATALOGUE,
      order: 30,
    },
  ],
  subjects: {
    operation_type: {
      noun: "type d’opération",
      icon: "wrench",
      right: CATALOGUE,
      url: (id) => `/admin/types-operations/${id}`,
      label: async (em, id) => (await em.findOne(OperationType, { id }))?.name ?? null,
    },

    campaign: {
      noun: "campagne",
      icon: "briefcase",
      right: "campaigns.undo",
      url: (id) => `/campagnes/${id}`,
      label: async (em, id) => (await em.findOne(Campaign, { id }))?.name ?? null,
      async isOpenTo(em, reader, id) {
        const standing = await campaignFor(em, reader as SignedIn, id).catch((error: unknown) => {
          if (error instanceof NotFound) return null;
          throw error;
        });
        return standing?.may("campaigns.undo") ?? false;
      },
    },
  },
};
