import type { EntityManager } from "@mikro-orm/postgresql";
import { bare, checkField, codeFor, type FieldDefinition, MOST_FIELDS, newField, tidy } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";
import { type By, type Campaign, refuseArchived } from "./campaign.ts";
import { addFields, everyFieldOf, removeField } from "./field.ts";
import { hasOperations } from "./queries/definitions.ts";
import { isFirstField } from "./taken-type.ts";

/** Problems told at once: the others come up once these are mended. */
const MOST_TOLD = 5;

/**
 * Each of these names, typed one a line, becomes a field of short text (CAM-14); nothing is added as long as one line is
 * refused. In a campaign that has only the field it was made with and no operation, the first name takes its place and names
 * the operations (FLD-2). Gives how many there are now. The caller flushes.
 */
export async function addColumns(
  em: EntityManager,
  campaign: Campaign,
  typed: string,
  { by, now }: { by: By; now: Date },
): Promise<number> {
  refuseArchived(campaign);
  const all = await everyFieldOf(em, campaign);
  const present = all.filter(({ removedAt }) => removedAt === null);
  const isNew = !(await hasOperations(em, campaign));
  const [only] = present;
  const spare = isNew && only && present.length === 1 && isFirstField(only) ? only : null;
  const written = namesIn(typed);
  const names = written.filter(({ name }) => !spare || bare(name) !== bare(spare.label));
  if (names.length === 0) {
    const why =
      written.length === 0 ? "Écrivez au moins un nom de colonne." : "Ce champ est déjà là\u00a0: ajoutez-en d’autres.";
    throw new RuleBroken(why, "columns");
  }
  const isKept = names.length < written.length;
  const made = fieldsFor(names, {
    known: present.filter((field) => field !== spare || isKept).map((field) => field.definition()),
    taken: all.map(({ code }) => code),
  });
  if (spare && !isKept) {
    const [first] = made;
    Object.assign(first!, { isMandatory: true });
    campaign.titleField = first!.code;
    removeField(em, campaign, spare, { isTitle: false, by, now });
    await em.flush();
  }
  await addFields(em, campaign, made, { by });
  return made.length;
}

interface Named {
  line: number;
  name: string;
}

/** Cells of one row of a spreadsheet, pasted, are as many lines. */
const namesIn = (typed: string): Named[] =>
  typed
    .split(/\r\n?|\n/u)
    .flatMap((text, rank) =>
      text.split("\t").map((name) => ({ line: rank + 1, name: tidy(name).replace(/\s+/gu, " ") })),
    )
    .filter(({ name }) => name !== "");

function fieldsFor(
  names: readonly Named[],
  { known, taken }: { known: readonly FieldDefinition[]; taken: readonly string[] },
): FieldDefinition[] {
  const made: FieldDefinition[] = [];
  const problems: string[] = [];
  for (const { line, name } of names) {
    const code = codeFor(name, [...taken, ...made.map((one) => one.code)]);
    const field = newField({ code, label: name, isSearchable: true });
    const why = problemOf(field, { known, made });
    if (why === null) made.push(field);
    else problems.push(`Ligne ${line}\u00a0: ${fr.afterColon(why)}`);
  }
  const room = MOST_FIELDS - known.length;
  if (problems.length === 0 && made.length > room) {
    problems.push(`${MOST_FIELDS} champs au plus\u00a0: retirez ${fr.count(made.length - room, "ligne", "lignes")}.`);
  }
  if (problems.length > 0) throw new RuleBroken(told(problems), "columns");
  return made;
}

function problemOf(
  field: FieldDefinition,
  { known, made }: { known: readonly FieldDefinition[]; made: readonly FieldDefinition[] },
): string | null {
  if (field.label.length > 100) return `«\u00a0${field.label.slice(0, 30)}…\u00a0» dépasse 100 caractères.`;
  const isTwin = ({ label }: FieldDefinition) => bare(label) === bare(field.label);
  if (made.some(isTwin)) return `«\u00a0${field.label}\u00a0» est déjà écrit plus haut.`;
  try {
    checkField(field, known);
    return null;
  } catch (error) {
    if (error instanceof RuleBroken) return error.message;
    throw error;
  }
}

const told = (problems: readonly string[]): string =>
  problems.length <= MOST_TOLD
    ? problems.join(" ")
    : `${problems.slice(0, MOST_TOLD).join(" ")} Et ${fr.count(problems.length - MOST_TOLD, "autre ligne", "autres lignes")}.`;
