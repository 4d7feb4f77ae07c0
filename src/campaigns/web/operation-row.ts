import type { EntityManager } from "@mikro-orm/postgresql";
import { staffNames } from "../../directory/index.ts";
import { dayOf, localOf, showValue, startOfDay } from "../../fields/index.ts";
import { fr } from "../../platform/text/index.ts";
import { toldMinutes } from "../balance.ts";
import type { Column } from "../operation-column.ts";
import type { Plan } from "../plan.ts";
import { statusOf } from "../progress.ts";
import type { OperationLine } from "../queries/operations.ts";
import { operationAt } from "./shown.ts";

export const cellAt = (operation: { id: string }, code: string) => `${operationAt(operation)}/cellules/${code}`;

const OWN_CELLS = ["statut", "date", "technicien", "segment"];

/** Columns edited in place (OPS-10); the date of what is done waits for it to be reopened (OPS-11). */
export function isEdited({ code, field }: Pick<Column, "code" | "field">, isFinal: boolean): boolean {
  if (field) return field.type !== "attachment";
  return OWN_CELLS.includes(code) && !(code === "date" && isFinal);
}

/** Who the fields of people name on this page, and nobody else. */
export async function peopleNamed(
  em: EntityManager,
  columns: Column[],
  rows: OperationLine[],
): Promise<Map<string, string>> {
  const fields = columns.flatMap(({ field }) => (field?.type === "person" ? field.code : []));
  const ids = new Set(rows.flatMap(({ values }) => fields.flatMap((code) => values[code] ?? [])));
  return staffNames(em, [...ids].map(String));
}

/** What was planned before that moment, the midnight of the campaign, is late; nothing is once it is over (STA-9). */
export const lateBefore = (now: Date, { campaign, zone }: Plan): Date | null =>
  campaign.closedAt ? null : startOfDay(dayOf(localOf(now, zone)), zone);

/** A row of the list: what each column prints. */
export function lineOf(
  line: OperationLine,
  { workflow, zone }: Plan,
  columns: Column[],
  {
    late,
    names,
    mayEdit = false,
    mayPick = false,
  }: { late: Date | null; names: ReadonlyMap<string, string>; mayEdit?: boolean; mayPick?: boolean },
) {
  const { label, icon, tone, isFinal } = statusOf(workflow, line.status);
  const moments = { premiere: line.firstPlannedAt, debut: line.startedAt, fin: line.completedAt };
  const textOf = ({ code, field }: Column): string => {
    if (field) return showValue(field, line.values[field.code], { zone, names });
    if (code in moments) {
      const moment = moments[code as keyof typeof moments];
      return moment ? fr.dateTime(moment, zone) : "";
    }
    if (code === "temps") return line.minutes === null ? "" : toldMinutes(line.minutes);
    if (code === "places") return fr.number(line.capacity);
    if (code === "notes") return line.notes;
    return code === "motif" ? (line.reason ?? "") : "";
  };
  return {
    ...line,
    mayPick,
    href: operationAt(line),
    // A short code is one word to the eye: "PC-0603" never breaks at its hyphen.
    isShort: line.title.length <= 24,
    badge: { label, icon, tone },
    isLate: !isFinal && late !== null && line.plannedAt !== null && line.plannedAt < late,
    moment: line.plannedAt && fr.iso(line.plannedAt),
    day: line.plannedAt && fr.shortDate(line.plannedAt, zone),
    hour: line.plannedAt && fr.time(line.plannedAt, zone),
    cells: columns.map((column) => ({
      kind: column.field ? "value" : column.code,
      label: column.label,
      num: column.isNumber ?? false,
      text: textOf(column),
      edit: mayEdit && isEdited(column, isFinal) ? cellAt(line, column.code) : null,
    })),
  };
}
