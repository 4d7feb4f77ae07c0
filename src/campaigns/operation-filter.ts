import type { EntityManager } from "@mikro-orm/postgresql";
import type { RawBuilder, SqlBool } from "kysely";
import { z } from "zod";
import { listPlaceNames, staffNames, staffOf } from "../directory/index.ts";
import {
  dayOf,
  type FieldDefinition,
  fieldCondition,
  localOf,
  OPERATORS,
  type Operand,
  type Operator,
  operatorOf,
  PERIODS,
  type Period,
  readOperand,
  showValue,
} from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";
import { CATEGORIES, CATEGORY_CODES, statusOf } from "../workflow/index.ts";
import type { Plan } from "./plan.ts";
import { listTechnicians, NO_REASON, NONE, operationsWhere, SOMEBODY } from "./queries/operations.ts";
import { listSegments } from "./queries/segments.ts";

/** What a list of operations may be narrowed by, as its address says it (OPS-5). */

const MOST = 50;
const LONGEST = 200;
const BAD_ADDRESS = "Cette adresse n’a pas la forme attendue. Revenez à la liste, puis filtrez de nouveau.";

/** Operations ticked one by one: as many as a page shows. */
const MOST_TICKED = 100;

/** One text or several, as an address repeats a name; empty controls of a form say nothing. */
const many = <T extends z.ZodType>(one: T, most = MOST) =>
  z.preprocess((sent) => [sent ?? []].flat().filter((text) => text !== ""), z.array(one).max(most));
const maybe = <T extends z.ZodType>(one: T) =>
  z.preprocess((sent) => (Array.isArray(sent) && sent.length < 2 ? sent[0] : sent) || undefined, one.optional());
const Text = z
  .string()
  .max(LONGEST)
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed());
const Texts = many(Text);
const IdOrNone = z.union([z.uuid(), z.literal(NONE)]);
const Assignee = z.union([z.uuid(), z.enum([NONE, SOMEBODY])]);
const Times = z.coerce.number().int().min(0).max(1_000);

/** What a list may ask of the date of its operations, as its address says it. */
export const WHENS = {
  "en-retard": { when: "late", label: "En retard" },
  datee: { when: "dated", label: "Datée" },
  "sans-date": { when: "undated", label: "Sans date" },
  attendue: { when: "expected", label: "Attendue à ce jour" },
  "technicien-absent": { when: "unattended", label: "Technicien absent ou inactif" },
} as const;
const WHEN_CODES = Object.keys(WHENS) as (keyof typeof WHENS)[];

/** How what is completed was, as its address says it (STA-5, STA-6). */
export const COMPLETIONS = {
  "par-son-technicien": { completion: "technician", label: "Terminée par la personne affectée" },
  "premiere-date": { completion: "first_date", label: "Réalisée à sa première date" },
} as const;
const COMPLETION_CODES = Object.keys(COMPLETIONS) as (keyof typeof COMPLETIONS)[];

const Sent = z.object({
  q: maybe(Text),
  statut: Texts,
  categorie: many(z.enum(CATEGORY_CODES)),
  segment: many(IdOrNone),
  technicien: many(Assignee),
  motif: Texts,
  du: maybe(z.iso.date()),
  au: maybe(z.iso.date()),
  quand: maybe(z.enum(WHEN_CODES)),
  realisee_du: maybe(z.iso.date()),
  realisee_au: maybe(z.iso.date()),
  realisation: maybe(z.enum(COMPLETION_CODES)),
  reportee_du: maybe(z.iso.date()),
  fichier: maybe(z.enum(["absentes"])),
  reports: maybe(Times),
  reports_max: maybe(Times),
  op: many(z.uuid(), MOST_TICKED),
});

/** What the address keeps of one filter: its name, then its texts. */
export type Kept = Record<string, string[]>;

export interface FieldFilter {
  field: FieldDefinition;
  operator: Operator;
  operand: Operand;
}

export interface OperationFilters {
  /** SQL over `o`: the operations of the campaign out of the trash that answer to all of them. */
  where: RawBuilder<SqlBool>;
  /** As the address carries them, nothing else: what a link or a form must repeat. */
  kept: Kept;
  fields: FieldFilter[];
  isFiltered: boolean;
}

/** Names of an address that say filters: of a field, its operator and what it is given. */
export const operatorName = ({ code }: { code: string }) => `f.${code}`;
export const operandName = ({ code }: { code: string }) => `v.${code}`;
/** Controls of their own in a form for what only one operator takes; an address keeps them under operandName. */
const OWN_CONTROL: Record<string, string> = { relative: "p", department: "d", site: "s" };
export const controlName = ({ code }: { code: string }, operator: string) => `${OWN_CONTROL[operator] ?? "v"}.${code}`;

const texts = (sent: unknown): string[] => {
  const read = Texts.safeParse(sent);
  if (!read.success) throw new RuleBroken(BAD_ADDRESS);
  return read.data as string[];
};

/**
 * Reads the filters of a list of operations from what its address says, for every page that obeys them: list, groups,
 * selection, export [OPS-5, OPS-6, FLD-4]. Throws RuleBroken, under the name of the control, on what cannot be read:
 * a filter that were left out would widen what is then acted on.
 */
export function filtersOf(query: Record<string, unknown>, plan: Plan, { now }: { now: Date }): OperationFilters {
  const read = Sent.safeParse(query);
  if (!read.success) throw new RuleBroken(BAD_ADDRESS, String(read.error.issues[0]?.path[0] ?? ""));
  const { q, statut, categorie, segment, technicien, motif, du, au, quand, fichier, op } = read.data;
  const { reports, reports_max: most, realisation } = read.data;
  const { realisee_du: completedFrom, realisee_au: completedTo, reportee_du: postponedFrom } = read.data;
  const fields = plan.fields.flatMap((field) => fieldFilter(field, query, plan) ?? []);
  const today = dayOf(localOf(now, plan.zone));
  const where = operationsWhere(
    plan.campaign.id,
    {
      q,
      statuses: statut,
      categories: categorie,
      segments: segment,
      technicians: technicien,
      reasons: motif as string[],
      ...{ completedFrom, completedTo, postponedFrom },
      completion: realisation && COMPLETIONS[realisation].completion,
      from: du,
      to: au,
      when: quand && WHENS[quand].when,
      leastPostponed: reports,
      mostPostponed: most,
      isMissing: fichier !== undefined,
      ...(op.length > 0 && { ids: op }),
      fields: fields.map(({ field, operator, operand }) =>
        fieldCondition(field, operator.code, operand, {
          column: 'o."values"',
          zone: plan.zone,
          today,
          people: staffOf,
        }),
      ),
    },
    plan,
  );
  const own = Object.entries({
    q,
    statut,
    categorie,
    segment,
    technicien,
    motif,
    du,
    au,
    quand,
    realisee_du: completedFrom,
    realisee_au: completedTo,
    realisation,
    reportee_du: postponedFrom,
    fichier,
    reports,
    reports_max: most,
    op,
  });
  const kept: Kept = {};
  for (const [name, value] of own) {
    const list = [value ?? []].flat().map(String);
    if (list.length > 0) kept[name] = list;
  }
  for (const { field, operator } of fields) {
    kept[operatorName(field)] = [operator.code];
    const given = givenTo(field, operator, query);
    if (given.length > 0) kept[operandName(field)] = given;
  }
  return { where, kept, fields, isFiltered: Object.keys(kept).length > 0 };
}

/** Of one field; null when the address says nothing of it. An operand alone takes the first operator that wants one. */
function fieldFilter(field: FieldDefinition, query: Record<string, unknown>, plan: Plan): FieldFilter | null {
  const [asked] = texts(query[operatorName(field)]);
  const operator = asked === undefined ? operatorMeant(field, query) : operatorOf(field.type, asked);
  if (operator === null) return null;
  const name = operatorName(field);
  if (!operator) throw new RuleBroken(`«\u00a0${field.label}\u00a0» ne se filtre pas ainsi.`, name);
  const { zone, campaign } = plan;
  const given = givenTo(field, operator, query);
  const answer = readOperand(field, operator, given, { zone, defaultHour: campaign.defaultHour });
  if ("problem" in answer) throw new RuleBroken(`«\u00a0${field.label}\u00a0»\u00a0: ${answer.problem}`, name);
  if (field.type === "person" && answer.operand.some((id) => !z.uuid().safeParse(id).success)) {
    throw new RuleBroken(`«\u00a0${field.label}\u00a0»\u00a0: choisissez dans l’annuaire.`, name);
  }
  return { field, operator, operand: answer.operand };
}

function operatorMeant(field: FieldDefinition, query: Record<string, unknown>): Operator | null {
  const isMeant = ({ code, takes }: Operator) =>
    ["one", "many", "period"].includes(takes) && texts(query[controlName(field, code)]).length > 0;
  return OPERATORS[field.type].find(isMeant) ?? null;
}

/** A form has room for two bounds: an operator takes those it wants. */
function givenTo(field: FieldDefinition, { code, takes }: Operator, query: Record<string, unknown>): string[] {
  const own = texts(query[controlName(field, code)]);
  const given = own.length > 0 ? own : texts(query[operandName(field)]);
  const most = { none: 0, one: 1, period: 1, two: 2, many: MOST }[takes];
  return given.slice(0, most);
}

/** What names people, segments and technicians that filters give by id. */
export type Names = ReadonlyMap<string, string>;

/** All that the filters of a list may name by id, for pages that do not list it besides. */
export async function namesOf(
  em: EntityManager,
  campaign: { id: string },
  filters: Pick<OperationFilters, "fields">,
): Promise<Names> {
  const segments = (await listSegments(em, campaign.id)).map(({ id, name }) => [id, name] as const);
  const technicians = (await listTechnicians(em)).map(({ value, label }) => [value, label] as const);
  return new Map([...segments, ...technicians, ...(await placesNamed(em, filters))]);
}

/** The people, departments and sites that filters of people name. */
export async function placesNamed(
  em: EntityManager,
  { fields }: Pick<OperationFilters, "fields">,
): Promise<[string, string][]> {
  const ofPeople = fields.filter(({ field }) => field.type === "person");
  const given = (code: string) =>
    ofPeople.filter(({ operator }) => operator.code === code).flatMap(({ operand }) => operand.map(String));
  const places = async (kind: "department" | "site") => {
    const ids = given(kind);
    const known = ids.length > 0 ? await listPlaceNames(em, kind) : [];
    return known.map(({ id, name }): [string, string] => [id, name]);
  };
  return [...(await staffNames(em, given("is"))), ...(await places("department")), ...(await places("site"))];
}

export interface Chip {
  /** "Statut : Bloquée ou Reportée". */
  label: string;
  /** What the address keeps without it. */
  without: Kept;
}

const SPECIAL: ReadonlyMap<string, string> = new Map([[SOMEBODY, "affectée"]]);

/** Each active filter in words, and the address without it (OPS-5). */
export function chipsOf({ kept, fields }: OperationFilters, plan: Plan, names: Names): Chip[] {
  const chip = (label: string, ...gone: string[]): Chip => ({
    label,
    without: Object.fromEntries(Object.entries(kept).filter(([name]) => !gone.includes(name))),
  });
  const named = (list: string[], none: string) =>
    either(list.map((id) => SPECIAL.get(id) ?? (id === NONE ? none : (names.get(id) ?? "disparu"))));
  const chips: Chip[] = [];
  const {
    q,
    statut,
    categorie,
    segment,
    technicien,
    motif,
    du,
    au,
    quand,
    fichier,
    reports,
    reports_max: most,
    op,
  } = kept;
  const { realisee_du: doneFrom, realisee_au: doneTo, realisation, reportee_du: postponedFrom } = kept;
  if (q) chips.push(chip(`Texte\u00a0: ${q[0]}`, "q"));
  if (statut) {
    chips.push(chip(`Statut\u00a0: ${either(statut.map((c) => statusOf(plan.workflow, c)?.label ?? c))}`, "statut"));
  }
  if (categorie) {
    const labels = categorie.map((code) => CATEGORIES[code as keyof typeof CATEGORIES].label);
    chips.push(chip(`Catégorie\u00a0: ${either(labels)}`, "categorie"));
  }
  if (segment) chips.push(chip(`Segment\u00a0: ${named(segment, "Sans segment")}`, "segment"));
  if (technicien) chips.push(chip(`Technicien\u00a0: ${named(technicien, "Non affectée")}`, "technicien"));
  if (motif)
    chips.push(chip(`Motif\u00a0: ${either(motif.map((one) => (one === NO_REASON ? "aucun" : one)))}`, "motif"));
  if (du || au) chips.push(chip(periodWords("Planifiée", du?.[0], au?.[0]), "du", "au"));
  if (doneFrom || doneTo) {
    chips.push(chip(periodWords("Réalisée", doneFrom?.[0], doneTo?.[0]), "realisee_du", "realisee_au"));
  }
  if (realisation) {
    chips.push(chip(COMPLETIONS[realisation[0] as keyof typeof COMPLETIONS].label, "realisation"));
  }
  if (postponedFrom) chips.push(chip(periodWords("Reportée", postponedFrom[0], undefined), "reportee_du"));
  if (quand) chips.push(chip(WHENS[quand[0] as keyof typeof WHENS].label, "quand"));
  if (fichier) chips.push(chip("Absente du fichier", "fichier"));
  if (reports || most) chips.push(chip(postponedWords(reports?.[0], most?.[0]), "reports", "reports_max"));
  if (op) chips.push(chip(fr.count(op.length, "opération choisie", "opérations choisies"), "op"));
  for (const { field, operator, operand } of fields) {
    const words = operandWords({ field, operator, operand }, plan, names);
    chips.push(
      chip(
        [`${field.label} ${operator.label}`, words].filter(Boolean).join(" "),
        operatorName(field),
        operandName(field),
      ),
    );
  }
  return chips;
}

const either = (words: string[]) =>
  words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} ou ${words.at(-1)}`;
const day = (text: string) => text.split("-").reverse().join("/");

function periodWords(what: string, from: string | undefined, to: string | undefined): string {
  if (from && to) return from === to ? `${what} le ${day(from)}` : `${what} du ${day(from)} au ${day(to)}`;
  return from ? `${what} à partir du ${day(from)}` : `${what} jusqu’au ${day(to!)}`;
}

function postponedWords(least: string | undefined, most: string | undefined): string {
  const count = (n: string) => fr.count(Number(n), "report", "reports");
  if (least && most) return least === most ? count(least) : `De ${least} à ${count(most)}`;
  return least ? `${count(least)} au moins` : `${count(most!)} au plus`;
}

function operandWords({ field, operator, operand }: FieldFilter, plan: Plan, names: Names): string {
  if (operator.takes === "none") return "";
  if (operator.takes === "period") return PERIODS[operand[0] as Period];
  const isDay = field.type === "date" || field.type === "datetime";
  const words = operand.map((value) => {
    if (isDay) return day(String(value));
    if (field.type === "multiple_choice") return showValue(field, [String(value)], plan);
    if (field.type === "person") return names.get(String(value)) ?? "disparu";
    return showValue(field, value, plan);
  });
  return operator.takes === "two" ? words.join(" et ") : either(words);
}
