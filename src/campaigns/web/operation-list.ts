import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { dayOf, localOf } from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { readMark, type Values, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { isPartial } from "../../platform/http/partial.ts";
import { fr } from "../../platform/text/index.ts";
import { titleFieldOf } from "../naming.ts";
import { TITLE } from "../operation-column.ts";
import { chipsOf, filtersOf, type Kept, placesNamed } from "../operation-filter.ts";
import { GROUPS, groupKeys, lookOf } from "../operation-look.ts";
import type { Plan } from "../plan.ts";
import { lastChangers } from "../queries/bulks.ts";
import { countGroups, type Group, type GroupBy, inOrder, listGrouped } from "../queries/operation-groups.ts";
import {
  type CampaignCounts,
  countByStatus,
  countCampaign,
  countOperations,
  listOperations,
  listTechniciansWithNext,
  NONE,
  type OperationOrder,
  operationsWhere,
  SOMEBODY,
} from "../queries/operations.ts";
import { listViewsWithNext, type SavedViewLine } from "../queries/saved-views.ts";
import { listSegmentsWithNext } from "../queries/segments.ts";
import { BUILT_IN } from "../saved-view.ts";
import { bulkOf } from "./bulk-selection.ts";
import { meantPeople, showFilters } from "./operation-filters.ts";
import { lateBefore, lineOf, peopleNamed } from "./operation-row.ts";
import { addressOf, campaignAndPlan, frameOf, listAt, shownProgress } from "./shown.ts";

const LIST = { page: "campaigns/operations/index", part: "campaigns/operations/_list" };
const SIZES = [25, 50, 100];
const FIRST = 50;
/** Filters the bar above the list has a control for; the others have theirs on the page of filters. */
const IN_BAR = ["q", "statut", "technicien"];

const Asked = z.object({
  lignes: z.coerce.number().optional(),
  page: z.string().max(900).optional(),
  /** The rank of the first row and its group: a page by keyset does not know them. */
  de: z.coerce.number().int().min(1).max(10_000_000).optional(),
  g: z.string().max(60).optional(),
});

type OfCampaign = Request<{ id: string }>;

export const index: RequestHandler<{ id: string }> = async (req, res) => {
  try {
    await showList(req, res);
  } catch (error) {
    // A filter that cannot be read is mended where all filters are.
    if (error instanceof RuleBroken && error.field !== undefined) return showFilters(req, res, error);
    throw error;
  }
};

async function showList(req: OfCampaign, res: Response): Promise<void> {
  const { lignes, page, de, g } = query(req, Asked);
  const size = SIZES.includes(lignes ?? 0) ? lignes! : FIRST;
  const folded = new Set([req.query.plie ?? []].flat().map(String));
  const shown = await read(req, async (em) => {
    const { standing, plan } = await campaignAndPlan(em, req, "operations.read");
    const { campaign } = standing;
    const meant = await meantPeople(em, req.query, plan);
    const filters = filtersOf(meant, plan, req);
    const look = lookOf(req.query, plan);
    const { order } = look.sorted;
    const [segmentsThen, techniciansThen, viewsThen] = [
      await listSegmentsWithNext(em, campaign.id),
      await listTechniciansWithNext(em),
      await listViewsWithNext(em, campaign.id, req.user!.id),
    ];
    const of = { tenantId: campaign.tenantId, day: dayOf(localOf(req.now, plan.zone)) };
    const whole = await countCampaign(em, campaign, { ...of, zone: plan.zone });
    const [segments, technicians, views] = [segmentsThen(), techniciansThen(), viewsThen()];
    // Under the other filters, each status as the list it would open: one question gives them and the total.
    const others = filtersOf({ ...meant, statut: [] }, plan, req);
    const counts = others.isFiltered ? await countByStatus(em, others.where, of) : whole.byStatus;
    const mark = readMark(page);
    const by = look.groupBy;
    const groups =
      by &&
      inOrder(
        await countGroups(em, filters.where, by, { zone: plan.zone, ...of }),
        groupKeys(by, { ...plan, segments, technicians }),
      );
    const at = mark && g !== undefined ? { key: g, mark } : null;
    const grouped =
      groups && (await listGrouped(em, filters.where, groups, { by, zone: plan.zone, order, at, size, folded }));
    const found = grouped
      ? null
      : await listOperations(em, filters.where, {
          order,
          mark,
          size,
          ...(filters.isFiltered && { within: campaign.id }),
        });
    const rows = grouped ? grouped.rows.map(({ row }) => row) : found!.rows;
    return {
      ...{ standing, plan, filters, look, whole, counts, segments, technicians, groups, grouped, rows },
      before: grouped ? grouped.before : found!.before && { key: undefined, mark: found!.before },
      after: grouped ? grouped.after : found!.after && { key: undefined, mark: found!.after },
      views,
      people: await peopleNamed(em, look.columns, rows),
      places: await placesNamed(em, filters),
    };
  });
  const { standing, plan, filters, look, whole, counts, segments, technicians, rows } = shown;
  const { kept } = filters;
  const all = sumOf(whole.byStatus.values());
  const total = sumOf((kept.statut ?? [...counts.keys()]).map((code) => counts.get(code) ?? 0));
  const at = listAt(standing.campaign);
  const lasting = { ...look.kept, lignes: size === FIRST ? undefined : String(size) };
  // A form without script sends its empty controls too: the address that is kept and shared says what it filters.
  if (!isPartial(req) && isLong(req.query)) return res.redirect(302, withQuery(at, { ...filters.kept, ...lasting }));
  const opened = Object.keys(req.query).length === 0 && shown.views.find(({ isDefault }) => isDefault);
  if (opened) return res.redirect(302, withQuery(at, { ...opened.address, vue: opened.id }));
  const hasDefault = shown.views.some(({ isDefault }) => isDefault);
  // A bare address opens the view one chose by default: the whole list then says so.
  const listed = (values: Values) => {
    const address = withQuery(at, values);
    return address === at && hasDefault ? `${at}?vue=toutes` : address;
  };
  const here = (change: Values) => listed({ ...filters.kept, ...lasting, ...change });
  const { tri, isDescending } = look.sorted;
  const sortOf = (one: string) => {
    const isHere = tri === one;
    return {
      order: !isHere ? "none" : isDescending ? "descending" : "ascending",
      href: here({ tri: one, sens: isHere && !isDescending ? "decroissant" : undefined }),
    };
  };
  const names = namesOf(plan, segments, technicians, shown.places);
  const from = page && shown.before ? Math.max(1, de ?? 1) : 1;
  const pageAt = (edge: { key: string | undefined; mark: Parameters<typeof writeMark>[0] } | null, start: number) =>
    edge && here({ page: writeMark(edge.mark), g: edge.key, de: String(Math.max(1, start)), plie: [...folded] });
  const mayManage = standing.may("operations.manage") && !standing.campaign.isArchived();
  const bulk = bulkOf(standing, filters);
  const given = {
    late: lateBefore(req.now, plan),
    names: shown.people,
    mayEdit: mayManage,
    mayPick: bulk !== null,
  };
  const operations = rows.map((line) => lineOf(line, plan, look.columns, given));
  const groupName = GROUPS.find(({ by }) => by === look.groupBy);
  res.show(LIST, {
    title: "Opérations",
    ...frameOf(req, standing, "operations", "Opérations"),
    operations,
    parts:
      shown.groups && shown.grouped
        ? partsOf(shown.groups, shown.grouped, operations, folded, (group) => ({
            label: groupLabel(group.key, look.groupBy!, names),
            href: here({ groupe: undefined, ...filterOn(group.key, look.groupBy!) }),
            fold: here({
              plie: folded.has(group.key) ? [...folded].filter((key) => key !== group.key) : [...folded, group.key],
            }),
          }))
        : [{ group: null, operations }],
    groupedBy: groupName?.label ?? null,
    titleColumn: { label: titleFieldOf(standing.campaign, plan.fields)?.label ?? "Cible", ...sortOf(TITLE) },
    columns: look.columns.map(({ code, label, isNumber }) => ({ label, num: isNumber ?? false, ...sortOf(code) })),
    isCards: look.isCards,
    forms: [
      { label: "Tableau", href: here({ forme: undefined }), current: !look.isCards },
      { label: "Cartes", href: here({ forme: "cartes" }), current: look.isCards },
    ],
    total,
    all,
    range: rows.length > 0 ? `${fr.number(from)}–${fr.number(from + rows.length - 1)} sur ${fr.number(total)}` : null,
    listAt: at,
    filtersAt: withQuery(`${at}/filtres`, { ...kept, ...lasting }),
    columnsAt: withQuery(`${at}/colonnes`, { ...kept, ...lasting }),
    chips: chipsOf(filters, plan, names).map(({ label, without }) => ({
      label,
      href: listed({ ...without, ...lasting }),
    })),
    unfiltered: listed(lasting),
    form: {
      values: {
        ...Object.fromEntries(IN_BAR.map((name) => [name, kept[name]?.[0] ?? ""])),
        groupe: groupName?.value ?? "",
      },
    },
    // Several values of a filter have no control in the bar: they ride along, and a chip says them.
    views: viewsOf(shown.views, at, { ...kept, ...look.kept }, { all, whole, plan }),
    saveAt: withQuery(`${addressOf(standing.campaign)}/vues`, { ...kept, ...look.kept }),
    several: IN_BAR.filter((name) => (kept[name]?.length ?? 0) > 1),
    carried: hidden({
      ...Object.fromEntries(Object.entries(kept).filter(([name, list]) => !IN_BAR.includes(name) || list.length > 1)),
      ...{ ...lasting, groupe: undefined },
    }),
    quick: plan.workflow.statuses.map(({ code, label, icon, tone }) => {
      const isHere = kept.statut?.length === 1 && kept.statut[0] === code;
      return {
        ...{ label, icon, tone, isHere, count: counts.get(code) ?? 0 },
        href: here({ statut: isHere ? undefined : code }),
      };
    }),
    statuses: plan.workflow.statuses.map(({ code, label }) => ({ value: code, label })),
    technicians: [{ value: NONE, label: "Non affectées" }, { value: SOMEBODY, label: "Affectées" }, ...technicians],
    groups: GROUPS.map(({ value, label }) => ({ value, label })),
    active: Object.keys(kept).length,
    exportAt:
      standing.may("rows.export") && total > 0
        ? withQuery(`/exports/operations/${standing.campaign.id}/nouveau`, { liste: here({}).split("?")[1] })
        : null,
    mayManage,
    bulk,
    previous: pageAt(shown.before, from - size),
    next: pageAt(shown.after, from + rows.length),
    sizes: SIZES.map((one) => ({ size: one, current: one === size, href: here({ lignes: String(one) }) })),
  });
}

/** The views above the list, those every campaign has first; the one whose address this is stands out (OPS-8). */
function viewsOf(
  saved: SavedViewLine[],
  at: string,
  here: Kept,
  { all, whole, plan }: { all: number; whole: CampaignCounts; plan: Plan },
) {
  const same = (address: Kept) => withQuery("", sorted(address)) === withQuery("", sorted(here));
  const deferred = plan.workflow.statuses.filter(({ category }) => category === "deferred");
  const toPlanAgain = sumOf(deferred.map(({ code }) => whole.byStatus.get(code) ?? 0));
  const built = BUILT_IN.map(({ name, address }) => ({
    name,
    href: withQuery(at, address),
    current: same(address),
    count: address.categorie ? toPlanAgain : whole.late,
  }));
  const every = { name: "Toutes", href: `${at}?vue=toutes`, current: same({}), count: all };
  const own = saved.map(({ id, name, address }) => ({
    name,
    href: withQuery(at, { ...address, vue: id }),
    current: same(address),
    count: null,
  }));
  return [every, ...built, ...own];
}

const sumOf = (numbers: Iterable<number>) => [...numbers].reduce((sum, n) => sum + n, 0);

const sorted = (address: Kept): Kept =>
  Object.fromEntries(Object.entries(address).toSorted(([one], [other]) => (one < other ? -1 : 1)));

/** Says a filter in more than it takes: empty controls, or one that stands for another. */
const isLong = (asked: Record<string, unknown>) =>
  Object.entries(asked).some(([name, value]) => value === "" || /^[pds]\./.test(name)) ||
  Object.entries(asked).some(([name, value]) => /^v\./.test(name) && [value].flat().includes(""));

const hidden = (values: Values) =>
  Object.entries(values).flatMap(([name, value]) => [value ?? []].flat().map((text) => ({ name, value: text })));

type Segments = { id: string; name: string }[];
type Technicians = { value: string; label: string }[];

function namesOf({ workflow }: Plan, segments: Segments, technicians: Technicians, places: [string, string][]) {
  return new Map<string, string>([
    ...workflow.statuses.map(({ code, label }) => [code, label] as const),
    ...segments.map(({ id, name }) => [id, name] as const),
    ...technicians.map(({ value, label }) => [value, label] as const),
    ...places,
  ]);
}

const NO_GROUP: Record<GroupBy, string> = {
  segment: "Sans segment",
  status: "Sans statut",
  technician: "Non affectées",
  day: "Sans date",
};

function groupLabel(key: string, by: GroupBy, names: ReadonlyMap<string, string>): string {
  if (key === NONE) return NO_GROUP[by];
  if (by === "day") return fr.date(`${key}T12:00:00Z`, "UTC");
  return names.get(key) ?? (by === "technician" ? "Ancien technicien" : key);
}

/** What narrows the list to one group. */
function filterOn(key: string, by: GroupBy): Values {
  if (by === "day") return key === NONE ? { quand: "sans-date", du: undefined, au: undefined } : { du: key, au: key };
  return { [{ segment: "segment", status: "statut", technician: "technicien" }[by]]: key };
}

type Line = ReturnType<typeof lineOf>;

/** The groups of a page with their rows: those it shows, and those folded around them. */
function partsOf(
  groups: Group[],
  { rows, before, after }: { rows: { key: string }[]; before: unknown; after: unknown },
  lines: Line[],
  folded: ReadonlySet<string>,
  linksOf: (group: Group) => { label: string; href: string; fold: string },
) {
  const rank = (key: string | undefined) => groups.findIndex((group) => group.key === key);
  const first = before ? rank(rows[0]?.key) : 0;
  const last = after ? rank(rows.at(-1)?.key) : groups.length - 1;
  return groups.slice(first, last + 1).map((group) => {
    const { key, total, done, cancelled } = group;
    return {
      group: {
        ...linksOf(group),
        ...{ key, total, done },
        isFolded: folded.has(key),
        ...shownProgress({ total, done, cancelled }),
      },
      operations: lines.filter((_line, i) => rows[i]!.key === key),
    };
  });
}

export const trashed: RequestHandler<{ id: string }> = async (req, res) => {
  const { page } = query(req, z.object({ page: z.string().max(900).optional() }));
  const shown = await read(req, async (em) => {
    const { standing, plan: obeyed } = await campaignAndPlan(em, req, "operations.delete");
    const where = operationsWhere(standing.campaign.id, { isTrashed: true }, obeyed);
    const order: OperationOrder = { by: "title", descending: false, statuses: [] };
    const found = await listOperations(em, where, { order, mark: readMark(page) });
    const ids = found.rows.map(({ id }) => id);
    const trashers = await lastChangers(em, ids, "trashed_at");
    return { standing, obeyed, trashers, ...found, total: await countOperations(em, where, standing.campaign) };
  });
  const at = `${listAt(req.params)}/corbeille`;
  res.show(
    { page: "campaigns/operations/trash" },
    {
      title: "Corbeille des opérations",
      ...frameOf(req, shown.standing, "operations", "Corbeille"),
      operations: shown.rows.map((line) => ({
        ...lineOf(line, shown.obeyed, [], { late: null, names: new Map() }),
        by: shown.trashers.get(line.id) ?? "—",
      })),
      total: shown.total,
      previous: shown.before && withQuery(at, { page: writeMark(shown.before) }),
      next: shown.after && withQuery(at, { page: writeMark(shown.after) }),
    },
  );
};
