import { type FieldDefinition, type FieldOption, TYPE_LABELS } from "./definition.ts";
import { FIELD_LABELS, SWITCHES } from "./form.ts";

const RULES = ["pattern", "min", "max", "decimals", "unit"] as const;
const quoted = (text: string) => `«\u00a0${text}\u00a0»`;
const written = (value: string | number) => String(value).replace(/^(-?\d+)\.(\d+)$/, "$1,$2");

/** What another definition changes of a field, in a few French words each; empty when they say the same [TYP-4]. */
export function changedField(was: FieldDefinition, now: FieldDefinition): string[] {
  const words: string[] = [];
  if (was.label !== now.label) words.push(`renommé ${quoted(now.label)}`);
  if (was.help !== now.help) words.push("autre aide");
  if (was.type !== now.type) words.push(`${quoted(TYPE_LABELS[was.type])} devient ${quoted(TYPE_LABELS[now.type])}`);
  for (const [code, { label }] of Object.entries(SWITCHES)) {
    const [before, after] = [was, now].map((field) => field[code as keyof typeof SWITCHES]);
    if (before !== after) words.push(`${quoted(label)}\u00a0: ${after ? "oui" : "non"}`);
  }
  for (const rule of RULES) {
    const [before, after] = [was.rules[rule], now.rules[rule]];
    if (before !== after)
      words.push(`${FIELD_LABELS[rule].toLowerCase()}\u00a0: ${after === undefined ? "rien" : written(after)}`);
  }
  if (was.rules.takesScientific !== now.rules.takesScientific) {
    words.push(`notation scientifique ${now.rules.takesScientific ? "acceptée" : "refusée"}`);
  }
  return [...words, ...changedOptions(was.rules.options ?? [], now.rules.options ?? [])];
}

function changedOptions(before: readonly FieldOption[], after: readonly FieldOption[]): string[] {
  const words: string[] = [];
  const known = new Map(before.map((option) => [option.code, option]));
  const present = new Map(after.map((option) => [option.code, option]));
  for (const { code, label, isRetired } of after) {
    const was = known.get(code);
    if (!was || (was.isRetired && !isRetired)) words.push(`option ${quoted(label)} ajoutée`);
    else if (isRetired && !was.isRetired) words.push(`option ${quoted(label)} retirée`);
    else if (was.label !== label) words.push(`option ${quoted(was.label)} renommée ${quoted(label)}`);
  }
  for (const { code, label, isRetired } of before) {
    if (!present.has(code) && !isRetired) words.push(`option ${quoted(label)} retirée`);
  }
  return words;
}
