import type { FieldDefinition } from "./definition.ts";

/** Two values of a field as somebody would type them, for those who are shown what it takes [IMP-44]. */
export function samplesOf({ type, rules }: FieldDefinition): [string, string] {
  const options = (rules.options ?? []).filter(({ isRetired }) => !isRetired).map(({ label }) => label);
  const [first = "", second = first] = options;
  switch (type) {
    case "short_text":
      return ["Hélène", "Noël"];
    case "long_text":
      return ["Accès par l’entrée côté cour", "À voir avec l’équipe"];
    case "number":
      return typeof rules.min === "number" ? [String(rules.min), String(rules.min + 1)] : ["12", "7"];
    case "date":
      return ["12/01/2027", "13/01/2027"];
    case "datetime":
      return ["12/01/2027 09:00", "13/01/2027 14:30"];
    case "boolean":
      return ["Oui", "Non"];
    case "single_choice":
      return [first, second];
    case "multiple_choice":
      return [first, options.slice(0, 2).join("|")];
    case "email":
      return ["helene.lefevre@exemple.fr", "noel.garcon@exemple.fr"];
    case "phone":
      return ["01 99 00 12 34", "01 99 00 12 35"];
    case "url":
      return ["https://exemple.fr/etage", "https://exemple.fr/cour"];
    case "person":
    case "attachment":
      return ["", ""];
  }
}
