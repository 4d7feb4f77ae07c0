import { z } from "zod";
import type { FieldDefinition } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { titleFieldOf } from "./naming.ts";
import type { Plan } from "./plan.ts";
import type { OperationOrder } from "./queries/operations.ts";

/** What a list of operations shows and is sorted by, as its address says it (OPS-7, OPS-8). */

export interface Column {
  /** As the address names it: "statut", or "c.site" for a field. */
  code: string;
  label: string;
  /** Present on the column of a field. */
  field?: FieldDefinition;
  /** What sorting by it sorts by. */
  by: OperationOrder["by"];
  isNumber?: true;
}

/** Columns of the product beside the title, in the order they are first shown. */
const OWN: (Column & { isHidden?: true })[] = [
  { code: "statut", label: "Statut", by: "status" },
  { code: "date", label: "Planifiée le", by: "planned" },
  { code: "technicien", label: "Technicien", by: "technician" },
  { code: "segment", label: "Segment", by: "segment" },
  { code: "reports", label: "Reports", by: "postponed", isNumber: true },
  { code: "premiere", label: "Première date prévue", by: "first", isHidden: true },
  { code: "debut", label: "Démarrée le", by: "started", isHidden: true },
  { code: "fin", label: "Réalisée le", by: "completed", isHidden: true },
  { code: "motif", label: "Motif", by: "reason", isHidden: true },
  { code: "temps", label: "Temps passé", by: "minutes", isNumber: true, isHidden: true },
  { code: "places", label: "Places", by: "capacity", isNumber: true, isHidden: true },
  { code: "notes", label: "Notes", by: "notes", isHidden: true },
];

export const TITLE = "cible";
const MOST = 120;

/** All a list of this campaign can show beside the title, fields first. */
export function everyColumn({ campaign, fields }: Plan): Column[] {
  const title = titleFieldOf(campaign, fields);
  const ofFields = fields
    .filter(({ code }) => code !== title?.code)
    .map(
      (field): Column => ({
        code: `c.${field.code}`,
        label: field.label,
        field,
        by: field,
        ...(field.type === "number" && { isNumber: true }),
      }),
    );
  return [...ofFields, ...OWN.map(({ isHidden: _hidden, ...column }) => column)];
}

const LEADING = 3;

/**
 * Those shown when nothing is chosen: three fields ticked « Dans la liste », then status, date, technician, segment and
 * postponements, which many fields would push out of sight, then the other ticked ones.
 */
export function firstColumns(plan: Plan): Column[] {
  const shown = everyColumn(plan).filter(
    ({ code, field }) => field?.isListed ?? !OWN.find((one) => one.code === code)?.isHidden,
  );
  const [fields, own] = [shown.filter(({ field }) => field), shown.filter(({ field }) => !field)];
  return [...fields.slice(0, LEADING), ...own, ...fields.slice(LEADING)];
}

/**
 * The columns a list shows beside the title, in their order: those its address names, else the first ones (OPS-8). A
 * column that no longer exists is left out.
 */
export function columnsOf(query: Record<string, unknown>, plan: Plan): Column[] {
  const { colonnes } = query;
  const sent = z
    .string()
    .max(8_000)
    .optional()
    .safeParse(Array.isArray(colonnes) ? colonnes[0] : colonnes);
  if (!sent.success) throw new RuleBroken("Cette adresse n’a pas la forme attendue. Revenez à la liste.");
  if (sent.data === undefined || sent.data === "") return firstColumns(plan);
  const known = new Map(everyColumn(plan).map((column) => [column.code, column]));
  const codes = new Set(sent.data.split(",").slice(0, MOST));
  return [...codes].flatMap((code) => known.get(code) ?? []);
}

export interface Sorted {
  /** The column of the address; "date" when it names none that exists. */
  tri: string;
  isDescending: boolean;
  order: OperationOrder;
}

/** What the rows are sorted by (OPS-7): by date, earliest first, unless the address says otherwise. */
export function orderOf(query: Record<string, unknown>, plan: Plan): Sorted {
  const columns = [{ code: TITLE, by: "title" as const }, ...everyColumn(plan)];
  const [wanted, sens] = [query.tri, query.sens].map((sent) => [sent].flat()[0]);
  const { code: tri, by } = columns.find(({ code }) => code === wanted) ?? columns.find(({ code }) => code === "date")!;
  const isDescending = sens === "decroissant";
  const statuses = plan.workflow.statuses.map(({ code }) => code);
  return { tri, isDescending, order: { by, descending: isDescending, statuses } };
}
