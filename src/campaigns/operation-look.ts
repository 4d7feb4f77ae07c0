import { type Column, columnsOf, orderOf, type Sorted } from "./operation-column.ts";
import type { Kept } from "./operation-filter.ts";
import type { Plan } from "./plan.ts";
import type { GroupBy } from "./queries/operation-groups.ts";

/** How a list of operations is laid out, as its address says it (OPS-7 to OPS-9): all but what narrows it. */
export interface Look {
  columns: Column[];
  sorted: Sorted;
  groupBy: GroupBy | null;
  isCards: boolean;
  /** As the address carries it, what goes without saying left out. */
  kept: Kept;
}

export const GROUPS: { value: string; by: GroupBy; label: string }[] = [
  { value: "segment", by: "segment", label: "Segment" },
  { value: "statut", by: "status", label: "Statut" },
  { value: "technicien", by: "technician", label: "Technicien" },
  { value: "jour", by: "day", label: "Jour planifié" },
];

/** Keys of groups in the order people know them: that of segments and statuses, names; days follow one another by themselves. */
export const groupKeys = (
  by: GroupBy,
  {
    workflow,
    segments,
    technicians,
  }: Pick<Plan, "workflow"> & { segments: readonly { id: string }[]; technicians: readonly { value: string }[] },
): string[] =>
  ({
    segment: segments.map(({ id }) => id),
    status: workflow.statuses.map(({ code }) => code),
    technician: technicians.map(({ value }) => value),
    day: [],
  })[by];

/** Reads columns, sort, grouping and layout from what an address says; what it says amiss goes without saying. */
export function lookOf(query: Record<string, unknown>, plan: Plan): Look {
  const [colonnes, groupe, forme] = [query.colonnes, query.groupe, query.forme].map((sent) => [sent].flat()[0]);
  const columns = columnsOf(query, plan);
  const sorted = orderOf(query, plan);
  const group = GROUPS.find(({ value }) => value === groupe);
  const isCards = forme === "cartes";
  const kept: Kept = {
    ...(sorted.tri !== "date" && { tri: [sorted.tri] }),
    ...(sorted.isDescending && { sens: ["decroissant"] }),
    ...(Boolean(colonnes) && { colonnes: [columns.map(({ code }) => code).join(",")] }),
    ...(group && { groupe: [group.value] }),
    ...(isCards && { forme: ["cartes"] }),
  };
  return { columns, sorted, groupBy: group?.by ?? null, isCards, kept };
}
