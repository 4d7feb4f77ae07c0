import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { allows } from "../../accounts/index.ts";
import { CHANNELS } from "../../platform/db/changeset.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { ACTIVITY_KINDS, kindsFor, lineOfActivity, toldTo } from "../activity.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { type ActivityEvent, listActivity, listActors } from "../queries/activity.ts";
import { NONE } from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import type { Glimpsed } from "../queries/standing.ts";
import { campaignTopic } from "../queries/touched.ts";
import { addressOf, frameOf, operationAt, zoneOf } from "./shown.ts";

const LIST = { page: "campaigns/activity/index", part: "campaigns/activity/_list" };
const PAGE_SIZE = 50;

const Asked = z.object({
  personne: z.uuid().or(z.literal("")).optional(),
  sorte: z
    .enum(ACTIVITY_KINDS.map(({ value }) => value))
    .or(z.literal(""))
    .optional(),
  segment: z.uuid().or(z.literal(NONE)).or(z.literal("")).optional(),
  voie: z.enum(CHANNELS).or(z.literal("")).optional(),
  du: z.iso.date().or(z.literal("")).optional().describe("Du"),
  au: z.iso.date().or(z.literal("")).optional().describe("Au"),
  avant: z.uuid().optional(),
  apres: z.uuid().optional(),
});

/** By which way an act came, as people of a campaign say it. */
const WAYS: Record<(typeof CHANNELS)[number], string> = {
  page: "Page",
  api: "API",
  import: "Import",
  bulk: "Action groupée",
  booking_link: "Lien personnel",
  open_link: "Lien ouvert",
  job: "Tâche planifiée",
  automation: "Automatisation",
  setup: "Mise en service",
};

export const activityAt = (campaign: { id: string }) => `${addressOf(campaign)}/activite`;

/** *Toute l’activité* (ACT-2): what happened in a campaign, as far as its reader may know. */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { avant, apres, ...asked } = query(req, Asked);
  const { personne, sorte, segment, voie, du, au } = asked;
  const { standing, found, actors, segments } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id);
    const { campaign, may } = standing;
    const filter = {
      ...{ actorId: personne || undefined, segmentId: segment || undefined, channel: voie || undefined },
      ...{ from: du || undefined, to: au || undefined, zone: zoneOf(req, campaign) },
    };
    return {
      standing,
      actors: await listActors(em, campaign.id, toldTo(may)),
      segments: await listSegments(em, campaign.id),
      found: await listActivity(em, campaign.id, toldTo(may, sorte), filter, {
        before: avant,
        after: apres,
        size: PAGE_SIZE,
      }),
    };
  });
  const { campaign } = standing;
  const at = activityAt(campaign);
  const here = (paging: { avant?: string; apres?: string } = {}) => withQuery(at, { ...asked, ...paging });
  const active = Object.values(asked).filter(Boolean).length;
  res.show(LIST, {
    title: "Toute l’activité",
    ...frameOf(req, standing, "dashboard", "Activité"),
    activityAt: at,
    topic: campaignTopic(campaign.id),
    // A page further back would move under its reader: it only says that something arrived.
    liveAt: avant || apres ? null : here(),
    newestAt: here(),
    entries: shownActivity(req, standing, found.events),
    form: { values: Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, value ?? ""])) },
    active,
    actors: [{ value: "", label: "Tout le monde" }, ...actors],
    kinds: [{ value: "", label: "Tout" }, ...kindsFor(standing.may).map(({ value, label }) => ({ value, label }))],
    segments: [
      { value: "", label: "Tous" },
      ...segments.map(({ id, name }) => ({ value: id, label: name })),
      { value: NONE, label: "Sans segment" },
    ],
    ways: [{ value: "", label: "Toutes" }, ...CHANNELS.map((value) => ({ value, label: WAYS[value] }))],
    previous: found.newer && here({ apres: found.newer }),
    next: found.older && here({ avant: found.older }),
  });
};

/** Lines of activity, each leading where its reader may go (ACT-3, ACT-4). */
export function shownActivity(req: Request, { campaign, may }: Standing<Glimpsed>, events: readonly ActivityEvent[]) {
  const zone = zoneOf(req, campaign);
  return events.map((event) => ({
    ...lineOfActivity(event),
    id: event.id,
    href: placeOf(req, campaign, may, event),
    at: event.at,
    when: fr.ago(event.at, req.now),
    exactly: `${fr.shortDate(event.at, zone)} ${fr.time(event.at, zone)}`,
  }));
}

function placeOf(
  req: Request,
  campaign: { id: string },
  may: Standing["may"],
  { name, operation, payload, actId, subjectId }: ActivityEvent,
): string | null {
  if (operation) return operation.isTrashed ? null : operationAt(operation);
  if (name !== "operations.bulk_changed" && name !== "import.finished") return null;
  if (allows(req.user!.roles, "history.read")) return `/admin/historique/${actId}`;
  if (name === "operations.bulk_changed") {
    return may("operations.manage") ? `${addressOf(campaign)}/operations/lots/${payload.bulk}` : null;
  }
  return payload.by === req.user!.id || may("campaigns.undo") ? `/imports/${subjectId}` : null;
}
