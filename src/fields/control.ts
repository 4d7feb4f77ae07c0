import { fr } from "../platform/text/index.ts";
import type { FieldDefinition, FieldValue } from "./definition.ts";
import { typedValue } from "./show.ts";

/** What a page needs to draw the control of one field: views/fields/_control.eta prints it. */
export interface Control {
  kind: "input" | "text" | "select" | "radios" | "boxes";
  label: string;
  hint: string;
  required: boolean;
  /** What it holds: a text, or the codes ticked. */
  value: string | string[];
  type?: "text" | "email" | "tel" | "url" | "date" | "datetime-local";
  inputmode?: "decimal" | "numeric" | "tel" | "email" | "url";
  maxlength?: number;
  options?: { value: string; label: string }[];
}

/** Who values name by id, and the staff number each is typed by. */
export type People = ReadonlyMap<string, { name: string; staffNumber: string }>;

/** Above this, a list is folded in a select. */
const MOST_RADIOS = 6;

/**
 * The control of a field and what it holds: accepted forms are said before it, retired options only where they are still
 * held [FLD-4, FLD-7]. `typed` is what was sent and refused, in place of the value.
 */
export function controlOf(
  field: FieldDefinition,
  value: FieldValue | null | undefined,
  { zone, typed, people }: { zone: string; typed?: string | string[] | undefined; people?: People | undefined },
): Control {
  const text = typeof typed === "string" ? typed : typedValue(field, value, { zone });
  const base = { label: field.label, required: field.isMandatory, value: text };
  const hint = (...parts: (string | null | undefined)[]) => [field.help, ...parts].filter(Boolean).join(" ");
  const { rules } = field;
  switch (field.type) {
    case "long_text":
      return { ...base, kind: "text", hint: hint("10\u202f000 caractères au plus."), maxlength: 10_000 };
    case "number":
      return { ...base, kind: "input", type: "text", inputmode: "decimal", hint: hint(numberHint(field)) };
    case "date":
      // A refused text goes back into a control that can show it.
      return {
        ...base,
        kind: "input",
        type: /^(?:\d{4}-\d{2}-\d{2})?$/.test(text) ? "date" : "text",
        hint: hint("Comme 31/12/2026."),
      };
    case "datetime": {
      const isNative = /^(?:\d{4}-\d{2}-\d{2}T\d{2}:\d{2})?$/.test(text);
      return {
        ...base,
        kind: "input",
        type: isNative ? "datetime-local" : "text",
        hint: hint("Comme 31/12/2026 15:00."),
      };
    }
    case "boolean":
      return {
        ...base,
        kind: "radios",
        hint: hint(),
        options: [...NO_ANSWER(field), { value: "oui", label: "Oui" }, { value: "non", label: "Non" }],
      };
    case "single_choice": {
      const options = offered(field, value);
      const isShort = options.length <= MOST_RADIOS;
      return {
        ...base,
        kind: isShort ? "radios" : "select",
        hint: hint(),
        options: [...(isShort ? NO_ANSWER(field) : [{ value: "", label: "Choisir" }]), ...options],
      };
    }
    case "multiple_choice":
      return {
        ...base,
        kind: "boxes",
        value: Array.isArray(typed) ? typed : text.split("|"),
        hint: hint("Plusieurs réponses possibles."),
        options: offered(field, value),
      };
    case "email":
      return {
        ...base,
        kind: "input",
        type: "email",
        inputmode: "email",
        hint: hint("Une seule adresse, comme prenom.nom@exemple.fr."),
        maxlength: 254,
      };
    case "phone":
      return {
        ...base,
        kind: "input",
        type: "tel",
        inputmode: "tel",
        hint: hint("Comme 01 02 03 04 05, ou +32 2 123 45 67."),
      };
    case "url":
      return {
        ...base,
        kind: "input",
        type: "url",
        inputmode: "url",
        hint: hint("Il commence par https:// ou http://."),
        maxlength: 2000,
      };
    case "person": {
      const known = people?.get(String(value));
      return {
        ...base,
        kind: "input",
        type: "text",
        value: typeof typed === "string" ? typed : (known?.staffNumber ?? text),
        hint: hint(
          "Matricule, adresse électronique ou nom complet d’une personne de l’annuaire.",
          known && `À présent\u00a0: ${known.name}.`,
        ),
        maxlength: 255,
      };
    }
    case "attachment":
      return { ...base, kind: "input", type: "text", hint: hint("Titre d’un document de cette campagne.") };
    case "short_text":
      return {
        ...base,
        kind: "input",
        type: "text",
        hint: hint(rules.pattern && `Forme attendue\u00a0: ${rules.pattern}`),
        maxlength: 255,
      };
  }
}

const NO_ANSWER = ({ isMandatory }: FieldDefinition) => (isMandatory ? [] : [{ value: "", label: "Sans réponse" }]);

function offered({ rules }: FieldDefinition, value: FieldValue | null | undefined): { value: string; label: string }[] {
  const held = new Set([value].flat());
  return (rules.options ?? [])
    .filter(({ code, isRetired }) => !isRetired || held.has(code))
    .map(({ code, label, isRetired }) => ({ value: code, label: isRetired ? `${label} (retirée)` : label }));
}

function numberHint({ rules: { min, max, decimals, unit } }: FieldDefinition): string {
  const words = [decimals === 0 ? "Nombre entier" : "Comme 1234,56"];
  if (unit) words.push(`en ${unit}`);
  if (typeof min === "number" && typeof max === "number") words.push(`de ${fr.number(min, 6)} à ${fr.number(max, 6)}`);
  else if (typeof min === "number") words.push(`${fr.number(min, 6)} au moins`);
  else if (typeof max === "number") words.push(`${fr.number(max, 6)} au plus`);
  return `${words.join(", ")}.`;
}
