import type { z } from "zod";

/** Formats people may be asked for, each with an example they can copy. */
const FORMATS: Record<string, string> = {
  email: "Indiquez une adresse électronique complète, par exemple prenom.nom@exemple.fr.",
  url: "Indiquez une adresse complète, par exemple https://www.exemple.fr.",
  uuid: "Ce choix n’est pas reconnu : rechargez la page, puis choisissez de nouveau.",
  date: "Indiquez une date qui existe, jour, mois et année.",
  time: "Indiquez une heure entre 00:00 et 23:59.",
  datetime: "Indiquez une date et une heure qui existent.",
};

/** The French sentence of what zod refuses, when the schema has none of its own: it says what to do. */
export function frenchProblem(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined || issue.input === null ? "Indiquez une valeur." : wrongType(issue.expected);
    case "too_small":
      return tooSmall(issue);
    case "too_big":
      return tooBig(issue);
    case "invalid_format":
      return FORMATS[issue.format] ?? "Indiquez une valeur de la forme demandée.";
    case "not_multiple_of":
      return `Indiquez un multiple de ${french(issue.divisor)}.`;
    case "invalid_value":
      return "Choisissez une des valeurs proposées.";
    default:
      return "Indiquez une valeur de la forme demandée.";
  }
}

const wrongType = (expected: string) =>
  expected === "number" || expected === "int"
    ? "Indiquez un nombre, en chiffres."
    : "Indiquez une valeur de la forme demandée.";

function tooSmall({ origin, minimum, inclusive, input }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === "string") {
    return input === "" ? "Indiquez une valeur." : `Indiquez au moins ${count(minimum, "caractère")}.`;
  }
  if (origin === "array" || origin === "set") return `Choisissez au moins ${count(minimum, "valeur")}.`;
  if (origin === "date") return "Indiquez une date plus tardive.";
  return inclusive === false
    ? `Indiquez un nombre supérieur à ${french(minimum)}.`
    : `Indiquez ${french(minimum)} ou plus.`;
}

function tooBig({ origin, maximum, inclusive, input }: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig>): string {
  if (origin === "string") {
    const length = typeof input === "string" ? ` ; vous en avez saisi ${french(input.length)}` : "";
    return `${count(maximum, "caractère")} au plus${length}. Raccourcissez le texte.`;
  }
  if (origin === "array" || origin === "set") return `Choisissez ${count(maximum, "valeur")} au plus.`;
  if (origin === "date") return "Indiquez une date plus proche.";
  return inclusive === false
    ? `Indiquez un nombre inférieur à ${french(maximum)}.`
    : `Indiquez ${french(maximum)} ou moins.`;
}

const french = (value: number | bigint) => value.toLocaleString("fr-FR");
const count = (n: number | bigint, noun: string) => `${french(n)} ${noun}${n > 1 ? "s" : ""}`;
