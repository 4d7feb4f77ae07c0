import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { findStaffCalled, listPlaceNames } from "../../directory/index.ts";
import { type FieldDefinition, OPERATORS, PERIODS } from "../../fields/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { read } from "../../platform/http/forms.ts";
import { CATEGORIES, CATEGORY_CODES } from "../../workflow/index.ts";
import { columnsOf } from "../operation-column.ts";
import { COMPLETIONS, controlName, operandName, operatorName, WHENS } from "../operation-filter.ts";
import { lookOf } from "../operation-look.ts";
import type { Plan } from "../plan.ts";
import { campaignFor } from "../policy.ts";
import { listTechnicians, NONE, SOMEBODY } from "../queries/operations.ts";
import { listSegments } from "../queries/segments.ts";
import { frameOf, listAt, planOf } from "./shown.ts";

const PAGE = { page: "campaigns/operations/filters" };
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Asked = Record<string, unknown>;

export const index: RequestHandler<{ id: string }> = (req, res) => showFilters(req, res);

/** All that narrows the list, on one page: what was asked, and what of it could not be read (OPS-5, FLD-4). */
export async function showFilters(req: Request<{ id: string }>, res: Response, refused?: RuleBroken): Promise<void> {
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "operations.read");
    const plan = await planOf(em, req, standing.campaign);
    const isAsked = (type: string) => plan.fields.some((field) => field.type === type);
    return {
      standing,
      plan,
      segments: await listSegments(em, standing.campaign.id),
      technicians: await listTechnicians(em),
      departments: isAsked("person") ? await listPlaceNames(em, "department") : [],
      sites: isAsked("person") ? await listPlaceNames(em, "site") : [],
    };
  });
  const { standing, plan, segments, technicians } = shown;
  const places = { department: shown.departments, site: shown.sites };
  const { kept } = columnsKnown(req.query, plan);
  res.show(PAGE, {
    title: "Filtres des opérations",
    ...frameOf(req, standing, "operations", "Filtres"),
    listAt: listAt(standing.campaign),
    carried: Object.entries(kept).flatMap(([name, list]) => list.map((value) => ({ name, value }))),
    given: (name: string) => [req.query[name] ?? []].flat().map(String),
    statuses: plan.workflow.statuses.map(({ code, label }) => ({ value: code, label })),
    categories: CATEGORY_CODES.map((code) => ({ value: code, label: CATEGORIES[code].label })),
    segments: [{ value: NONE, label: "Sans segment" }, ...segments.map(({ id, name }) => ({ value: id, label: name }))],
    technicians: [
      { value: NONE, label: "Non affectées" },
      { value: SOMEBODY, label: "Affectées, à qui que ce soit" },
      ...technicians,
    ],
    completions: Object.entries(COMPLETIONS).map(([value, { label }]) => ({ value, label })),
    whens: Object.entries(WHENS).map(([value, { label }]) => ({ value, label })),
    fields: plan.fields.map((field) => controlsOf(field, req.query, places)),
    form: refused ? { values: {}, errors: { [refused.field!]: refused.message }, status: 422 } : { values: {} },
    labels: { ...labels, ...Object.fromEntries(plan.fields.map((field) => [operatorName(field), field.label])) },
  });
}

const labels = {
  q: "Texte",
  statut: "Statut",
  categorie: "Catégorie",
  segment: "Segment",
  technicien: "Technicien",
  du: "Planifiée du",
  au: "au",
  quand: "Échéance",
  motif: "Dernier motif, mot pour mot",
  realisee_du: "Réalisée du",
  realisee_au: "au",
  realisation: "Réalisation",
  reportee_du: "Reportée à partir du",
  fichier: "Dernier fichier importé",
  reports: "Reports, au moins",
  reports_max: "Reports, au plus",
};

function columnsKnown(asked: Asked, plan: Plan) {
  try {
    return lookOf(asked, plan);
  } catch {
    return { kept: {}, columns: columnsOf({}, plan) };
  }
}

/** What one field is filtered by: its conditions, and a control for each thing they take. */
function controlsOf(
  field: FieldDefinition,
  asked: Asked,
  places: Record<"department" | "site", { id: string; name: string }[]>,
) {
  const given = (name: string) => [asked[name] ?? []].flat().map(String);
  const [operator = ""] = given(operatorName(field));
  const operators = OPERATORS[field.type];
  const takes = new Set(operators.map((one) => one.takes));
  const isDay = field.type === "date" || field.type === "datetime";
  const held = given(operandName(field));
  const of = (code: string) => (operator === code ? held : given(controlName(field, code)));
  const placesOf = (kind: "department" | "site") => ({
    name: controlName(field, kind),
    value: of(kind),
    options: places[kind].map(({ id, name }) => ({ value: id, label: name })),
  });
  const isPerson = field.type === "person";
  return {
    code: field.code,
    label: field.label,
    isOpen: operator !== "" || held.length > 0,
    operatorName: operatorName(field),
    operator,
    operators: operators.map(({ code, label }) => ({ value: code, label })),
    operandName: operandName(field),
    kind: isDay ? "date" : field.type === "number" ? "number" : "text",
    bounds: takes.has("two") ? 2 : takes.has("one") || isPerson ? 1 : 0,
    held: operator === "relative" || operator === "department" || operator === "site" ? [] : held,
    options: isPerson ? [] : (field.rules.options ?? []).map(({ code, label }) => ({ value: code, label })),
    places: isPerson ? { department: placesOf("department"), site: placesOf("site") } : null,
    periods: takes.has("period")
      ? {
          name: controlName(field, "relative"),
          value: of("relative")[0] ?? "",
          options: Object.entries(PERIODS).map(([value, label]) => ({ value, label })),
        }
      : null,
  };
}

/** What was asked with people by their id, where somebody typed a staff number, an e-mail or a name. */
export async function meantPeople(em: EntityManager, asked: Asked, { fields }: Plan): Promise<Asked> {
  const meant = { ...asked };
  for (const field of fields) {
    const name = operandName(field);
    const [operator = "is"] = [asked[operatorName(field)] || []].flat().map(String);
    if (field.type !== "person" || operator !== "is" || asked[name] === undefined) continue;
    const ids: string[] = [];
    for (const text of [asked[name]].flat().map(String)) {
      if (text === "" || UUID.test(text)) {
        ids.push(text);
        continue;
      }
      const people = await findStaffCalled(em, text);
      if (people.length === 1) ids.push(people[0]!.id);
      else {
        const problem =
          people.length > 1
            ? "plusieurs personnes portent ce nom\u00a0: donnez son matricule"
            : "personne de ce nom dans l’annuaire";
        throw new RuleBroken(`«\u00a0${field.label}\u00a0»\u00a0: ${problem}.`, operatorName(field));
      }
    }
    meant[name] = ids;
  }
  return meant;
}
