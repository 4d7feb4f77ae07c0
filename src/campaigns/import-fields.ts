import {
  bare,
  checkField,
  codeFor,
  type FieldDefinition,
  type FieldType,
  MOST_FIELDS,
  newField,
  tidy,
} from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { FreshColumn, Mapping } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import type { Plan } from "./plan.ts";

/** The fields a file of operations adds to its campaign, and the one that names them. */

/** The fields this file asks for and the campaign does not have yet. Throws RuleBroken for one that breaks its own rules. */
export function freshFields({ fields }: Plan, mapping: Mapping | null): FieldDefinition[] {
  const made: FieldDefinition[] = [];
  for (const chosen of mapping?.columns ?? []) {
    if (!chosen?.fresh || fields.some(({ code }) => code === chosen.code)) continue;
    const field = fieldOf(chosen.code, chosen.fresh, chosen.separator);
    try {
      checkField(field, [...fields, ...made]);
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      throw new RuleBroken(`Colonne «\u00a0${field.label}\u00a0»\u00a0: ${fr.afterColon(error.message)}`, "mapping");
    }
    made.push(field);
  }
  if (fields.length + made.length > MOST_FIELDS) {
    throw new RuleBroken(
      `Cela ferait ${fields.length + made.length} champs\u00a0: ${MOST_FIELDS} au plus. Ignorez des colonnes.`,
      "mapping",
    );
  }
  return made;
}

function fieldOf(code: string, { label, type, choices }: FreshColumn, separator = "|"): FieldDefinition {
  const isChoice = type === "single_choice" || type === "multiple_choice";
  if (isChoice && !choices) {
    throw new RuleBroken(
      `La colonne «\u00a0${label}\u00a0» a plus de 50 valeurs\u00a0: ce n’est pas un choix. Prenez un texte.`,
      "mapping",
    );
  }
  const words = (choices ?? [])
    .flatMap((text) => (type === "multiple_choice" ? text.split(separator) : [text]))
    .map(tidy);
  const labels = [...new Map(words.filter(Boolean).map((word) => [bare(word), word])).values()];
  const taken = new Set<string>();
  const options = labels.map((word) => {
    const made = codeFor(word, taken);
    taken.add(made);
    return { code: made, label: word, isRetired: false };
  });
  return newField({
    code,
    label: tidy(label).slice(0, 100),
    type: type as FieldType,
    isSearchable: type === "short_text",
    rules: isChoice ? { options } : {},
  });
}

/**
 * What names the operations of a campaign that has none yet: the field picked for this file, else the one of its settings,
 * else the key, else what would name them without a file, `own`, else the first text of the file (FLD-2).
 */
export function titleAmong(
  fields: FieldDefinition[],
  mapping: Mapping | null,
  { titleField, own }: { titleField: string | null | undefined; own: FieldDefinition | undefined },
): FieldDefinition | undefined {
  if (!mapping || mapping.columns.length === 0) return own;
  const named = (code: string | null | undefined) => fields.find((field) => field.code === code);
  const texts = mapping.columns.flatMap((chosen) => named(chosen?.code) ?? []);
  const found = mapping.title
    ? named(mapping.title)
    : (named(titleField) ?? named(mapping.key[0]) ?? own ?? texts.find(({ type }) => type === "short_text"));
  if (!found) throw new RuleBroken("Dites quelle colonne nomme les opérations, et dans quel champ elle va.", "title");
  return found;
}
