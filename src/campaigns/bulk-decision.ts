import type { EntityManager } from "@mikro-orm/postgresql";
import type { RawBuilder, SqlBool } from "kysely";
import { addWorkingDays, listTechnicians } from "../directory/index.ts";
import { dayOf, type FieldValue, hourOf, localOf, readerOf, readMoment } from "../fields/index.ts";
import { Conflict, Forbidden, RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";
import type { ArrowRole } from "../workflow/index.ts";
import { Balance } from "./balance.ts";
import { BULK_ACTIONS, type BulkWish } from "./bulk-wish.ts";
import type { By } from "./campaign.ts";
import { refuseConverting } from "./conversion-run.ts";
import { described } from "./naming.ts";
import { technicianFor } from "./operation.ts";
import { type Plan, withPeople } from "./plan.ts";
import { type Changes, type Progress, plannedAs, type Said, statusOf, stepped } from "./progress.ts";
import { loadsOf } from "./queries/loads.ts";
import { Segment, segmentByField } from "./segment.ts";

/** One operation as a bulk action reads it. */
export interface BulkTarget extends Progress {
  id: string;
  version: number;
  technicianId: string | null;
  segmentId: string | null;
  isSegmentSetByHand: boolean;
  capacity: number;
  isHeldBack: boolean;
  values: Record<string, FieldValue>;
  /** Whom the preview of a balanced assignment gave it to. */
  given?: string | null;
}

/** What changes of one operation: properties with their new value. */
export type TargetChanges = Changes &
  Partial<
    Pick<BulkTarget, "technicianId" | "segmentId" | "isSegmentSetByHand" | "capacity" | "values"> & {
      title: string;
      search: string;
      trashedAt: Date;
    }
  >;

/** A wish made ready: decided row by row, with the rules of the act on one operation. */
export interface BulkDecision {
  /** Null: already so. Throws what the same act on this operation alone would. */
  of(target: BulkTarget): TargetChanges | null;
  /** What history says of it. */
  label(n: number): string;
}

export interface BulkSaid {
  by: By;
  now: Date;
  /** As what they act on an operation of this technician (WFL-3). */
  who(technicianId: string | null): ArrowRole[];
  holidayZone: string;
  /** Rows are about to be written; false in a preview. */
  isWriting: boolean;
  /** What a preview is about to freeze: a balance counts what its technicians have besides. */
  selected?: RawBuilder<SqlBool>;
}

/**
 * What a wish does to each operation. Throws RuleBroken when it can be done to none: an account that is no technician any
 * more, a segment or a field that is gone, a value the field refuses.
 */
export async function decisionOf(em: EntityManager, plan: Plan, wish: BulkWish, said: BulkSaid): Promise<BulkDecision> {
  const { campaign, zone } = plan;
  const noun = (n: number) => `${BULK_ACTIONS[wish.action].noun} ${fr.count(n, "opération", "opérations")}`;
  const one = ({ technicianId, isHeldBack }: BulkTarget): Said => ({
    ...{ by: said.by, now: said.now, who: said.who(technicianId) },
    isHeldBack,
  });
  const reason = "reason" in wish ? wish.reason : null;
  const plannedFor = (target: BulkTarget, date: Date | null) =>
    plannedAs(plan, target, { date, reason }, one(target))?.changes ?? null;
  const moment = (day: string, hour: string): Date => {
    const read = readMoment(day, hour, { zone, defaultHour: campaign.defaultHour });
    if ("problem" in read) throw new RuleBroken(read.problem, "day");
    return new Date(read.value!);
  };
  switch (wish.action) {
    case "assign": {
      const technician = (await technicianFor(em, campaign.tenantId, wish.technician))!;
      return {
        of: ({ technicianId }) => (technicianId === technician.id ? null : { technicianId: technician.id }),
        label: (n) => `${noun(n)} à ${technician.name()}`,
      };
    }
    case "balance": {
      const technicians = (await listTechnicians(em, { from: dayOf(localOf(said.now, zone)) })).filter(({ id }) =>
        wish.technicians.includes(id),
      );
      if (technicians.length < wish.technicians.length) {
        throw new RuleBroken(
          "Un des techniciens choisis n’est plus disponible\u00a0: choisissez de nouveau.",
          "technicians",
        );
      }
      const { minutes } = wish;
      const present = said.selected
        ? await loadsOf(em, wish.technicians, { zone, minutes, except: said.selected })
        : [];
      const balance = new Balance(technicians, present, { minutes, zone });
      return {
        of(target) {
          if (statusOf(plan.workflow, target.status).isFinal) {
            throw new RuleBroken("Cette opération est close\u00a0: elle n’est plus à répartir.");
          }
          const given = said.isWriting ? (target.given ?? null) : balance.give(target.plannedAt ?? null);
          target.given = given;
          return given === target.technicianId ? null : { technicianId: given };
        },
        label: (n) => `${noun(n)} entre ${fr.list(technicians.map(({ name }) => name))}`,
      };
    }
    case "unassign":
      return { of: ({ technicianId }) => (technicianId === null ? null : { technicianId: null }), label: noun };
    case "date": {
      if (wish.hour !== "") moment(wish.day, wish.hour);
      const hourNow = ({ plannedAt }: BulkTarget) => (plannedAt ? hourOf(localOf(plannedAt, zone)) : "");
      return {
        of: (target) => plannedFor(target, moment(wish.day, wish.hour || hourNow(target))),
        label: (n) => `${noun(n)} au ${fr.date(`${wish.day}T12:00:00Z`, "UTC")}`,
      };
    }
    case "undate":
      return { of: (target) => plannedFor(target, null), label: noun };
    case "shift": {
      const calendar = { zone: campaign.holidayZone ?? said.holidayZone, closedDays: campaign.closedDays };
      const known = new Map<string, string>();
      const shifted = (day: string) => {
        const found = known.get(day) ?? addWorkingDays(day, wish.days, calendar);
        known.set(day, found);
        return found;
      };
      const way = `${wish.days > 0 ? "+" : "−"}\u00a0${fr.count(Math.abs(wish.days), "jour ouvré", "jours ouvrés")}`;
      return {
        of(target) {
          if (!target.plannedAt) throw new RuleBroken("Cette opération n’a pas de date à décaler.");
          const local = localOf(target.plannedAt, zone);
          return plannedFor(target, moment(shifted(dayOf(local)), hourOf(local)));
        },
        label: (n) => `${noun(n)}, ${way}`,
      };
    }
    case "step": {
      const { to, kind, minutes } = wish;
      const date = wish.date === null ? null : new Date(wish.date);
      return {
        of: (target) =>
          target.status === to ? null : stepped(plan, target, { to, kind, reason, date, minutes }, one(target)).changes,
        label: (n) => `${wish.label}\u00a0: ${fr.count(n, "opération", "opérations")}`,
      };
    }
    case "segment": {
      const segment =
        wish.segment === null
          ? null
          : await em.findOne(Segment, { id: wish.segment, campaign: { id: campaign.id } } as never);
      if (wish.segment !== null && !segment) {
        throw new RuleBroken("Ce segment n’existe plus\u00a0: choisissez-en un autre.", "segment");
      }
      return {
        of: ({ segmentId, isSegmentSetByHand }) =>
          segmentId === wish.segment && isSegmentSetByHand
            ? null
            : { segmentId: wish.segment, isSegmentSetByHand: true },
        label: (n) => `${noun(n)}\u00a0: ${segment ? `«\u00a0${(segment as Segment).name}\u00a0»` : "aucun"}`,
      };
    }
    case "field": {
      const field = plan.fields.find(({ code }) => code === wish.code);
      if (!field) throw new RuleBroken("Ce champ n’existe plus\u00a0: choisissez-en un autre.", "code");
      if (said.isWriting) await refuseConverting(em, campaign.id, field.code);
      const { person } = await withPeople(em, { fields: [field] }, { texts: [wish.text] });
      const answer = readerOf(field, { zone, defaultHour: campaign.defaultHour, ...(person && { person }) })(wish.text);
      if ("problem" in answer) throw new RuleBroken(answer.problem, "value");
      const { value } = answer;
      if (field.isUnique && value !== null) {
        throw new RuleBroken(
          `«\u00a0${field.label}\u00a0» est unique\u00a0: il se remplit opération par opération.`,
          "code",
        );
      }
      const told = JSON.stringify(value ?? undefined);
      // A segment that has to be made is made when rows go into it, not by their preview (SEG-2).
      const led =
        said.isWriting && field.code === campaign.segmentField
          ? {
              segmentId:
                (await segmentByField(em, plan, value === null ? {} : { [field.code]: value }, said))?.id ?? null,
            }
          : {};
      return {
        of({ values: { [wish.code]: present, ...others }, isSegmentSetByHand }) {
          if (JSON.stringify(present) === told) return null;
          const changes = described(plan, value === null ? others : { ...others, [wish.code]: value });
          return isSegmentSetByHand ? changes : { ...changes, ...led };
        },
        label: (n) => `«\u00a0${field.label}\u00a0» de ${fr.count(n, "opération", "opérations")}`,
      };
    }
    case "capacity":
      return {
        of: ({ capacity }) => (capacity === wish.capacity ? null : { capacity: wish.capacity }),
        label: (n) => `${noun(n)}\u00a0: ${fr.number(wish.capacity)}`,
      };
    case "trash":
      return { of: () => ({ trashedAt: said.now }), label: noun };
  }
}

/** What stops one row and not the others, as a sentence; what is not a refusal goes up. */
export function refusalOf(error: unknown): string {
  if (error instanceof RuleBroken || error instanceof Conflict || error instanceof Forbidden) return error.message;
  throw error;
}
