import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { HOLIDAY_ZONES, User, ZONES } from "../accounts/index.ts";
import { bare } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { PRESETS, type Workflow } from "../workflow/index.ts";
import { MAX_MINUTES, MIN_MINUTES, OperationType } from "./operation-type.ts";
import { campaignNamed, holdNames } from "./queries/campaigns.ts";

/** The five states (CAM-3), as glossary §3 names and shows them. */
export const STATES = [
  { code: "draft", label: "Préparation", icon: "pencil", tone: "warning" },
  { code: "upcoming", label: "À venir", icon: "calendar-clock", tone: "primary" },
  { code: "active", label: "En cours", icon: "play-circle", tone: "success" },
  { code: "finished", label: "Terminée", icon: "flag", tone: "complete" },
  { code: "archived", label: "Archivée", icon: "archive", tone: "muted" },
] as const;
export type CampaignState = (typeof STATES)[number]["code"];
export const stateOf = (code: CampaignState) => STATES.find((one) => one.code === code)!;

export const VISIBILITIES = [
  {
    value: "restricted",
    label: "Restreinte",
    hint: "La personne propriétaire, les administrateurs, et les personnes ou groupes habilités.",
  },
  { value: "public", label: "Publique", hint: "En plus, tous les gestionnaires et lecteurs de l’organisation." },
] as const;
export type Visibility = (typeof VISIBILITIES)[number]["value"];

export const LEAST_NAME = 3;
export const LONGEST_NAME = 255;
export const LONGEST_DESCRIPTION = 2_000;
/** The days that a campaign, and what has a day in it, may take: those a date field takes (FLD-4). */
export const FIRST_DAY = "1900-01-01";
export const LAST_DAY = "2100-12-31";
/** Beyond it, a date is a slip of the keyboard; and charts draw every period of a campaign. */
const MOST_YEARS = 10;

const schema = defineEntity({
  name: "Campaign",
  tableName: "campaign",
  ...tenantTable,
  indexes: [
    {
      name: "campaign_name_free",
      expression:
        'create unique index "campaign_name_free" on "campaign" ("tenant_id", folded(name)) where ((state <> \'archived\') and (trashed_at is null))',
    },
    { properties: ["tenantId", "owner"] },
    { properties: ["tenantId", "type"] },
  ],
  checks: [
    { name: "campaign_days_in_order", expression: "ends_on >= starts_on" },
    {
      name: "campaign_duration",
      expression: `(duration_minutes >= ${MIN_MINUTES}) and (duration_minutes <= ${MAX_MINUTES})`,
    },
  ],
  properties: {
    ...tenantKey(),
    name: p.text(),
    description: p.text().default(""),
    startsOn: p.date(),
    endsOn: p.date(),
    owner: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "owner_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    visibility: p.enum(VISIBILITIES.map(({ value }) => value)),
    state: p.enum(STATES.map(({ code }) => code)),
    /** What it was before it was archived: where restoring leads (CAM-3). */
    stateBefore: p.text().$type<CampaignState>().nullable(),
    /** Null: the organisation's (GEN-3). */
    zone: p.text().nullable(),
    holidayZone: p.text().nullable(),
    closedDays: p.json<string[]>().columnType("jsonb").defaultRaw("'[]'::jsonb"),
    defaultHour: p.text().default("09:00"),
    /** When it was finished, or archived as abandoned; null as long as it is neither (CAM-7). */
    closedAt: p.datetime().nullable(),
    /** What was still open when somebody finished it, and what became of it (CAM-6). */
    closing: p.json<ClosedGroup[]>().columnType("jsonb").nullable(),
    /** In the trash since then (CAM-11). */
    trashedAt: p.datetime().nullable(),
    workflow: p.json<Workflow>().columnType("jsonb").defaultRaw("'{}'::jsonb"),
    type: () =>
      p
        .manyToOne(OperationType)
        .joinColumns("tenant_id", "operation_type_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    /** Its type as last taken: what a later change of the type is told from (TYP-4). */
    typeTaken: p.json<TakenType>().columnType("jsonb").nullable(),
    /** The version of its type that was offered and refused: it is not offered again (TYP-4). */
    typeRefused: p.json<TakenType>().columnType("jsonb").nullable(),
    /** Standard duration of its operations, in minutes (CAM-13). */
    durationMinutes: p.integer().nullable(),
    /** Whoever completes says how long it took (OPS-23). */
    isTimeTracked: p.boolean().default(false),
    /** What problems are picked from, beside free text (OPS-20). */
    problemReasons: p.array().columnType("text[]").default([]),
    /** The field that names its operations; null as long as it has none and nobody chose: see titleFieldOf (FLD-2). */
    titleField: p.text().nullable(),
    subtitleFields: p.array().columnType("text[]").default([]),
    /** The field whose values make the segments (SEG-2). */
    segmentField: p.text().nullable(),
    /** The last step of its preparation that was left: what no row of it tells (CAM-12). */
    stepLeft: p.smallint().default(1),
    ...createdAt(),
    ...versioned(),
  },
});

/** What a campaign copies of a type (TYP-4). */
export type TakenType = Pick<OperationType, "fields" | "workflow" | "durationMinutes">;

/** Operations of one status as they were when their campaign was finished by hand, and why those that were cancelled were (CAM-6). */
export interface ClosedGroup {
  status: string;
  n: number;
  /** Null: left as they were. */
  reason: string | null;
}

/** One mass operation as a whole: its days, its owner, who sees it. */
export class Campaign extends schema.class {
  isArchived() {
    return this.state === "archived";
  }
}
schema.setClass(Campaign);
export const CampaignSchema = schema;

export const toCampaign = () =>
  p
    .manyToOne(Campaign)
    .joinColumns("tenant_id", "campaign_id")
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action");

export const aboutCampaign = ({ id }: { id: string }) => ({ type: "campaign", id });

export interface By {
  id: string;
}

/** What step 1 of a campaign says (CAM-1). */
export interface Outline {
  name: string;
  description: string;
  startsOn: string;
  endsOn: string;
}

export interface Calendar {
  zone: string | null;
  holidayZone: string | null;
  closedDays: string[];
  defaultHour: string;
  /** Null: none (CAM-13). */
  durationMinutes: number | null;
}

const READ_ONLY = "Campagne archivée, lecture seule. Restaurez-la pour la modifier.";

/** Stops every changing act on an archived campaign and on what it holds (CAM-8), or on one in the trash that was read before it went there (CAM-11). */
export function refuseArchived(campaign: Pick<Campaign, "isArchived"> & { trashedAt?: Date | null }): void {
  if (campaign.isArchived()) throw new Conflict(READ_ONLY);
  if (campaign.trashedAt) throw new Conflict("Cette campagne est à la corbeille. Sortez-la d’abord.");
}

/** A draft owned by who creates it, restricted (CAM-22, CAM-23). Refused under a name a live one has (CAM-2). The caller flushes. */
export async function createCampaign(
  em: EntityManager,
  outline: Outline,
  { tenantId, by }: { tenantId: string; by: By },
): Promise<Campaign> {
  const campaign = em.create(Campaign, {
    tenantId,
    id: randomUUIDv7(),
    ...(await tidyOutline(em, outline)),
    owner: em.getReference(User, [tenantId, by.id] as never),
    visibility: "restricted",
    state: "draft",
    stateBefore: null,
    zone: null,
    holidayZone: null,
    closedDays: [],
    closedAt: null,
    closing: null,
    trashedAt: null,
    workflow: PRESETS.standard.workflow,
    type: null,
    typeTaken: null,
    typeRefused: null,
    durationMinutes: null,
    titleField: null,
    segmentField: null,
  });
  em.persist(campaign);
  record(em, "campaign.created", aboutCampaign(campaign), { by: by.id });
  return campaign;
}

/** Another name, description or days, under the rules of its creation. The caller flushes. */
export async function editCampaign(
  em: EntityManager,
  campaign: Campaign,
  outline: Outline,
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const wanted = await tidyOutline(em, outline, campaign);
  if (Object.entries(wanted).every(([key, value]) => campaign[key as keyof Outline] === value)) return;
  Object.assign(campaign, wanted);
  record(em, "campaign.edited", aboutCampaign(campaign), { by: by.id });
}

/** Its zones, closed days, default hour and standard duration (CAM-1, CAM-13); nothing else moves (CAM-16). The caller flushes. */
export function setCalendar(
  em: EntityManager,
  campaign: Campaign,
  { zone, holidayZone, closedDays, defaultHour, durationMinutes }: Calendar,
  { by }: { by: By },
): void {
  refuseArchived(campaign);
  if (zone !== null && !ZONES.includes(zone)) throw new RuleBroken("Choisissez un fuseau horaire de la liste.", "zone");
  if (holidayZone !== null && !HOLIDAY_ZONES.some(({ value }) => value === holidayZone)) {
    throw new RuleBroken("Choisissez une zone de jours fériés de la liste.", "holidayZone");
  }
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(defaultHour)) {
    throw new RuleBroken("Écrivez l’heure avec quatre chiffres\u00a0: 09:00.", "defaultHour");
  }
  if (durationMinutes !== null && !(durationMinutes >= MIN_MINUTES && durationMinutes <= MAX_MINUTES)) {
    throw new RuleBroken(`De ${MIN_MINUTES} à ${MAX_MINUTES} minutes, ou rien.`, "durationMinutes");
  }
  const days = [...new Set(closedDays)].toSorted();
  Object.assign(campaign, { zone, holidayZone, closedDays: days, defaultHour, durationMinutes });
  record(em, "campaign.edited", aboutCampaign(campaign), { by: by.id });
}

export const MOST_REASONS = 30;
const LONGEST_PROBLEM = 100;

/** Whether time is tracked, and what problems are picked from (OPS-20, OPS-23); nothing else moves (CAM-16). The caller flushes. */
export function setFollowing(
  em: EntityManager,
  campaign: Campaign,
  { isTimeTracked, problemReasons }: { isTimeTracked: boolean; problemReasons: readonly string[] },
  { by }: { by: By },
): void {
  refuseArchived(campaign);
  const tidied = problemReasons.map((one) => one.normalize("NFC").replace(/\s+/gu, " ").trim()).filter(Boolean);
  const reasons = [...new Map(tidied.map((one) => [bare(one), one])).values()];
  if (reasons.length > MOST_REASONS) throw new RuleBroken(`Gardez ${MOST_REASONS} motifs au plus.`, "problemReasons");
  if (reasons.some((one) => one.length > LONGEST_PROBLEM || INVISIBLE.test(one))) {
    throw new RuleBroken(
      `Un motif tient en ${LONGEST_PROBLEM} caractères, sans les signes < et > ni caractère invisible.`,
      "problemReasons",
    );
  }
  Object.assign(campaign, { isTimeTracked, problemReasons: reasons });
  record(em, "campaign.edited", aboutCampaign(campaign), { by: by.id });
}

/** Who sees it besides its owner and those granted (CAM-23). The caller flushes. */
export function setVisibility(em: EntityManager, campaign: Campaign, visibility: Visibility, { by }: { by: By }): void {
  refuseArchived(campaign);
  if (campaign.visibility === visibility) return;
  campaign.visibility = visibility;
  record(em, "campaign.visibility_changed", aboutCampaign(campaign), { visibility, by: by.id });
}

/** Gives it to an active campaign manager or admin; who had it keeps only what was granted (CAM-22). The caller flushes. */
export async function transferCampaign(
  em: EntityManager,
  campaign: Campaign,
  ownerId: string,
  { by }: { by: By },
): Promise<void> {
  refuseArchived(campaign);
  const owner = await em.findOne(User, { tenantId: campaign.tenantId, id: ownerId, supportOf: null });
  if (!owner?.isActive() || !owner.roles.some((role) => role === "admin" || role === "campaign_manager")) {
    throw new RuleBroken(
      "Choisissez une personne dont le compte est actif et qui est gestionnaire ou administratrice.",
      "owner",
    );
  }
  if (campaign.owner.id === owner.id) throw new RuleBroken(`${owner.name()} en est déjà propriétaire.`, "owner");
  campaign.owner = owner;
  record(em, "campaign.transferred", aboutCampaign(campaign), { to: owner.id, by: by.id });
}

/** Read-only from now on; anything but a finished one is archived as abandoned (CAM-3, CAM-8). The caller flushes. */
export function archiveCampaign(em: EntityManager, campaign: Campaign, { by, now }: { by: By; now: Date }): void {
  if (campaign.isArchived()) throw new Conflict("Cette campagne est déjà archivée.");
  const from = campaign.state;
  Object.assign(campaign, { stateBefore: from, state: "archived", closedAt: campaign.closedAt ?? now });
  record(em, "campaign.archived", aboutCampaign(campaign), { from, by: by.id });
}

/** Back in the state it was archived in, unless its name was taken meanwhile (CAM-2, CAM-3). The caller flushes. */
export async function restoreCampaign(em: EntityManager, campaign: Campaign, { by }: { by: By }): Promise<void> {
  if (!campaign.isArchived()) throw new Conflict("Cette campagne n’est pas archivée.");
  await refuseTaken(em, campaign.name, campaign);
  const state = campaign.stateBefore ?? "finished";
  const closedAt = state === "finished" ? (campaign.closedAt ?? null) : null;
  Object.assign(campaign, { state, stateBefore: null, closedAt });
  record(em, "campaign.restored", aboutCampaign(campaign), { to: campaign.state, by: by.id });
}

/**
 * To the trash for thirty days, its name typed to be sure; its name is free meanwhile (CAM-2, CAM-11). Throws RuleBroken for
 * another name. The caller flushes.
 */
export function trashCampaign(
  em: EntityManager,
  campaign: Campaign,
  { name, by, now }: { name: string; by: By; now: Date },
): void {
  refuseArchived(campaign);
  if (tidyName(name) !== campaign.name) {
    throw new RuleBroken(`Écrivez «\u00a0${campaign.name}\u00a0», comme ci-dessus.`, "name");
  }
  campaign.trashedAt = now;
  record(em, "campaign.trashed", aboutCampaign(campaign), { by: by.id });
}

/** Out of the trash, as it was, unless its name was taken meanwhile (CAM-2, CAM-11). The caller flushes. */
export async function untrashCampaign(em: EntityManager, campaign: Campaign, { by }: { by: By }): Promise<void> {
  if (!campaign.trashedAt) throw new Conflict("Cette campagne n’est pas à la corbeille.");
  await refuseTaken(em, campaign.name, campaign);
  campaign.trashedAt = null;
  record(em, "campaign.untrashed", aboutCampaign(campaign), { by: by.id });
}

const tidyName = (name: string) => name.normalize("NFC").replace(/\s+/gu, " ").trim();
const INVISIBLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

async function tidyOutline(em: EntityManager, outline: Outline, own?: Campaign): Promise<Outline> {
  const name = tidyName(outline.name);
  const length = [...name].length;
  if (length < LEAST_NAME || length > LONGEST_NAME) {
    throw new RuleBroken(`Écrivez un nom de ${LEAST_NAME} à ${LONGEST_NAME} caractères.`, "name");
  }
  if (INVISIBLE.test(name)) {
    throw new RuleBroken("Retirez du nom les signes < et > et les caractères invisibles.", "name");
  }
  const { startsOn, endsOn } = outline;
  if (!DAY.test(startsOn)) throw new RuleBroken("Choisissez le premier jour de la campagne.", "startsOn");
  if (!DAY.test(endsOn)) throw new RuleBroken("Choisissez le dernier jour de la campagne.", "endsOn");
  for (const [field, day] of Object.entries({ startsOn, endsOn })) {
    if (day < FIRST_DAY || day > LAST_DAY) throw new RuleBroken("Choisissez un jour entre 1900 et 2100.", field);
  }
  if (endsOn < startsOn) {
    throw new RuleBroken("Le dernier jour vient avant le premier\u00a0: corrigez l’un des deux.", "endsOn");
  }
  if (endsOn > `${Number(startsOn.slice(0, 4)) + MOST_YEARS}${startsOn.slice(4)}`) {
    throw new RuleBroken(
      `Une campagne dure ${MOST_YEARS} ans au plus\u00a0: avancez le dernier jour, ou corrigez l’année.`,
      "endsOn",
    );
  }
  await refuseTaken(em, name, own);
  const description = outline.description.normalize("NFC").replace(/\r\n?/g, "\n").trim();
  return { name, description, startsOn, endsOn };
}

async function refuseTaken(em: EntityManager, name: string, own?: Campaign): Promise<void> {
  await holdNames(em);
  const taken = await campaignNamed(em, name);
  if (taken && taken.id !== own?.id) {
    throw new RuleBroken(`Une campagne s’appelle déjà «\u00a0${taken.name}\u00a0»\u00a0: donnez un autre nom.`, "name");
  }
}
