import { RE2JS } from "re2js";
import { z } from "zod";
import { RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";
import { bare } from "./text.ts";

/** What an organisation may ask of each operation beside what the product asks itself [FLD-3, FLD-4]. */

export const FIELD_TYPES = [
  "short_text",
  "long_text",
  "number",
  "date",
  "datetime",
  "boolean",
  "single_choice",
  "multiple_choice",
  "email",
  "phone",
  "url",
  "person",
  "attachment",
] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

export const TYPE_LABELS: Record<FieldType, string> = {
  short_text: "Texte court",
  long_text: "Texte long",
  number: "Nombre",
  date: "Date",
  datetime: "Date et heure",
  boolean: "Oui / non",
  single_choice: "Choix unique",
  multiple_choice: "Choix multiple",
  email: "E-mail",
  phone: "Téléphone",
  url: "Lien",
  person: "Personne",
  attachment: "Pièce jointe",
};

/** As kept in JSONB: a day as "2026-03-12", an instant in ISO and UTC, choices by code, a person or a document by id. */
export type FieldValue = string | number | boolean | string[];
export type FieldValues = Record<string, FieldValue>;

export const MOST_FIELDS = 100;
export const MOST_OPTIONS = 50;
export const MOST_DECIMALS = 6;
const LONGEST_PATTERN = 200;

const option = z.strictObject({
  code: z.string().regex(/^[a-z0-9][a-z0-9_]{0,49}$/),
  label: z.string().min(1).max(100),
  isRetired: z.boolean(),
});
export type FieldOption = z.infer<typeof option>;

const rules = z.strictObject({
  pattern: z.string().min(1).max(LONGEST_PATTERN).optional(),
  min: z.union([z.number(), z.string()]).optional(),
  max: z.union([z.number(), z.string()]).optional(),
  decimals: z.int().min(0).max(MOST_DECIMALS).optional(),
  unit: z.string().min(1).max(20).optional(),
  takesScientific: z.boolean().optional(),
  options: z.array(option).max(MOST_OPTIONS).optional(),
});

/** One field as it is stored, in types and in campaigns. */
export const FieldDefinition = z.strictObject({
  code: z.string().regex(/^[a-z][a-z0-9_]{0,49}$/),
  label: z.string().min(1).max(100),
  help: z.string().max(500),
  type: z.enum(FIELD_TYPES),
  isMandatory: z.boolean(),
  isUnique: z.boolean(),
  isPersonal: z.boolean(),
  isListed: z.boolean(),
  isForTechnicians: z.boolean(),
  isTechnicianEditable: z.boolean(),
  isSearchable: z.boolean(),
  rules,
});
export type FieldDefinition = z.infer<typeof FieldDefinition>;

export const FieldDefinitions = z.array(FieldDefinition).max(MOST_FIELDS);

/** A field with nothing ticked but what most fields are: listed, and shown to technicians. */
export function newField(given: Pick<FieldDefinition, "code" | "label"> & Partial<FieldDefinition>): FieldDefinition {
  return {
    help: "",
    type: "short_text",
    isMandatory: false,
    isUnique: false,
    isPersonal: false,
    isListed: true,
    isForTechnicians: true,
    isTechnicianEditable: false,
    isSearchable: false,
    rules: {},
    ...given,
  };
}

/** Which rules each type takes: what another type left behind is dropped when a field is saved. */
const RULES_OF: Partial<Record<FieldType, (keyof FieldDefinition["rules"])[]>> = {
  short_text: ["pattern"],
  number: ["min", "max", "decimals", "unit", "takesScientific"],
  date: ["min", "max"],
  single_choice: ["options"],
  multiple_choice: ["options"],
};

export const rulesOf = (type: FieldType): readonly (keyof FieldDefinition["rules"])[] => RULES_OF[type] ?? [];

/** A text that can serve as this field's value twice: one per operation, and of a kind one may compare. */
export const canBeUnique = (type: FieldType) =>
  ["short_text", "number", "date", "datetime", "email", "phone", "url", "person"].includes(type);

/**
 * A code made of a label, free among `taken`: "Numéro d’inventaire" gives "numero_d_inventaire", then
 * "numero_d_inventaire_2" [FLD-3]. It never changes afterwards.
 */
export function codeFor(label: string, taken: Iterable<string>): string {
  const words = bare(label)
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const base = (/^[a-z]/.test(words) ? words : `champ_${words}`).slice(0, 46).replace(/_+$/, "");
  const known = new Set(taken);
  let code = base;
  for (let n = 2; known.has(code); n++) code = `${base}_${n}`;
  return code;
}

const INVISIBLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u;

/**
 * Refuses, under the name of its control, a field that breaks its own rules or takes the code or the label of another
 * [FLD-3, FLD-4].
 */
export function checkField(field: FieldDefinition, others: readonly FieldDefinition[]): void {
  if (field.label.trim() === "") throw new RuleBroken("Donnez un libellé à ce champ.", "label");
  if (INVISIBLE.test(field.label)) {
    throw new RuleBroken(
      "Retirez du libellé les signes < et >, les retours à la ligne et les caractères invisibles.",
      "label",
    );
  }
  const twin = others.find(({ label }) => bare(label) === bare(field.label));
  if (twin) throw new RuleBroken(`Le champ « ${twin.label} » existe déjà. Choisissez un autre libellé.`, "label");
  if (others.some(({ code }) => code === field.code)) {
    throw new RuleBroken(`Le code « ${field.code} » est déjà celui d’un autre champ. Choisissez-en un autre.`, "code");
  }
  if (field.isUnique && !canBeUnique(field.type)) {
    throw new RuleBroken(
      `Un champ « ${TYPE_LABELS[field.type]} » ne peut pas être unique. Décochez cette case.`,
      "isUnique",
    );
  }
  const { min, max, options, pattern } = field.rules;
  if (pattern !== undefined) compilePattern(pattern);
  if (min !== undefined && max !== undefined && min > max) {
    throw new RuleBroken("Le maximum est plus petit que le minimum. Échangez-les, ou videz l’un des deux.", "max");
  }
  if (field.type === "single_choice" || field.type === "multiple_choice") checkOptions(options ?? []);
  FieldDefinition.parse(field);
}

function checkOptions(options: readonly FieldOption[]): void {
  const offered = options.filter(({ isRetired }) => !isRetired);
  if (offered.length === 0) {
    throw new RuleBroken("Un choix a besoin d’au moins une option. Écrivez-en une par ligne.", "options");
  }
  if (options.length > MOST_OPTIONS) {
    throw new RuleBroken(`${options.length}\u00a0options : ${MOST_OPTIONS} au plus. Retirez-en.`, "options");
  }
  const seen = new Map<string, string>();
  for (const { label } of options) {
    if (label.includes("|") || INVISIBLE.test(label)) {
      throw new RuleBroken(
        `Retirez de l’option « ${label} » les signes |, < et > et les caractères invisibles : le premier sépare les choix multiples dans un fichier.`,
        "options",
      );
    }
    const twin = seen.get(bare(label));
    if (twin !== undefined) {
      throw new RuleBroken(`Les options « ${twin} » et « ${label} » se confondent. Gardez-en une.`, "options");
    }
    seen.set(bare(label), label);
  }
}

/** The whole text must match, in a time that grows with the text alone: no lookahead, no back reference [FLD-4]. */
export function compilePattern(pattern: string): RE2JS {
  try {
    return RE2JS.compile(`^(?:${pattern})$`);
  } catch {
    throw new RuleBroken(
      `Le modèle « ${pattern} » ne se lit pas. Exemple pour deux lettres, un tiret et quatre chiffres : [A-Z]{2}-[0-9]{4}. Les retours en arrière et les « \\1 » ne sont pas acceptés.`,
      "pattern",
    );
  }
}

/** Refuses a list in which two fields share a code or a label, or one breaks its own rules, naming it. */
export function checkFields(fields: readonly FieldDefinition[]): void {
  if (fields.length > MOST_FIELDS) {
    throw new RuleBroken(`${fields.length}\u00a0champs : ${MOST_FIELDS} au plus. Retirez-en.`);
  }
  for (const [rank, field] of fields.entries()) {
    try {
      checkField(field, fields.slice(0, rank));
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      throw new RuleBroken(`Champ « ${field.label} » : ${fr.afterColon(error.message)}`);
    }
  }
}
