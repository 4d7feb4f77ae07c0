import { type ExportPlan, planOfFew } from "../sheets/export.ts";
import { type Chart, tableOf } from "./chart.ts";

/** The figures of a chart as rows to take away: an export profile answers it from its `open` (EXP-2, UIX-9). */
export function planOfChart(chart: Chart, about: Pick<ExportPlan, "place" | "name">): ExportPlan {
  const { heads, rows } = tableOf(chart);
  const columns = heads.map((head, rank) => ({ head, cell: (row: (typeof rows)[number]) => row[rank] ?? null }));
  return planOfFew(rows, columns, about);
}
