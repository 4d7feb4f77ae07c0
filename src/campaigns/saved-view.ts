import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../accounts/index.ts";
import { bare } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import type { Kept } from "./operation-filter.ts";
import { listViews } from "./queries/saved-views.ts";

const schema = defineEntity({
  name: "SavedView",
  tableName: "saved_view",
  ...tenantTable,
  indexes: [
    {
      name: "saved_view_name_free",
      expression:
        'create unique index "saved_view_name_free" on "saved_view" ("tenant_id", "campaign_id", "owner_id", folded(name))',
    },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    owner: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "owner_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    name: p.text(),
    /** Filters, columns, sort and grouping, as the address of the list carries them. */
    address: p.json<Kept>().columnType("jsonb"),
    isShared: p.boolean().default(false),
    ...createdAt(),
    ...versioned(),
  },
});

/** A list of operations somebody keeps under a name, for themself or for whoever reads the campaign (OPS-8). */
export class SavedView extends schema.class {}
schema.setClass(SavedView);
export const SavedViewSchema = schema;

/** The view one person's list of a campaign opens on; written by setDefaultView, gone with the view. */
export const DefaultViewSchema = defineEntity({
  name: "DefaultView",
  tableName: "default_view",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "campaignId", "userId"] }],
  indexes: [{ properties: ["tenantId", "view"] }],
  properties: {
    ...tenantKey(),
    campaignId: p.uuid(),
    userId: p.uuid(),
    view: () =>
      p
        .manyToOne(SavedView)
        .joinColumns("tenant_id", "view_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("cascade")
        .updateRule("no action"),
  },
});

const LONGEST_NAME = 60;
export const MOST_VIEWS = 30;

/** Views every campaign has: what is to be planned again, what is late (OPS-8). */
export const BUILT_IN: { name: string; address: Kept }[] = [
  { name: "À replanifier", address: { categorie: ["deferred"] } },
  { name: "En retard", address: { quand: ["en-retard"] } },
];

interface Wish {
  name: string;
  isShared: boolean;
}

interface Said {
  by: By;
  /** May share a view with the campaign, and settle what others have shared. */
  isManager: boolean;
}

/**
 * Keeps what the list shows under a name. Private ones are each reader's own, in an archived campaign too; sharing is for
 * who runs its operations. Refused under a name they use already. The caller flushes.
 */
export async function saveView(
  em: EntityManager,
  campaign: Campaign,
  { address, ...wish }: Wish & { address: Kept },
  { by, isManager }: Said,
): Promise<SavedView> {
  const views = await listViews(em, campaign.id, by.id);
  if (views.filter(({ ownerId }) => ownerId === by.id).length >= MOST_VIEWS) {
    throw new RuleBroken(`Vous gardez déjà ${MOST_VIEWS} vues ici\u00a0: supprimez-en une d’abord.`, "name");
  }
  const { tenantId } = campaign;
  const view = em.create(SavedView, {
    tenantId,
    id: randomUUIDv7(),
    campaign,
    owner: em.getReference(User, [tenantId, by.id] as never),
    address,
    name: "",
  });
  wishView(campaign, view, wish, views, { by, isManager });
  em.persist(view);
  record(em, "campaign.view_saved", aboutCampaign(campaign), { view: view.id, by: by.id });
  return view;
}

/** Another name, or shared with the campaign or no more. Refused to who neither owns it nor manages. The caller flushes. */
export async function editView(
  em: EntityManager,
  campaign: Campaign,
  view: SavedView,
  wish: Wish,
  said: Said,
): Promise<void> {
  wishView(campaign, view, wish, await listViews(em, campaign.id, view.owner.id), said);
  record(em, "campaign.view_saved", aboutCampaign(campaign), { view: view.id, by: said.by.id });
}

function wishView(
  campaign: Campaign,
  view: SavedView,
  { name, isShared }: Wish,
  others: { id: string; name: string; ownerId: string }[],
  { by, isManager }: Said,
): void {
  refuseOthers(view, { by, isManager });
  if (isShared || view.isShared) refuseArchived(campaign);
  if (isShared && !isManager) {
    throw new RuleBroken("Partager une vue revient à qui mène les opérations de la campagne.", "isShared");
  }
  const tidy = name.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidy.length < 2 || tidy.length > LONGEST_NAME) {
    throw new RuleBroken(`Écrivez un nom de 2 à ${LONGEST_NAME} caractères.`, "name");
  }
  const isTaken = (one: string) => bare(one) === bare(tidy);
  const twin = others.find((one) => one.id !== view.id && one.ownerId === view.owner.id && isTaken(one.name));
  if (twin || BUILT_IN.some((one) => isTaken(one.name))) {
    throw new RuleBroken(`Une vue s’appelle déjà «\u00a0${tidy}\u00a0»\u00a0: donnez un autre nom.`, "name");
  }
  Object.assign(view, { name: tidy, isShared });
}

/** Takes a view away, and from whoever opened their list on it. The caller flushes. */
export function dropView(em: EntityManager, campaign: Campaign, view: SavedView, said: Said): void {
  refuseOthers(view, said);
  if (view.isShared) refuseArchived(campaign);
  em.remove(view);
  record(em, "campaign.view_dropped", aboutCampaign(campaign), { view: view.id, by: said.by.id });
}

/** What is private to somebody else does not exist. */
function refuseOthers({ owner, isShared }: SavedView, { by, isManager }: Said): void {
  if (owner.id !== by.id && !(isShared && isManager)) throw new NotFound(GONE);
}

const GONE = "Cette vue n’existe plus, ou n’est pas à vous. Revenez à la liste.";

/** A view this person may open. Throws NotFound on any other. */
export async function viewFor(em: EntityManager, campaign: Campaign, id: string, by: By): Promise<SavedView> {
  const view = await em.findOne(SavedView, { id, campaign: { id: campaign.id } } as never);
  if (!view || !((view as SavedView).isShared || (view as SavedView).owner.id === by.id)) throw new NotFound(GONE);
  return view as SavedView;
}
