import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { User } from "../accounts/index.ts";
import type { FieldValue } from "../fields/index.ts";
import { countedTable, createdAt, tenantKey, versioned } from "../platform/db/entity.ts";
import { Conflict, Forbidden, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { type Arrow, CATEGORY_CODES } from "../workflow/index.ts";
import { type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { mayMove } from "./consequences.ts";
import { refuseConverting } from "./conversion-run.ts";
import { described, titleFieldOf } from "./naming.ts";
import type { Plan, Rules } from "./plan.ts";
import {
  birthStatus,
  type Decided,
  dayJoined,
  mayCorrectMinutes,
  minutesSpent,
  type Progress,
  plannedAs,
  type Said,
  type Step,
  statusOf,
  stepped,
} from "./progress.ts";
import { keepTitleField } from "./queries/campaigns.ts";
import { holdValues, otherWithValue } from "./queries/operations.ts";
import { Segment, segmentByField } from "./segment.ts";

const schema = defineEntity({
  name: "Operation",
  tableName: "operation",
  ...countedTable,
  indexes: [
    {
      name: "operation_by_day",
      expression:
        'create index "operation_by_day" on "operation" ("tenant_id", "campaign_id", "planned_at", "title", "id") where trashed_at is null',
    },
    {
      // For questions about statuses only: of a campaign it has no figures of yet, PostgreSQL would take it for its list too.
      name: "operation_by_state",
      expression:
        'create index "operation_by_state" on "operation" ("tenant_id", "campaign_id", "status", "segment_id") where ((trashed_at is null) and (status is not null))',
    },
    {
      // What is late, counted above every list: the planned ones that are not over.
      name: "operation_late",
      expression:
        'create index "operation_late" on "operation" ("tenant_id", "campaign_id", "planned_at") where ((trashed_at is null) and (planned_at is not null) and (category <> all (array[\'success\'::text, \'cancelled\'::text])))',
    },
    {
      // What readiness counts: those that are not over and still to be dated or assigned.
      name: "operation_unready",
      expression:
        'create index "operation_unready" on "operation" ("tenant_id", "campaign_id", "planned_at", "technician_id") where ((trashed_at is null) and (category <> all (array[\'success\'::text, \'cancelled\'::text])) and ((planned_at is null) or (technician_id is null)))',
    },
    {
      // What has been blocked for longest, told by every dashboard (STA-9).
      name: "operation_blocked",
      expression:
        'create index "operation_blocked" on "operation" ("tenant_id", "campaign_id", "entered_at", "id") where ((trashed_at is null) and (category = \'problem\'::text))',
    },
    {
      name: "operation_by_technician",
      expression:
        'create index "operation_by_technician" on "operation" ("tenant_id", "technician_id", "planned_at") where technician_id is not null and trashed_at is null',
    },
    {
      name: "operation_trashed",
      expression:
        'create index "operation_trashed" on "operation" ("tenant_id", "trashed_at") where trashed_at is not null',
    },
    {
      name: "operation_values",
      expression: 'create index "operation_values" on "operation" using gin ("values" jsonb_path_ops)',
    },
    {
      name: "operation_search",
      expression: 'create index "operation_search" on "operation" using gin ("search" gin_trgm_ops)',
    },
  ],
  checks: [
    { name: "operation_capacity_positive", expression: "capacity >= 1" },
    { name: "operation_minutes_in_a_day", expression: "(minutes >= 1) and (minutes <= 1440)" },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    title: p.text(),
    values: p.json<Record<string, FieldValue>>().columnType("jsonb").defaultRaw("'{}'::jsonb"),
    /** The title and the searchable fields, folded: what a search looks in (OPS-6). */
    search: p.text().default(""),
    status: p.text(),
    category: p.enum(CATEGORY_CODES),
    segment: () =>
      p
        .manyToOne(Segment)
        .joinColumns("tenant_id", "segment_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    /** Set by hand: no import and no resynchronisation moves it (SEG-3). */
    isSegmentSetByHand: p.boolean().default(false),
    technician: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "technician_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    plannedAt: p.datetime().nullable(),
    /** Never changes after its first value (OPS-19). */
    firstPlannedAt: p.datetime().nullable(),
    postponeCount: p.integer().default(0),
    /** When it entered its present category: how long it has been blocked (STA-5). */
    enteredAt: p.datetime().nullable(),
    /** The local days with a transition of it, each once: told of here, what is undone leaves them with it (rulings 11). */
    steppedOn: p.json<string[]>().columnType("jsonb").defaultRaw("'[]'::jsonb"),
    /** The local day of each entry into a deferred category (STA-5). */
    postponedOn: p.json<string[]>().columnType("jsonb").defaultRaw("'[]'::jsonb"),
    /** The last day it was scheduled onto while that day ran, whose plan it is in then (STA-11). */
    joinedOn: p.date().nullable(),
    /** Its day in the present baseline; null: none (SNP-5). */
    baselineOn: p.date().nullable(),
    /** Of the last transition that gave one (OPS-20). */
    reason: p.text().nullable(),
    startedAt: p.datetime().nullable(),
    completedAt: p.datetime().nullable(),
    completedById: p.uuid().nullable(),
    /** Whether that was on its first planned day; null while it is not done (STA-5). */
    isOnFirstDate: p.boolean().nullable(),
    /** Whether that was its technician then; null while it is not done, and of one that a file brought in done (OPS-21, IMP-26). */
    isCompletedByTechnician: p.boolean().nullable(),
    capacity: p.integer().default(1),
    minutes: p.integer().nullable(),
    notes: p.text().default(""),
    /** Was not in the last import that asked to flag what is missing (IMP-24). */
    isMissing: p.boolean().default(false),
    trashedAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** What is done on one target: a workstation, a person, a room (OPS-1). */
export class Operation extends schema.class {
  isTrashed() {
    return this.trashedAt != null;
  }
}
schema.setClass(Operation);
export const OperationSchema = schema;

export const aboutOperation = ({ id }: { id: string }) => ({ type: "operation", id });

export const LONGEST_NOTES = 10_000;
export const MOST_CAPACITY = 10_000;

/** What a new operation says; values are already read by their fields (FLD-5). */
export interface Draft {
  values: Record<string, FieldValue>;
  plannedAt: Date | null;
  segment: Segment | null;
  technicianId: string | null;
  notes: string;
  /** One unless said. */
  capacity?: number | null | undefined;
}

/**
 * A new operation in the initial status, or in the one that `schedule` reaches when it has a date (OPS-2). Refused without
 * a title (FLD-2) or with a value that is another's in a unique field (FLD-3). The caller flushes.
 */
export async function addOperation(
  em: EntityManager,
  plan: Plan,
  draft: Draft,
  { by, now }: Pick<Said, "by" | "now">,
): Promise<Operation> {
  const { campaign, workflow, zone } = plan;
  refuseArchived(campaign);
  await refuseSharedValues(em, plan, draft.values);
  const { plannedAt } = draft;
  const { code: status, category } = birthStatus(workflow, plannedAt !== null);
  const { tenantId } = campaign;
  const operation = em.create(Operation, {
    tenantId,
    id: randomUUIDv7(),
    campaign,
    ...described(plan, draft.values),
    status,
    category,
    segment: draft.segment ?? (await segmentByField(em, plan, draft.values, { by })),
    isSegmentSetByHand: draft.segment !== null,
    technician: await technicianFor(em, tenantId, draft.technicianId),
    plannedAt,
    firstPlannedAt: plannedAt,
    enteredAt: now,
    steppedOn: [],
    postponedOn: [],
    joinedOn: dayJoined(plannedAt, zone, now),
    baselineOn: null,
    reason: null,
    startedAt: null,
    completedAt: null,
    completedById: null,
    isCompletedByTechnician: null,
    isOnFirstDate: null,
    minutes: null,
    capacity: capacityOf(draft.capacity ?? 1),
    notes: tidyNotes(draft.notes),
    trashedAt: null,
  });
  em.persist(operation);
  // From the first one on, what names operations is said, and no longer follows the order of the fields (FLD-2).
  if (campaign.titleField == null) await keepTitleField(em, campaign, titleFieldOf(campaign, plan.fields)!.code);
  record(em, "operation.added", aboutOperation(operation), { campaign: campaign.id, by: by.id });
  return operation;
}

/** Its fields, notes and places; the title, what a search finds and the segment follow (FLD-2, OPS-6, SEG-2). The caller flushes. */
export async function editOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  { values, notes, capacity = operation.capacity }: Pick<Draft, "values" | "notes"> & { capacity?: number | undefined },
  { by }: Pick<Said, "by">,
): Promise<void> {
  refuseClosed(plan, operation);
  await refuseConverting(em, plan.campaign.id);
  const changed = Object.fromEntries(
    Object.entries(values).filter(([code, value]) => !same(value, operation.values[code])),
  );
  await refuseSharedValues(em, plan, changed, operation);
  const { segmentField } = plan.campaign;
  const isMoved = segmentField && !same(values[segmentField], operation.values[segmentField]);
  if (isMoved && !operation.isSegmentSetByHand) operation.segment = await segmentByField(em, plan, values, { by });
  Object.assign(operation, described(plan, values), { notes: tidyNotes(notes), capacity: capacityOf(capacity) });
  record(em, "operation.edited", aboutOperation(operation), { campaign: plan.campaign.id, by: by.id });
}

/** Gives it to one technician, or to nobody (OPS-3). The caller flushes. */
export async function assignOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  technicianId: string | null,
  { by }: Pick<Said, "by">,
): Promise<void> {
  refuseClosed(plan, operation);
  const technician = await technicianFor(em, operation.tenantId, technicianId);
  if ((technician?.id ?? null) === (operation.technician?.id ?? null)) return;
  operation.technician = technician;
  record(em, "operation.assigned", aboutOperation(operation), {
    campaign: plan.campaign.id,
    technician: technician?.id ?? null,
    by: by.id,
  });
}

/** Sets its segment by hand: no import moves it any more (SEG-3). The caller flushes. */
export function placeOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  segment: Segment | null,
  { by }: Pick<Said, "by">,
): void {
  refuseClosed(plan, operation);
  Object.assign(operation, { segment, isSegmentSetByHand: true });
  record(em, "operation.placed", aboutOperation(operation), { campaign: plan.campaign.id, by: by.id });
}

/** Puts it back where its value leads, and lets imports move it again (SEG-3). The caller flushes. */
export async function releaseOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  { by }: Pick<Said, "by">,
): Promise<void> {
  refuseClosed(plan, operation);
  if (!operation.isSegmentSetByHand) throw new RuleBroken("Le segment de cette opération n’est pas mis à la main.");
  operation.isSegmentSetByHand = false;
  if (plan.campaign.segmentField !== null) {
    operation.segment = await segmentByField(em, plan, operation.values, { by });
  }
  record(em, "operation.placed", aboutOperation(operation), { campaign: plan.campaign.id, by: by.id });
}

/**
 * Sets or clears its date, with the transition this implies (OPS-11, rulings 31): to plan, to plan no more, to plan
 * again; on a running one the date alone. Refused on a final one until it is reopened. The caller flushes.
 */
export function planOperation(
  em: EntityManager,
  plan: Rules,
  operation: Operation,
  given: Pick<Step, "date" | "reason">,
  said: Said,
): void {
  refuseClosed(plan, operation);
  const planned = plannedAs(plan, operation, given, said);
  if (!planned) return;
  const { arrow, changes } = planned;
  if (arrow) follow(em, plan, operation, { arrow, changes }, said);
  else {
    Object.assign(operation, changes);
    record(em, "operation.planned", aboutOperation(operation), { campaign: plan.campaign.id, by: said.by.id });
  }
}

/** What a change of status needs of an operation, held by the ORM or not. */
export type Stepping = Progress & Pick<Operation, "id" | "title" | "version" | "isTrashed">;

/**
 * The one way from a status to another, for pages, inline edit, bulk, imports and jobs (WFL-3). Throws Conflict when
 * there is no such arrow, Forbidden when it is not theirs, RuleBroken without the reason or the date it asks for. What
 * each category brings follows: OPS-19 to OPS-21. The caller flushes, or writes what the ORM does not hold.
 */
export function transition(em: EntityManager, plan: Rules, operation: Stepping, step: Step, said: Said): void {
  refuseClosed(plan, operation);
  follow(em, plan, operation, stepped(plan, operation, step, said), said);
}

function follow(
  em: EntityManager,
  { workflow, campaign }: Rules,
  operation: Stepping,
  { arrow, changes }: Decided<Arrow>,
  { by }: Said,
): void {
  const left = statusOf(workflow, operation.status);
  Object.assign(operation, changes);
  const entered = statusOf(workflow, operation.status);
  record(em, "operation.transitioned", aboutOperation(operation), {
    campaign: campaign.id,
    from: left.code,
    to: entered.code,
    kind: arrow.kind,
    isFinal: entered.isFinal,
    moves: mayMove(campaign.state, left, entered),
    by: by.id,
  });
}

/**
 * Another time spent on a done operation: whoever completed it the same day, manager rights always (OPS-23). Throws Forbidden
 * for anybody else, Conflict of one that is not done or where time is not tracked. The caller flushes.
 */
export function correctMinutes(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  minutes: number | null,
  said: Said,
): void {
  refuseClosed(plan, operation);
  if (!plan.campaign.isTimeTracked) throw new Conflict("Cette campagne ne suit pas le temps passé.");
  if (operation.category !== "success") {
    throw new Conflict("Cette opération n’est pas réalisée\u00a0: son temps se dit en la terminant.");
  }
  if (!mayCorrectMinutes(plan, operation, said)) {
    throw new Forbidden(
      "Le temps passé se corrige le jour même par qui a terminé l’opération\u00a0; ensuite, demandez à qui gère la campagne.",
    );
  }
  operation.minutes = minutesSpent(minutes);
  record(em, "operation.time_corrected", aboutOperation(operation), { campaign: plan.campaign.id, by: said.by.id });
}

/** To the trash for thirty days; counters follow at once. Refused of a done one unless they are sure (OPS-12). The caller flushes. */
export function trashOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  { by, now, isSure }: Said & { isSure: boolean },
): void {
  refuseClosed(plan, operation);
  if (operation.category === "success" && !isSure) {
    throw new RuleBroken(
      `«\u00a0${operation.title}\u00a0» est réalisée\u00a0: cochez pour la retirer quand même.`,
      "sure",
    );
  }
  operation.trashedAt = now;
  record(em, "operation.trashed", aboutOperation(operation), { campaign: plan.campaign.id, by: by.id });
}

/** Out of the trash, as it was. Refused when another took a unique value of it meanwhile (FLD-3). The caller flushes. */
export async function restoreOperation(
  em: EntityManager,
  plan: Plan,
  operation: Operation,
  { by }: Pick<Said, "by">,
): Promise<void> {
  refuseArchived(plan.campaign);
  if (!operation.isTrashed()) throw new Conflict("Cette opération n’est pas dans la corbeille.");
  await refuseSharedValues(em, plan, operation.values, operation);
  operation.trashedAt = null;
  record(em, "operation.restored", aboutOperation(operation), { campaign: plan.campaign.id, by: by.id });
}

function refuseClosed({ campaign }: Rules, operation: Pick<Operation, "isTrashed">): void {
  refuseArchived(campaign);
  if (operation.isTrashed()) throw new Conflict("Cette opération est dans la corbeille. Restaurez-la d’abord.");
}

const same = (one: FieldValue | undefined, other: FieldValue | undefined) =>
  JSON.stringify(one) === JSON.stringify(other);

function tidyNotes(notes: string): string {
  const tidy = notes.normalize("NFC").replace(/\r\n?/g, "\n").trim();
  if (tidy.length > LONGEST_NOTES) throw new RuleBroken(`Raccourcissez à ${LONGEST_NOTES} caractères.`, "notes");
  return tidy;
}

function capacityOf(places: number): number {
  if (Number.isInteger(places) && places >= 1 && places <= MOST_CAPACITY) return places;
  throw new RuleBroken(`Écrivez un nombre entier de places, de 1 à ${fr.number(MOST_CAPACITY)}.`, "capacity");
}

/** The account of a technician at work, or nobody. Throws RuleBroken for anybody else (OPS-3). */
export async function technicianFor(em: EntityManager, tenantId: string, id: string | null): Promise<User | null> {
  if (id === null) return null;
  const found = await em.findOne(User, { tenantId, id, supportOf: null });
  if (!found?.isActive() || !found.roles.includes("technician")) {
    throw new RuleBroken(
      "Choisissez une personne dont le compte est actif et qui a le rôle de technicien.",
      "technician",
    );
  }
  return found;
}

/**
 * Before values of these unique fields are looked for and written: whoever writes some at the same time waits. Throws Conflict
 * while one is being read again as another type, under which twins would not be known (FLD-3, FLD-6).
 */
export async function holdUnique(em: EntityManager, { id }: Pick<Campaign, "id">, codes: string[]): Promise<void> {
  await holdValues(em, id);
  await refuseConverting(em, id, codes);
}

async function refuseSharedValues(
  em: EntityManager,
  { campaign, fields }: Plan,
  values: Record<string, FieldValue>,
  own?: Operation,
): Promise<void> {
  const unique = fields.filter(({ code, isUnique }) => isUnique && values[code] !== undefined);
  if (unique.length === 0) return;
  await holdUnique(
    em,
    campaign,
    unique.map(({ code }) => code),
  );
  for (const { code, label } of unique) {
    const other = await otherWithValue(em, campaign.id, code, values[code]!, own?.id);
    if (!other) continue;
    throw new RuleBroken(
      `«\u00a0${other.title}\u00a0» a déjà cette valeur, et «\u00a0${label}\u00a0» est unique.`,
      code,
    );
  }
}
