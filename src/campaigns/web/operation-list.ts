import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { type FieldDefinition, showValue } from "../../fields/index.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { type Plan, statusOf, titleFieldOf } from "../operation.ts";
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
import { frameOf, listAt, operationAt, planOf } from "./shown.ts";

const LIST = { page: "campaigns/operations/index", part: "campaigns/operations/_list" };
const SIZES = [25, 50, 100];

const ID = z.union([z.uuid(), z.literal(NONE)]).optional();
const Filters = z.object({
  q: z.string().max(200).optional(),
  statut: z.string().max(60).optional(),
  segment: ID,
  technicien: ID,
  du: z.iso.date().or(z.literal("")).optional(),
  au: z.iso.date().or(z.literal("")).optional(),
  quand: z.enum(["en-retard", "sans-date", ""]).optional(),
  tri: z.string().max(60).optional(),
  sens: z.enum(["croissant", "decroissant"]).optional(),
  lignes: z.coerce.number().optional(),
  page: z.string().max(900).optional(),
});

const ORDERS = {
  cible: "title",
  statut: "status",
  segment: "segment",
  technicien: "technician",
  date: "planned",
} as const;

function orderOf(tri: string | undefined, descending: boolean, { fields, workflow }: Plan): OperationOrder {
  const statuses = workflow.statuses.map(({ code }) => code);
  const field = fields.find(({ code }) => `c.${code}` === tri);
  const by = field
    ? { field: field.code, isNumber: field.type === "number" }
    : (ORDERS[tri as keyof typeof ORDERS] ?? "planned");
  return { by, descending, statuses };
}

export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const filters = query(req, Filters);
  const { q, statut, segment, technicien, du, au, quand, tri, sens, page } = filters;
  const size = SIZES.includes(filters.lignes ?? 0) ? filters.lignes! : 50;
  const descending = sens === "decroissant";
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.read");
    const plan = await planOf(em, req, standing.campaign);
    const where = operationsWhere(
      standing.campaign.id,
      {
        q,
        status: statut || undefined,
        segment,
        technician: technicien,
        from: du || undefined,
        to: au || undefined,
        when: quand === "en-retard" ? "late" : quand === "sans-date" ? "undated" : undefined,
      },
      { zone: plan.zone },
    );
    const counts = await countByStatus(em, standing.campaign.id);
    const found = await listOperations(em, where, {
      order: orderOf(tri, descending, plan),
      mark: readMark(page),
      size,
    });
    const isFiltered = [q, statut, segment, technicien, du, au, quand].some(Boolean);
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    return {
      standing,
      plan,
      counts,
      all,
      ...found,
      total: isFiltered ? await countOperations(em, where) : all,
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
    };
  });
  const { standing, plan, counts, total, all, segments, technicians } = shown;
  const at = listAt(standing.campaign);
  const kept = {
    q: q || undefined,
    statut: statut || undefined,
    segment,
    technicien,
    du: du || undefined,
    au: au || undefined,
    quand: quand || undefined,
  };
  const sorted = { ...kept, tri, sens, lignes: size === 50 ? undefined : String(size) };
  const columns = plan.fields.filter(
    ({ code, isListed }) => isListed && code !== titleFieldOf(standing.campaign, plan.fields)?.code,
  );
  const sortOf = (one: string) => {
    const isHere = (tri ?? "date") === one;
    return {
      order: !isHere ? "none" : descending ? "descending" : "ascending",
      href: withQuery(at, {
        ...sorted,
        tri: one,
        sens: isHere && !descending ? "decroissant" : undefined,
        page: undefined,
      }),
    };
  };
  const late = withQuery(at, { quand: "en-retard" });
  res.show(LIST, {
    title: "Opérations",
    ...frameOf(req, standing, "operations", "Opérations"),
    operations: shown.rows.map((line) => lineOf(line, plan, columns, req)),
    columns: columns.map(({ code, label }) => ({ label, ...sortOf(`c.${code}`) })),
    sorts: Object.fromEntries(Object.keys(ORDERS).map((one) => [one, sortOf(one)])),
    titleLabel: titleFieldOf(standing.campaign, plan.fields)?.label ?? "Cible",
    total,
    all,
    listAt: at,
    late,
    form: {
      values: {
        q: q ?? "",
        statut: statut ?? "",
        segment: segment ?? "",
        technicien: technicien ?? "",
        du: du ?? "",
        au: au ?? "",
        quand: quand ?? "",
      },
    },
    statuses: plan.workflow.statuses.map(({ code, label }) => ({
      value: code,
      label: `${label} (${fr.number(counts.get(code) ?? 0)})`,
    })),
    segments: [{ value: NONE, label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [{ value: NONE, label: "Non affectées" }, ...technicians],
    active: Object.values(kept).filter(Boolean).length,
    mayManage: standing.may("operations.manage") && !standing.campaign.isArchived(),
    previous: shown.before && withQuery(at, { ...sorted, page: writeMark(shown.before) }),
    next: shown.after && withQuery(at, { ...sorted, page: writeMark(shown.after) }),
    sizes: SIZES.map((one) => ({
      size: one,
      current: one === size,
      href: withQuery(at, { ...sorted, lignes: String(one) }),
    })),
  });
};

/** A row of the list: what each column prints. */
function lineOf(line: OperationLine, { workflow, zone }: Plan, columns: FieldDefinition[], req: Request) {
  const { label, icon, tone, isFinal } = statusOf(workflow, line.status);
  const day = (moment: Date) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(moment);
  return {
    ...line,
    href: operationAt(line),
    badge: { label, icon, tone },
    isLate: !isFinal && line.plannedAt !== null && day(line.plannedAt) < day(req.now),
    day: line.plannedAt && fr.shortDate(line.plannedAt, zone),
    hour: line.plannedAt && fr.time(line.plannedAt, zone),
    cells: columns.map((field) => {
      const value = line.values[field.code];
      return { label: field.label, text: value === undefined ? "" : showValue(field, value, { zone }) };
    }),
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
      operations: shown.rows.map((line) => lineOf(line, shown.obeyed, [], req)),
      total: shown.total,
      previous: shown.before && withQuery(at, { page: writeMark(shown.before) }),
      next: shown.after && withQuery(at, { page: writeMark(shown.after) }),
    },
  );
};
