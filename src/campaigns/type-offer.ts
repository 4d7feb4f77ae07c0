import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { EntityManager } from "@mikro-orm/postgresql";
import { changedField, checkField, type FieldDefinition, MOST_FIELDS } from "../fields/index.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { changed } from "../workflow/index.ts";
import {
  aboutCampaign,
  type By,
  type Campaign,
  type CampaignState,
  refuseArchived,
  type TakenType,
} from "./campaign.ts";
import { changeCampaignWorkflow, type Orphaned, orphanedBy } from "./campaign-workflow.ts";
import { addFields, everyFieldOf, putBackField, removeField } from "./field.ts";
import { redefineField } from "./field-change.ts";
import {
  type ConversionPreview,
  conversionProblem,
  convertField,
  previewConversion,
  refuseShared,
} from "./field-conversion.ts";
import { titleFieldOf } from "./naming.ts";
import { valuesOfField } from "./queries/field-values.ts";
import { holdWorkflow } from "./queries/statuses.ts";
import { isFoundOtherwise, searchWholeAnew } from "./search.ts";
import { takenOf } from "./taken-type.ts";

/** A later change of a type, offered to each campaign that took it and has work to come (TYP-4). */

const OPEN: readonly CampaignState[] = ["draft", "upcoming", "active"];
/** Campaigns that what a type became is offered to. */
export const isOfferedIn = ({ state }: Pick<Campaign, "state">) => OPEN.includes(state);

export interface FieldLine {
  kind: "added" | "changed" | "removed";
  code: string;
  label: string;
  /** What changes of it; nothing to say of one that is removed. */
  words: string[];
  /** The field as it would be; null when it goes. */
  to: FieldDefinition | null;
  /** What its values become, when its type changes (FLD-6). */
  conversion: ConversionPreview | null;
  /** Why it stays as it is, when the rest is accepted. */
  problem: string | null;
}

export interface TypeOffer {
  fields: FieldLine[];
  /** What the workflow of the type changes of the campaign's present one, in words. */
  workflow: string[];
  /** Statuses that would go with operations in them (WFL-6). */
  orphaned: Orphaned[];
  duration: { from: number | null; to: number } | null;
  /** This very version was refused: nobody is asked again, and it may still be accepted. */
  isRefused: boolean;
  /** What was seen, to be sent back: the same comparison gives the same. */
  mark: string;
}

/** The type of a campaign when it is not the one it took any more; null without one, or when its pages did not read it. */
const movedType = ({ type, typeTaken }: Campaign): { now: TakenType; base: TakenType } | null => {
  if (!type?.workflow || !typeTaken) return null;
  const { fields, workflow, durationMinutes } = type;
  const now = { fields, workflow, durationMinutes };
  return isDeepStrictEqual(now, typeTaken) ? null : { now, base: typeTaken };
};

/** Whether its pages say that its type has changed: until it is accepted or refused, while there is work to come. */
export function isAsked(campaign: Campaign): boolean {
  const moved = isOfferedIn(campaign) ? movedType(campaign) : null;
  return moved !== null && !isDeepStrictEqual(moved.now, campaign.typeRefused);
}

interface Obeyed {
  campaign: Campaign;
  zone: string;
}

/** What accepting its type as it is now would change of a campaign, line by line; null when it has taken it already. */
export async function compareWithType(em: EntityManager, obeyed: Obeyed): Promise<TypeOffer | null> {
  const { campaign } = obeyed;
  const moved = movedType(campaign);
  if (!moved) return null;
  const { base, now } = moved;
  const fields = await fieldLines(em, obeyed, base.fields, now.fields);
  const workflow = isDeepStrictEqual(base.workflow, now.workflow) ? [] : changed(campaign.workflow, now.workflow);
  const codes = now.workflow.statuses.map(({ code }) => code);
  const orphaned = workflow.length > 0 ? await orphanedBy(em, campaign, codes) : [];
  const isOther = base.durationMinutes !== now.durationMinutes && campaign.durationMinutes !== now.durationMinutes;
  const duration = isOther ? { from: campaign.durationMinutes ?? null, to: now.durationMinutes } : null;
  const seen = [
    fields.map(({ conversion, ...line }) => [line, conversion?.mark ?? null]),
    now.workflow,
    workflow,
    orphaned.map(({ status, count }) => [status.code, count]),
    duration,
  ];
  const mark = createHash("sha256").update(JSON.stringify(seen)).digest("base64url").slice(0, 22);
  return { fields, workflow, orphaned, duration, isRefused: isDeepStrictEqual(now, campaign.typeRefused), mark };
}

/** Told from the type as it was taken: what the campaign changed of its own stays, where the type did not change it too. */
async function fieldLines(
  em: EntityManager,
  obeyed: Obeyed,
  before: readonly FieldDefinition[],
  after: readonly FieldDefinition[],
): Promise<FieldLine[]> {
  const { campaign } = obeyed;
  const all = await everyFieldOf(em, campaign);
  const own = new Map(all.flatMap((field) => (field.removedAt ? [] : [[field.code, field.definition()] as const])));
  const hidden = new Map(all.flatMap((field) => (field.removedAt ? [[field.code, field.definition()] as const] : [])));
  const title = titleFieldOf(campaign, [...own.values()])?.code;
  const lines: FieldLine[] = [];
  for (const { code } of before) {
    const present = own.get(code);
    if (!present || after.some((one) => one.code === code)) continue;
    const problem =
      title === code
        ? "Il nomme les opérations\u00a0: il reste."
        : campaign.segmentField === code
          ? "Il fait les segments\u00a0: il reste."
          : null;
    lines.push({ kind: "removed", code, label: present.label, words: [], to: null, conversion: null, problem });
    if (!problem) own.delete(code);
  }
  for (const theirs of after) {
    const { code } = theirs;
    const base = before.find((one) => one.code === code);
    const present = own.get(code);
    if (!present) {
      // The campaign took it off on its own.
      if (base) continue;
      const was = hidden.get(code);
      const others = [...own.values()];
      const problem =
        was && was.type !== theirs.type
          ? "Un champ de ce code, d’un autre type, vient d’être retiré de la campagne\u00a0: il ne revient pas."
          : own.size >= MOST_FIELDS
            ? `La campagne a déjà ${MOST_FIELDS} champs.`
            : (problemOf(() => checkField(theirs, others)) ??
              (was && theirs.isUnique ? await sharedProblem(em, campaign, theirs) : null));
      const words = was ? ["remis, avec ses valeurs"] : [];
      lines.push({ kind: "added", code, label: theirs.label, words, to: theirs, conversion: null, problem });
      if (!problem) own.set(code, theirs);
      continue;
    }
    const to = merged(base, present, theirs);
    const words = changedField(present, to);
    if (words.length === 0) continue;
    const others = [...own.values()].filter((one) => one.code !== code);
    const conversion = to.type === present.type ? null : await previewConversion(em, obeyed, present, to);
    const problem =
      problemOf(() => checkField(to, others)) ??
      (conversion ? conversionProblem(campaign, to, conversion, title === code) : null) ??
      (to.isUnique && !present.isUnique && !conversion ? await sharedProblem(em, campaign, to) : null);
    lines.push({ kind: "changed", code, label: present.label, words, to, conversion, problem });
    if (!problem) own.set(code, to);
  }
  return lines;
}

async function sharedProblem(em: EntityManager, campaign: Campaign, to: FieldDefinition): Promise<string | null> {
  const held = await valuesOfField(em, campaign.id, to.code);
  return problemOf(() =>
    refuseShared(
      to,
      held.map(({ value, live }) => ({ value, count: live })),
    ),
  );
}

function problemOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof RuleBroken) return error.message;
    throw error;
  }
}

/** The campaign's own field, with what the type changed of it since it was taken. */
function merged(base: FieldDefinition | undefined, own: FieldDefinition, theirs: FieldDefinition): FieldDefinition {
  const isMoved = (key: keyof FieldDefinition) => !base || !isDeepStrictEqual(base[key], theirs[key]);
  const keys = (Object.keys(theirs) as (keyof FieldDefinition)[]).filter((key) => key !== "rules" && isMoved(key));
  const to = { ...own, ...Object.fromEntries(keys.map((key) => [key, theirs[key]])) } as FieldDefinition;
  // Rules go with the type they are of.
  if (to.type !== theirs.type || !(isMoved("rules") || isMoved("type"))) return to;
  const kept = (own.rules.options ?? []).filter(({ code }) => !theirs.rules.options?.some((one) => one.code === code));
  const options = theirs.rules.options && [...theirs.rules.options, ...(own.type === to.type ? kept : [])];
  return { ...to, rules: { ...theirs.rules, ...(options && { options }) } };
}

/** What accepting did: operations that changed status, values that did not convert. */
export interface Accepted {
  moved: number;
  refused: number;
}

/**
 * Takes the type as it is now, in one act: its fields as the comparison told them, its workflow, with the statuses that
 * `replacements` give to operations of one that goes (WFL-6), its duration. Refused when what would happen is not what was
 * seen, and in a campaign that is over. The caller flushes.
 */
export async function acceptType(
  em: EntityManager,
  obeyed: Obeyed,
  { seen, replacements, by, now }: { seen: string; replacements: ReadonlyMap<string, string>; by: By; now: Date },
): Promise<Accepted> {
  const { campaign } = obeyed;
  // Whoever read its fields as they are writes before their values are compared (FLD-3, FLD-6).
  await holdWorkflow(em, campaign.id);
  const offer = await offered(em, obeyed);
  if (offer.mark !== seen) {
    throw new RuleBroken("Cette comparaison n’est plus à jour\u00a0: relisez-la, puis acceptez de nouveau.");
  }
  const type = takenOf(campaign.type!);
  const done: Accepted = { moved: 0, refused: 0 };
  const known = new Map((await everyFieldOf(em, campaign)).map((field) => [field.code, field]));
  const made: FieldDefinition[] = [];
  let isFound = false;
  for (const { kind, code, to, conversion, problem } of offer.fields) {
    if (problem !== null) continue;
    const field = known.get(code);
    const was = field?.removedAt === null ? field.definition() : null;
    if (field && !conversion && isFoundOtherwise(was, to)) isFound = true;
    if (kind === "removed") removeField(em, campaign, field!, { isTitle: false, by, now });
    else if (!field) made.push(to!);
    else if (kind === "added") putBackField(em, campaign, field, to!, { by });
    else if (!conversion) await redefineField(em, obeyed, field, to!, { by });
    else done.refused += (await convertField(em, obeyed, field, to!, { seen: conversion.mark, by })).refused;
    // One after the other: a label is free before another field takes it.
    await em.flush();
  }
  if (made.length > 0) await addFields(em, campaign, made, { by });
  if (isFound) await searchWholeAnew(em, campaign);
  if (offer.workflow.length > 0) {
    done.moved = await changeCampaignWorkflow(em, campaign, type.workflow, replacements, { by });
  }
  if (offer.duration) campaign.durationMinutes = offer.duration.to;
  Object.assign(campaign, { typeTaken: type, typeRefused: null });
  record(em, "campaign.type_followed", aboutCampaign(campaign), { by: by.id });
  return done;
}

/** Leaves the campaign as it is; its pages say nothing more of this version of its type. The caller flushes. */
export async function refuseType(
  em: EntityManager,
  obeyed: Obeyed,
  { seen, by }: { seen: string; by: By },
): Promise<void> {
  const { campaign } = obeyed;
  const { isRefused, mark } = await offered(em, obeyed);
  if (isRefused) throw new RuleBroken("Ces changements sont déjà refusés.");
  if (mark !== seen) {
    throw new RuleBroken("Cette comparaison n’est plus à jour\u00a0: relisez-la, puis répondez de nouveau.");
  }
  campaign.typeRefused = takenOf(campaign.type!);
  record(em, "campaign.type_refused", aboutCampaign(campaign), { by: by.id });
}

async function offered(em: EntityManager, obeyed: Obeyed): Promise<TypeOffer> {
  const { campaign } = obeyed;
  refuseArchived(campaign);
  if (!isOfferedIn(campaign)) throw new Conflict("Cette campagne est terminée\u00a0: elle garde ce qu’elle a pris.");
  const offer = await compareWithType(em, obeyed);
  if (!offer) throw new Conflict("Cette campagne suit déjà son type tel qu’il est. Revenez à la campagne.");
  return offer;
}
