import { z } from "zod";
import { RuleBroken } from "../platform/errors.ts";
import {
  checkField,
  codeFor,
  FIELD_TYPES,
  type FieldDefinition,
  type FieldOption,
  MOST_DECIMALS,
  MOST_OPTIONS,
  rulesOf,
} from "./definition.ts";
import { readDate } from "./moments.ts";
import { readNumber } from "./numbers.ts";
import { bare, tidy } from "./text.ts";

/** The form by which people define a field, with or without script. */

export const SWITCHES = {
  isMandatory: { label: "Obligatoire", hint: "Une valeur vide est refusée." },
  isUnique: { label: "Unique", hint: "Deux opérations ne peuvent pas avoir la même valeur." },
  isListed: { label: "Dans la liste", hint: "Une colonne de la liste des opérations." },
  isSearchable: { label: "Cherchable", hint: "La recherche d’une campagne y regarde." },
  isForTechnicians: { label: "Montré aux techniciens", hint: "Sur leurs fiches d’intervention." },
  isTechnicianEditable: { label: "Modifiable par les techniciens", hint: "Sur leurs propres opérations." },
  isPersonal: { label: "Donnée personnelle", hint: "Masquée sur les pages partagées, effacée à son échéance." },
} as const;
type Switch = keyof typeof SWITCHES;
const SWITCH_CODES = Object.keys(SWITCHES) as [Switch, ...Switch[]];

export const FIELD_LABELS = {
  label: "Libellé",
  code: "Code",
  help: "Aide",
  type: "Type",
  isUnique: "Unique",
  pattern: "Modèle",
  min: "Minimum",
  max: "Maximum",
  decimals: "Décimales",
  unit: "Unité",
  options: "Options",
};

const text = (longest: number, name: string) =>
  z.string().trim().max(longest, `Raccourcissez à ${longest} caractères.`).describe(name);

export const FieldForm = z.object({
  label: text(100, FIELD_LABELS.label).min(1, "Donnez un libellé à ce champ."),
  code: text(50, FIELD_LABELS.code).optional(),
  help: text(500, FIELD_LABELS.help).optional(),
  type: z.enum(FIELD_TYPES, "Choisissez un type de la liste.").describe(FIELD_LABELS.type),
  switches: z.array(z.enum(SWITCH_CODES)),
  pattern: text(200, FIELD_LABELS.pattern).optional(),
  min: text(30, FIELD_LABELS.min).optional(),
  max: text(30, FIELD_LABELS.max).optional(),
  decimals: z.int().min(0).max(MOST_DECIMALS).describe(FIELD_LABELS.decimals).optional(),
  unit: text(20, FIELD_LABELS.unit).optional(),
  takesScientific: z.boolean().describe("Notation scientifique"),
  optionCode: z.array(z.string().max(50)).max(MOST_OPTIONS),
  optionLabel: z.array(z.string().trim().max(100)).max(MOST_OPTIONS),
  optionRetired: z.array(z.string().max(50)).max(MOST_OPTIONS),
  options: text(6_000, FIELD_LABELS.options).optional(),
});
export type FieldForm = z.infer<typeof FieldForm>;

/**
 * The field a form describes, checked against the others of its list; `known` keeps its code for ever [FLD-3]. Refuses by
 * RuleBroken, under the name of the control.
 */
export function fieldFrom(
  form: FieldForm,
  { known, others }: { known?: FieldDefinition | undefined; others: readonly FieldDefinition[] },
): FieldDefinition {
  const label = tidy(form.label).replace(/\s+/gu, " ");
  const code = known?.code ?? wantedCode(form.code, label, others);
  const switched = Object.fromEntries(SWITCH_CODES.map((name) => [name, form.switches.includes(name)])) as Record<
    Switch,
    boolean
  >;
  const field: FieldDefinition = {
    code,
    label,
    help: tidy(form.help ?? ""),
    type: form.type,
    ...switched,
    rules: rulesFrom(form),
  };
  checkField(field, others);
  return field;
}

function wantedCode(typed: string | undefined, label: string, others: readonly FieldDefinition[]): string {
  const wanted = tidy(typed ?? "");
  if (wanted === "")
    return codeFor(
      label,
      others.map(({ code }) => code),
    );
  if (!/^[a-z][a-z0-9_]{0,49}$/.test(wanted)) {
    throw new RuleBroken(
      "Un code commence par une lettre et n’a que des minuscules sans accent, des chiffres et des traits bas.",
      "code",
    );
  }
  return wanted;
}

function rulesFrom(form: FieldForm): FieldDefinition["rules"] {
  const takes = new Set(rulesOf(form.type));
  const rules: FieldDefinition["rules"] = {};
  if (takes.has("pattern") && form.pattern) rules.pattern = form.pattern;
  if (takes.has("unit") && form.unit) rules.unit = form.unit;
  if (takes.has("decimals") && form.decimals !== undefined) rules.decimals = form.decimals;
  if (takes.has("takesScientific") && form.takesScientific) rules.takesScientific = true;
  for (const name of ["min", "max"] as const) {
    if (!takes.has(name) || !form[name]) continue;
    const read = form.type === "number" ? readNumber(form[name], {}) : readDate(form[name], { zone: "UTC" });
    if ("problem" in read) throw new RuleBroken(read.problem, name);
    if (read.value !== null) rules[name] = read.value;
  }
  if (takes.has("options")) rules.options = optionsFrom(form);
  return rules;
}

/** Options keep their code under another label; those nobody lists any more stay, retired, for rows that hold them [FLD-7]. */
function optionsFrom({ optionCode, optionLabel, optionRetired, options }: FieldForm): FieldOption[] {
  if (optionCode.length !== optionLabel.length) throw new RuleBroken("Rechargez la page, puis recommencez.", "options");
  const made: FieldOption[] = [];
  for (const [rank, code] of optionCode.entries()) {
    const label = tidy(optionLabel[rank]!);
    if (label === "")
      throw new RuleBroken("Une option n’a plus de libellé. Redonnez-lui-en un, ou retirez-la par sa case.", "options");
    made.push({ code, label, isRetired: optionRetired.includes(code) });
  }
  const codes = new Set(optionCode);
  for (const line of (options ?? "").split("\n").map(tidy)) {
    if (line === "") continue;
    const code = codeOf(line, codes);
    codes.add(code);
    made.push({ code, label: line, isRetired: false });
  }
  return made;
}

function codeOf(label: string, taken: ReadonlySet<string>): string {
  const words = bare(label)
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 46);
  const base = words || "option";
  let code = base;
  for (let n = 2; taken.has(code); n++) code = `${base}_${n}`;
  return code;
}

/** What the form holds of a field that is there already. */
export function formOf(field: FieldDefinition): Record<string, unknown> {
  const bound = (value: number | string | undefined) =>
    typeof value === "number" ? String(value).replace(".", ",") : (value ?? "");
  return {
    label: field.label,
    help: field.help,
    type: field.type,
    switches: SWITCH_CODES.filter((name) => field[name]),
    pattern: field.rules.pattern ?? "",
    min: bound(field.rules.min),
    max: bound(field.rules.max),
    decimals: field.rules.decimals ?? "",
    unit: field.rules.unit ?? "",
    takesScientific: field.rules.takesScientific ?? false,
    options: "",
    present: field.rules.options ?? [],
  };
}
