import { bare, type FieldDefinition, type FieldValues, searchText, showValue } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { Campaign } from "./campaign.ts";
import type { Plan } from "./plan.ts";

/** How an operation is called, and found: both follow from its fields. */

/** The values with what is told of them: the title, and what a search looks in, people only where the plan knows them (FLD-2, OPS-6). */
export function described(plan: Plan, values: FieldValues) {
  const { campaign, fields, zone } = plan;
  const field = titleFieldOf(campaign, fields);
  const value = field && values[field.code];
  const title = field && value !== undefined ? showValue(field, value, { zone }).slice(0, 255) : "";
  if (title === "") {
    throw new RuleBroken(
      field
        ? `Remplissez «\u00a0${field.label}\u00a0»\u00a0: c’est lui qui nomme l’opération.`
        : "Cette campagne n’a pas encore de champ qui nomme ses opérations\u00a0: choisissez-le dans ses réglages.",
      field?.code,
    );
  }
  return { values, title, search: searchedIn(plan, title, values) };
}

/** What a search looks in for one operation: its title and its searchable fields, as they are read (OPS-6). */
export const searchedIn = (
  { fields, zone, names }: Pick<Plan, "fields" | "zone" | "names">,
  title: string,
  values: FieldValues,
): string => bare(`${title} ${searchText(fields, values, { zone, ...(names && { names }) })}`);

/** The one chosen, else the first mandatory short text, else the first short text (FLD-2). */
export function titleFieldOf(
  { titleField }: Pick<Campaign, "titleField">,
  fields: readonly FieldDefinition[],
): FieldDefinition | undefined {
  const texts = fields.filter(({ type }) => type === "short_text");
  return fields.find(({ code }) => code === titleField) ?? texts.find(({ isMandatory }) => isMandatory) ?? texts[0];
}
