import { hash } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Status } from "../workflow/index.ts";
import type { Campaign } from "./campaign.ts";
import { outlineOfWork, type WorkOutline } from "./queries/life-cycle.ts";
import { type Crossing, crossings, type PlannedSpan, plannedSpan } from "./queries/preparation.ts";
import { blockingPrerequisites } from "./queries/prerequisites.ts";
import { listSegments } from "./queries/segments.ts";

/** Where a publication leads: active when the first day is today or past where the campaign takes place (CAM-3). */
export const publishedState = ({ startsOn }: Pick<Campaign, "startsOn">, today: string): "active" | "upcoming" =>
  startsOn <= today ? "active" : "upcoming";

/** What a publication would apply, as it is shown before (CAM-17). */
export interface PublicationPlan {
  leadsTo: "active" | "upcoming";
  table: CrossTable;
  work: WorkOutline;
  span: PlannedSpan;
  blocking: Awaited<ReturnType<typeof blockingPrerequisites>>;
  /** What was seen, to be sent back: the same plan gives the same. */
  mark: string;
}

/** The plan of a draft as it stands now, days told in this zone (GEN-3). */
export async function planPublication(
  em: EntityManager,
  campaign: Campaign,
  { zone, today }: { zone: string; today: string },
): Promise<PublicationPlan> {
  const { id, startsOn, endsOn, visibility, workflow } = campaign;
  const leadsTo = publishedState(campaign, today);
  const work = await outlineOfWork(em, id);
  const table = crossTable(await crossings(em, id), await listSegments(em, id), workflow);
  const span = await plannedSpan(em, id, zone);
  const blocking = await blockingPrerequisites(em, campaign);
  const counts = table.lines.map((line) => [line.id, line.counts]);
  const statuses = table.statuses.map(({ code }) => code);
  const seen = [leadsTo, startsOn, endsOn, visibility, statuses, counts, work, span, blocking.map((one) => one.id)];
  return { leadsTo, table, work, span, blocking, mark: hash("sha256", JSON.stringify(seen)) };
}

/** Operations per segment and status, before a publication is applied (CAM-17). */
export interface CrossTable {
  /** The statuses that hold some, in the order of the workflow. */
  statuses: Status[];
  lines: CrossLine[];
  whole: CrossLine;
}

export interface CrossLine {
  /** Null: *Sans segment* (SEG-5), or the whole. */
  id: string | null;
  name: string;
  /** One a status, in their order. */
  counts: number[];
  total: number;
}

/** Every segment has its line, empty or not, and *Sans segment* where there is some or no other; the lines add up to the whole. */
export function crossTable(
  crossings: readonly Crossing[],
  segments: readonly { id: string; name: string }[],
  { statuses: all }: { statuses: readonly Status[] },
): CrossTable {
  const statuses = all.filter(({ code }) => crossings.some(({ status }) => status === code));
  const lineOf = (name: string, id: string | null, mine: readonly Crossing[]): CrossLine => {
    const counts = statuses.map(({ code }) => sum(mine.filter(({ status }) => status === code)));
    return { id, name, counts, total: sum(mine) };
  };
  const lines = [
    ...segments.map(({ id, name }) =>
      lineOf(
        name,
        id,
        crossings.filter(({ segmentId }) => segmentId === id),
      ),
    ),
    lineOf(
      "Sans segment",
      null,
      crossings.filter(({ segmentId }) => segmentId === null),
    ),
  ].filter(({ id, total }) => id !== null || total > 0);
  return { statuses, lines, whole: lineOf("Total", null, crossings) };
}

const sum = (some: readonly Pick<Crossing, "n">[]): number => some.reduce((all, { n }) => all + n, 0);
