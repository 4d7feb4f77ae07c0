import type { EntityManager } from "@mikro-orm/postgresql";
import { bare, type FieldDefinition, type FieldValue, searchText, showValue } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { Campaign } from "./campaign.ts";
import { fieldsOf } from "./field.ts";
import type { Plan } from "./plan.ts";
import { valuesOfOperations, writeSearches } from "./queries/operations.ts";

/** How an operation is called, and found: both follow from its fields. */

/** Operations told again at a time. */
const ANEW = 1_000;

/** The values with what is told of them: the title, and what a search looks in (FLD-2, OPS-6). */
export function described({ campaign, fields, zone }: Plan, values: Record<string, FieldValue>) {
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
  return { values, title, search: searchedIn(title, fields, values) };
}

/** Tells again what a search finds of operations whose fields came back; history has nothing to say of it. */
export async function searchAnew(em: EntityManager, ids: string[]): Promise<void> {
  const fields = new Map<string, FieldDefinition[]>();
  for (let from = 0; from < ids.length; from += ANEW) {
    const rows = await valuesOfOperations(em, ids.slice(from, from + ANEW));
    for (const { campaignId } of rows) {
      if (fields.has(campaignId)) continue;
      fields.set(
        campaignId,
        (await fieldsOf(em, { id: campaignId })).map((field) => field.definition()),
      );
    }
    const told = rows.map(({ id, campaignId, title, values }) => ({
      id,
      search: searchedIn(title, fields.get(campaignId)!, values),
    }));
    await writeSearches(em, told);
  }
}

const searchedIn = (title: string, fields: FieldDefinition[], values: Record<string, FieldValue>) =>
  bare(`${title} ${searchText(fields, values)}`);

/** The one chosen, else the first mandatory short text, else the first short text (FLD-2). */
export function titleFieldOf(
  { titleField }: Pick<Campaign, "titleField">,
  fields: readonly FieldDefinition[],
): FieldDefinition | undefined {
  const texts = fields.filter(({ type }) => type === "short_text");
  return fields.find(({ code }) => code === titleField) ?? texts.find(({ isMandatory }) => isMandatory) ?? texts[0];
}
