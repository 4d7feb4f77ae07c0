import type { EntityManager } from "@mikro-orm/postgresql";
import type { RawBuilder, SqlBool } from "kysely";
import { z } from "zod";
import type { SignedIn } from "../accounts/index.ts";
import { staffNames } from "../directory/index.ts";
import { cellText, type FieldDefinition } from "../fields/index.ts";
import { NotFound } from "../platform/errors.ts";
import {
  type Cell,
  type ExportAsked,
  type ExportPlan,
  type ExportProfile,
  fileNameAfter,
} from "../platform/sheets/export.ts";
import { CATEGORIES, type Category } from "../workflow/index.ts";
import { aboutCampaign } from "./campaign.ts";
import { titleFieldOf } from "./naming.ts";
import { type Column, everyColumn, TITLE } from "./operation-column.ts";
import { chipsOf, filtersOf, namesOf } from "./operation-filter.ts";
import { GROUPS, groupKeys, type Look, lookOf } from "./operation-look.ts";
import { type Plan, planFor } from "./plan.ts";
import { campaignFor } from "./policy.ts";
import { type ExportedOperation, exportedAccounts, exportedOperations, exportedPeople } from "./queries/exported.ts";
import { type GroupBy, groupSort } from "./queries/operation-groups.ts";
import { countOperations, listTechnicians, type OperationOrder } from "./queries/operations.ts";
import { listSegments } from "./queries/segments.ts";

/** What the cells of a bundle may need to name. */
interface Told {
  plan: Plan;
  /** People of accounts and of the directory, by id. */
  names: ReadonlyMap<string, string>;
  statuses: ReadonlyMap<string, { label: string; category: Category }>;
}

interface Written {
  head: string;
  cell(row: ExportedOperation, told: Told): Cell;
}

const person = (id: string | null, { names }: Told) => (id === null ? null : (names.get(id) ?? null));

const PLANNED: Written[] = [
  { head: "Date prévue", cell: ({ plannedOn }) => plannedOn },
  { head: "Heure prévue", cell: ({ plannedHour }) => plannedHour },
];

/** Columns of the product, by the code a list gives them; heads are those an import knows again (EXP-8). */
const OWN: Record<string, Written[]> = {
  segment: [{ head: "Segment", cell: ({ segment }) => segment }],
  statut: [{ head: "Statut", cell: ({ status }, { statuses }) => statuses.get(status)?.label ?? status }],
  technicien: [{ head: "Technicien", cell: ({ technicianId }, told) => person(technicianId, told) }],
  date: PLANNED,
  premiere: [{ head: "Première date prévue", cell: ({ first }) => first }],
  reports: [{ head: "Reports", cell: ({ postponeCount }) => postponeCount }],
  motif: [{ head: "Dernier motif", cell: ({ reason }) => reason }],
  debut: [{ head: "Démarrée le", cell: ({ started }) => started }],
  fin: [{ head: "Réalisée le", cell: ({ completed }) => completed }],
  temps: [{ head: "Minutes passées", cell: ({ minutes }) => minutes }],
  places: [{ head: "Places", cell: ({ capacity }) => capacity }],
  notes: [{ head: "Notes", cell: ({ notes }) => notes || null }],
};

const CATEGORY: Written = {
  head: "Catégorie",
  cell: ({ status }, { statuses }) => {
    const found = statuses.get(status);
    return found ? CATEGORIES[found.category].label : null;
  },
};

const COMPLETED_BY: Written = {
  head: "Réalisée par",
  cell: ({ completedById }, told) => person(completedById, told),
};
const MISSING: Written = { head: "Absente du fichier", cell: ({ isMissing }) => (isMissing ? "Oui" : "Non") };

/** What only a whole export holds, each after the column of a list it comes next to. */
const BESIDE: Record<string, Written> = { statut: CATEGORY, fin: COMPLETED_BY, notes: MISSING };

/** What follows from the rest, or from the days: an import that meets it leaves it out. */
export const UNREAD = ["premiere", "reports", "motif", "debut", "fin"]
  .flatMap((code) => OWN[code]!.map(({ head }) => head))
  .concat(Object.values(BESIDE).map(({ head }) => head));

const ORDER = [
  ...["segment", "statut", "technicien", "date", "premiere", "reports", "motif", "debut", "fin"],
  ...["temps", "places", "notes"],
];

const ofField = (field: FieldDefinition): Written => ({
  head: field.label,
  cell({ values }, { plan, names }) {
    const value = values[field.code];
    return typeof value === "number" ? value : cellText(field, value, { zone: plan.zone, names });
  },
});

/** The title, then the columns of the screen in their order, or all of them in that of EXP-8. */
function writtenOf(plan: Plan, columns: Column[], { isWhole }: Pick<ExportAsked, "isWhole">): Written[] {
  const field = titleFieldOf(plan.campaign, plan.fields);
  const title: Written = field ? ofField(field) : { head: "Cible", cell: (row) => row.title };
  const shown = (column: Column) => (column.field ? [ofField(column.field)] : (OWN[column.code] ?? []));
  const { segmentField } = plan.campaign;
  // The field that makes the segments says them again (EXP-8).
  const isAgain = (column: Column) => segmentField !== null && column.field?.code === segmentField;
  const hasSegment = isWhole || columns.some(({ code }) => code === "segment");
  if (!isWhole) return [title, ...columns.filter((column) => !hasSegment || !isAgain(column)).flatMap(shown)];
  const fields = everyColumn(plan).filter((column) => column.field && !isAgain(column));
  const own = ORDER.flatMap((code) => [...OWN[code]!, BESIDE[code] ?? []].flat());
  return [title, ...fields.flatMap(shown), ...own];
}

/** A grouped list says its groups: their column is there, shown or not (EXP-2). */
function withGroup(columns: Column[], by: GroupBy, plan: Plan): Column[] {
  const code = by === "day" ? "date" : GROUPS.find((group) => group.by === by)!.value;
  if (columns.some((column) => column.code === code)) return columns;
  return [...columns, ...everyColumn(plan).filter((column) => column.code === code)];
}

async function groupsOf(em: EntityManager, by: GroupBy, plan: Plan): Promise<RawBuilder<unknown>> {
  const segments = await listSegments(em, plan.campaign.id);
  return groupSort(by, plan.zone, groupKeys(by, { ...plan, segments, technicians: await listTechnicians(em) }));
}

/** The sort and the groups in words, but the sort by date that goes without saying (EXP-2). */
function lookWords(plan: Plan, { sorted, groupBy }: Pick<Look, "sorted" | "groupBy">): string {
  const { tri, isDescending } = sorted;
  const label = tri === TITLE ? "nom" : everyColumn(plan).find(({ code }) => code === tri)?.label;
  const group = GROUPS.find(({ by }) => by === groupBy)?.label;
  return [
    group && `groupes\u00a0: ${group}`,
    (tri !== "date" || isDescending) && `tri\u00a0: ${label}${isDescending ? ", décroissant" : ""}`,
  ]
    .filter(Boolean)
    .join(" ; ");
}

/** The operations of a list as its screen shows them, to whoever may take them away (EXP-1, EXP-2, EXP-8, PRM-19). */
export const operationsExport: ExportProfile = {
  kind: "operations",
  title: "Exporter des opérations",
  noun: ["opération", "opérations"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em: EntityManager, asked: ExportAsked): Promise<ExportPlan> {
    const { user, scopeId, zone, now } = asked;
    if (!z.uuid().safeParse(scopeId).success) throw new NotFound();
    const { campaign } = await campaignFor(em, user as SignedIn, scopeId!, "rows.export");
    const plan = await planFor(em, campaign, zone);
    const filters = filtersOf(asked.query, plan, { now });
    const { columns: shown, sorted, groupBy } = lookOf(asked.query, plan);
    const columns = groupBy ? withGroup(shown, groupBy, plan) : shown;
    const groups = groupBy && (await groupsOf(em, groupBy, plan));
    const written = writtenOf(plan, columns, asked);
    const named = asked.isWhole ? plan.fields : columns.flatMap(({ field }) => field ?? []);
    const said = chipsOf(filters, plan, await namesOf(em, campaign, filters))
      .map(({ label }) => label)
      .join(" ; ");
    return {
      place: { label: campaign.name, path: `/campagnes/${campaign.id}/operations` },
      name: fileNameAfter("operations", campaign.name, said),
      said,
      sorted: lookWords(plan, { sorted, groupBy }),
      heads: written.map(({ head }) => head),
      wholeHeads: writtenOf(plan, columns, { isWhole: true }).map(({ head }) => head),
      count: await countOperations(em, filters.where),
      holdsPeople: [...named, titleFieldOf(campaign, plan.fields)].some(
        (field) => field?.isPersonal || field?.type === "person",
      ),
      rows: () => rowsOf(em, plan, written, { where: filters.where, order: sorted.order, groups }),
    };
  },
};

async function* rowsOf(
  em: EntityManager,
  plan: Plan,
  written: Written[],
  { where, ...sorts }: { where: RawBuilder<SqlBool>; order: OperationOrder; groups: RawBuilder<unknown> | null },
): AsyncGenerator<Cell[][]> {
  const people = plan.fields.flatMap(({ type, code }) => (type === "person" ? code : []));
  const named = await staffNames(em, await exportedPeople(em, where, people));
  const told: Told = {
    plan,
    names: new Map([...(await exportedAccounts(em)), ...named]),
    statuses: new Map(plan.workflow.statuses.map((status) => [status.code, status])),
  };
  for await (const bundle of exportedOperations(em, where, { ...sorts, zone: plan.zone })) {
    yield bundle.map((row) => written.map(({ cell }) => cell(row, told)));
  }
}
