import type { EntityManager } from "@mikro-orm/postgresql";
import type { RequestHandler } from "express";
import { z } from "zod";
import { staffNames } from "../../directory/index.ts";
import { dayOf, localOf, showValue } from "../../fields/index.ts";
import { readMark, type Values, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Plan, statusOf, titleFieldOf } from "../operation.ts";
import { type Column, columnsOf, orderOf, TITLE } from "../operation-column.ts";
import { chipsOf, filtersOf, placesNamed } from "../operation-filter.ts";
import { campaignFor } from "../policy.ts";
import {
  countByStatus,
  countOperations,
  listOperations,
  listTechnicians,
  NONE,
  type OperationLine,
  type OperationOrder,
  operationsWhere,
} from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { bulkOf } from "./bulks.ts";
import { frameOf, listAt, operationAt, planOf } from "./shown.ts";

const LIST = { page: "campaigns/operations/index", part: "campaigns/operations/_list" };
const SIZES = [25, 50, 100];

const Asked = z.object({
  sens: z.enum(["croissant", "decroissant"]).optional(),
  lignes: z.coerce.number().optional(),
  page: z.string().max(900).optional(),
});

export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { lignes, page } = query(req, Asked);
  const size = SIZES.includes(lignes ?? 0) ? lignes! : 50;
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.read");
    const plan = await planOf(em, req, standing.campaign);
    const filters = filtersOf(req.query, plan, req);
    const sorted = orderOf(req.query, plan);
    const columns = columnsOf(req.query, plan);
    const counts = await countByStatus(em, standing.campaign.id);
    const { order } = sorted;
    const found = await listOperations(em, filters.where, { order, mark: readMark(page), size });
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    return {
      standing,
      plan,
      filters,
      sorted,
      columns,
      counts,
      all,
      ...found,
      total: filters.isFiltered ? await countOperations(em, filters.where) : all,
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
      people: await peopleNamed(em, columns, found.rows),
      places: await placesNamed(em, filters),
    };
  });
  const { standing, plan, filters, sorted, columns, counts, total, all, segments, technicians } = shown;
  const at = listAt(standing.campaign);
  const { tri, isDescending } = sorted;
  const chosen = req.query.colonnes ? columns.map(({ code }) => code).join(",") : undefined;
  const look = {
    tri: tri === "date" ? undefined : tri,
    sens: isDescending ? "decroissant" : undefined,
    lignes: size === 50 ? undefined : String(size),
    colonnes: chosen,
  };
  const here = (change: Values) => withQuery(at, { ...filters.kept, ...look, ...change });
  const sortOf = (one: string) => {
    const isHere = tri === one;
    return {
      order: !isHere ? "none" : isDescending ? "descending" : "ascending",
      href: here({ tri: one, sens: isHere && !isDescending ? "decroissant" : undefined }),
    };
  };
  const names = new Map([
    ...segments.map(({ id, name }) => [id, name] as const),
    ...technicians.map(({ value, label }) => [value, label] as const),
    ...shown.places,
  ]);
  const first = (name: string) => filters.kept[name]?.[0] ?? "";
  res.show(LIST, {
    title: "Opérations",
    ...frameOf(req, standing, "operations", "Opérations"),
    operations: shown.rows.map((line) => lineOf(line, plan, columns, { now: req.now, names: shown.people })),
    titleColumn: { label: titleFieldOf(standing.campaign, plan.fields)?.label ?? "Cible", ...sortOf(TITLE) },
    columns: columns.map(({ code, label, isNumber }) => ({ label, num: isNumber ?? false, ...sortOf(code) })),
    total,
    all,
    listAt: at,
    chips: chipsOf(filters, plan, names).map(({ label, without }) => ({
      label,
      href: withQuery(at, { ...without, ...look }),
    })),
    unfiltered: withQuery(at, look),
    form: {
      values: Object.fromEntries(
        ["q", "statut", "segment", "technicien", "du", "au", "quand"].map((name) => [name, first(name)]),
      ),
    },
    statuses: plan.workflow.statuses.map(({ code, label }) => ({
      value: code,
      label: `${label} (${fr.number(counts.get(code) ?? 0)})`,
    })),
    segments: [{ value: NONE, label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: NONE, label: "Non affectées" }, ...technicians],
    active: Object.keys(filters.kept).length,
    exportAt:
      standing.may("rows.export") && total > 0
        ? withQuery(`/exports/operations/${standing.campaign.id}/nouveau`, { liste: here({}).split("?")[1] })
        : null,
    mayManage: standing.may("operations.manage") && !standing.campaign.isArchived(),
    bulk: bulkOf(standing, filters),
    previous: shown.before && here({ page: writeMark(shown.before) }),
    next: shown.after && here({ page: writeMark(shown.after) }),
    sizes: SIZES.map((one) => ({ size: one, current: one === size, href: here({ lignes: String(one) }) })),
  });
};

/** Who the fields of people name on this page, and nobody else. */
async function peopleNamed(em: EntityManager, columns: Column[], rows: OperationLine[]): Promise<Map<string, string>> {
  const fields = columns.flatMap(({ field }) => (field?.type === "person" ? field.code : []));
  const ids = new Set(rows.flatMap(({ values }) => fields.flatMap((code) => values[code] ?? [])));
  return staffNames(em, [...ids].map(String));
}

/** A row of the list: what each column prints. */
function lineOf(
  line: OperationLine,
  { workflow, zone }: Plan,
  columns: Column[],
  { now, names }: { now: Date; names: ReadonlyMap<string, string> },
) {
  const { label, icon, tone, isFinal } = statusOf(workflow, line.status);
  const day = (moment: Date) => dayOf(localOf(moment, zone));
  const moments = { premiere: line.firstPlannedAt, debut: line.startedAt, fin: line.completedAt };
  const textOf = ({ code, field }: Column): string => {
    if (field) return showValue(field, line.values[field.code], { zone, names });
    if (code in moments) {
      const moment = moments[code as keyof typeof moments];
      return moment ? fr.dateTime(moment, zone) : "";
    }
    return code === "motif" ? (line.reason ?? "") : "";
  };
  return {
    ...line,
    href: operationAt(line),
    badge: { label, icon, tone },
    isLate: !isFinal && line.plannedAt !== null && day(line.plannedAt) < day(now),
    day: line.plannedAt && fr.shortDate(line.plannedAt, zone),
    hour: line.plannedAt && fr.time(line.plannedAt, zone),
    cells: columns.map((column) => ({
      kind: column.field ? "value" : column.code,
      label: column.label,
      num: column.isNumber ?? false,
      text: textOf(column),
    })),
  };
}

export const trashed: RequestHandler<{ id: string }> = async (req, res) => {
  const { page } = query(req, z.object({ page: z.string().max(900).optional() }));
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.delete");
    const obeyed = await planOf(em, req, standing.campaign);
    const where = operationsWhere(standing.campaign.id, { isTrashed: true }, obeyed);
    const order: OperationOrder = { by: "title", descending: false, statuses: [] };
    const found = await listOperations(em, where, { order, mark: readMark(page) });
    return { standing, obeyed, ...found, total: await countOperations(em, where) };
  });
  const at = `${listAt(req.params)}/corbeille`;
  res.show(
    { page: "campaigns/operations/trash" },
    {
      title: "Corbeille des opérations",
      ...frameOf(req, shown.standing, "operations", "Corbeille"),
      operations: shown.rows.map((line) => lineOf(line, shown.obeyed, [], { now: req.now, names: new Map() })),
      total: shown.total,
      previous: shown.before && withQuery(at, { page: writeMark(shown.before) }),
      next: shown.after && withQuery(at, { page: writeMark(shown.after) }),
    },
  );
};
