import type { SignedIn } from "../accounts/index.ts";
import { NotFound } from "../platform/errors.ts";
import type { Module } from "../platform/module.ts";
import { Campaign, CampaignSchema, STATES, VISIBILITIES } from "./campaign.ts";
import { events } from "./events.ts";
import { CampaignGrantSchema, LETTERS } from "./grant.ts";
import { campaignFor } from "./policy.ts";
import { campaignUndo, grantUndo } from "./undo.ts";
import { routes } from "./web/routes.ts";

/** Mass operations: campaigns, and who may do what on each. */
export const campaigns: Module = {
  name: "campaigns",
  entities: [CampaignSchema, CampaignGrantSchema] as unknown as NonNullable<Module["entities"]>,
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
  ],
  subjects: {
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
