import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { Ratio } from "../platform/text/index.ts";
import { aboutCampaign, type By, type Campaign, FIRST_DAY, LAST_DAY, refuseArchived, toCampaign } from "./campaign.ts";
import { listPlaces } from "./queries/prerequisites.ts";
import { Segment } from "./segment.ts";

/** The three statuses, as glossary §3 names and shows them. */
export const PREREQUISITE_STATUSES = [
  { code: "todo", label: "À faire", icon: "circle", tone: "neutral" },
  { code: "doing", label: "En cours", icon: "circle-half", tone: "primary" },
  { code: "done", label: "Fait", icon: "check", tone: "success" },
] as const;

export type PrerequisiteStatus = (typeof PREREQUISITE_STATUSES)[number]["code"];
export const prerequisiteStatus = (code: PrerequisiteStatus) => PREREQUISITE_STATUSES.find((one) => one.code === code)!;

export const LEAST_LABEL = 3;
export const LONGEST_LABEL = 255;
export const LONGEST_RESPONSIBLE = 100;
/** Who answers for one that waits for somebody: there is always a responsible (PRE-1). */
export const NOBODY_YET = "À désigner";

const schema = defineEntity({
  name: "Prerequisite",
  tableName: "prerequisite",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "campaign"] }, { properties: ["tenantId", "segment"] }],
  checks: [{ name: "prerequisite_one_responsible", expression: "num_nonnulls(responsible_id, responsible_name) = 1" }],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    /** Null: of the whole campaign. */
    segment: () =>
      p
        .manyToOne(Segment)
        .joinColumns("tenant_id", "segment_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    label: p.text(),
    responsible: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "responsible_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    /** Somebody without an account. */
    responsibleName: p.text().nullable(),
    dueOn: p.date().nullable(),
    status: p.enum(PREREQUISITE_STATUSES.map(({ code }) => code)).default("todo"),
    isBlocking: p.boolean().default(false),
    /** Among those of the same segment, or of the whole campaign. */
    position: p.integer(),
    /** The due day its responsible was last told of, before it and after it: another day is told anew (PRE-2). */
    toldBefore: p.date().nullable(),
    toldAfter: p.date().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** What must be ready before a campaign, or one of its segments, begins, and who answers for it (PRE-1). */
export class Prerequisite extends schema.class {
  isDone() {
    return this.status === "done";
  }
}
schema.setClass(Prerequisite);
export const PrerequisiteSchema = schema;

/** Who answers for it: an account, or somebody named. */
export type Responsible = { accountId: string; name?: undefined } | { name: string; accountId?: undefined };

/** What its form says. */
export interface PrerequisiteDraft {
  label: string;
  segment: Segment | null;
  responsible: Responsible;
  /** "2026-12-01", or none. */
  dueOn: string | null;
  isBlocking: boolean;
}

/** A prerequisite to do, after those there are of the same segment (PRE-1). The caller flushes. */
export async function addPrerequisite(
  em: EntityManager,
  campaign: Campaign,
  draft: PrerequisiteDraft,
  { by }: { by: By },
): Promise<Prerequisite> {
  refuseArchived(campaign);
  const one = em.create(Prerequisite, {
    tenantId: campaign.tenantId,
    id: randomUUIDv7(),
    campaign,
    ...(await tidied(em, draft)),
    segment: draft.segment,
    position: await lastPlace(em, campaign, draft.segment),
    toldBefore: null,
    toldAfter: null,
  });
  em.persist(one);
  record(em, "campaign.prerequisite_added", aboutCampaign(campaign), { prerequisite: one.id, by: by.id });
  return one;
}

/** What it says, under the rules of its creation; in another segment, it comes last (PRE-1). The caller flushes. */
export async function editPrerequisite(
  em: EntityManager,
  campaign: Campaign,
  one: Prerequisite,
  draft: PrerequisiteDraft,
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const isMoved = (draft.segment?.id ?? null) !== (one.segment?.id ?? null);
  const position = isMoved ? await lastPlace(em, campaign, draft.segment) : one.position;
  Object.assign(one, await tidied(em, draft, one), { segment: draft.segment, position });
  record(em, "campaign.prerequisite_edited", aboutCampaign(campaign), { prerequisite: one.id, by: by.id });
}

/** Any status from any other (PRE-1). The caller flushes. */
export function advancePrerequisite(
  em: EntityManager,
  campaign: Campaign,
  one: Prerequisite,
  status: PrerequisiteStatus,
  { by }: { by: By },
): void {
  refuseArchived(campaign);
  if (one.status === status) return;
  one.status = status;
  record(em, "campaign.prerequisite_advanced", aboutCampaign(campaign), { prerequisite: one.id, status, by: by.id });
}

/** One place up or down among those of its segment (PRE-1). Throws RuleBroken at the end of the list. The caller flushes. */
export async function movePrerequisite(
  em: EntityManager,
  campaign: Campaign,
  one: Prerequisite,
  way: "up" | "down",
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const order = (await listPlaces(em, campaign.id, one.segment?.id ?? null)).map(({ id }) => id);
  const from = order.indexOf(one.id);
  const to = from + (way === "up" ? -1 : 1);
  if (to < 0 || to >= order.length) throw new RuleBroken("Ce prérequis est déjà au bout de la liste.");
  order.splice(to, 0, ...order.splice(from, 1));
  for (const each of await em.find(Prerequisite, { id: { $in: order } })) each.position = order.indexOf(each.id) + 1;
  record(em, "campaign.prerequisite_edited", aboutCampaign(campaign), { prerequisite: one.id, by: by.id });
}

/** It is no more; undoing it brings it back. The caller flushes. */
export function removePrerequisite(em: EntityManager, campaign: Campaign, one: Prerequisite, { by }: { by: By }): void {
  refuseArchived(campaign);
  em.remove(one);
  record(em, "campaign.prerequisite_removed", aboutCampaign(campaign), { prerequisite: one.id, by: by.id });
}

/** Progress of these prerequisites: those that are done, of all of them (PRE-4). */
export const doneAmong = (list: readonly { status: PrerequisiteStatus }[]): Ratio => ({
  part: list.filter(({ status }) => status === "done").length,
  of: list.length,
});

async function lastPlace(em: EntityManager, { id }: Campaign, segment: Segment | null): Promise<number> {
  const places = await listPlaces(em, id, segment?.id ?? null);
  return Math.max(0, ...places.map(({ position }) => position)) + 1;
}

async function tidied(
  em: EntityManager,
  { label, responsible, dueOn, isBlocking }: PrerequisiteDraft,
  own?: Prerequisite,
) {
  const words = tidy(label);
  const length = [...words].length;
  if (length < LEAST_LABEL || length > LONGEST_LABEL) {
    throw new RuleBroken(`Écrivez un libellé de ${LEAST_LABEL} à ${LONGEST_LABEL} caractères.`, "label");
  }
  if (dueOn !== null && (dueOn < FIRST_DAY || dueOn > LAST_DAY)) {
    throw new RuleBroken("Choisissez une échéance entre 1900 et 2100.", "dueOn");
  }
  return { label: words, dueOn, isBlocking, ...(await whoAnswers(em, responsible, own)) };
}

const tidy = (text: string) => text.normalize("NFC").replace(/\s+/gu, " ").trim();

async function whoAnswers(em: EntityManager, { accountId, name }: Responsible, own?: Prerequisite) {
  if (accountId === undefined) {
    const responsibleName = tidy(name);
    const length = [...responsibleName].length;
    if (length === 0) throw new RuleBroken("Choisissez un compte, ou écrivez qui en répond.", "responsibleName");
    if (length > LONGEST_RESPONSIBLE) {
      throw new RuleBroken(`Raccourcissez à ${LONGEST_RESPONSIBLE} caractères.`, "responsibleName");
    }
    return { responsible: null, responsibleName };
  }
  const account = await em.findOne(User, { id: accountId, supportOf: null });
  // Whoever answered for it still does once their account is closed, until somebody else is named.
  if (!account || !(account.isActive() || own?.responsible?.id === account.id)) {
    throw new RuleBroken("Choisissez une personne dont le compte est actif.", "responsible");
  }
  return { responsible: account, responsibleName: null };
}
