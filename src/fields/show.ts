import { parsePhoneNumberFromString } from "libphonenumber-js/min";
import { plainNumber } from "../platform/sheets/number-format.ts";
import { fr } from "../platform/text/index.ts";
import type { FieldDefinition, FieldValue, FieldValues } from "./definition.ts";
import { bare } from "./text.ts";
import { dayOf, hourOf, instantOf, localOf } from "./zone.ts";

/** What values look like: on a screen, in the control that edits them, in a cell of a file. */

export interface Showing {
  zone: string;
  /** Names of the people and titles of the documents that values name by id. */
  names?: ReadonlyMap<string, string>;
}

const NO_BREAK = "\u00a0";

/** As printed; the empty text for no value. */
export function showValue(
  field: FieldDefinition,
  value: FieldValue | null | undefined,
  { zone, names }: Showing,
): string {
  if (value === null || value === undefined) return "";
  const { type, rules } = field;
  if (type === "number" && typeof value === "number") {
    return `${fr.number(value, rules.decimals ?? 6)}${rules.unit ? NO_BREAK + rules.unit : ""}`;
  }
  if (typeof value === "boolean") return value ? "Oui" : "Non";
  if (Array.isArray(value)) return value.map((code) => optionLabel(field, code)).join(", ");
  if (type === "single_choice") return optionLabel(field, String(value));
  if (type === "date") return frenchDay(String(value));
  if (type === "datetime") return `${fr.shortDate(String(value), zone)} ${fr.time(String(value), zone)}`;
  if (type === "phone") return showPhone(String(value));
  if (type === "person") return names?.get(String(value)) ?? "Personne retirée de l’annuaire";
  if (type === "attachment") return names?.get(String(value)) ?? "Document supprimé";
  return String(value);
}

/** What the control of this field holds for this value, so that sending it back unchanged changes nothing. */
export function typedValue(field: FieldDefinition, value: FieldValue | null | undefined, { zone }: Showing): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join("|");
  if (typeof value === "boolean") return value ? "oui" : "non";
  if (typeof value === "number") return plainNumber(value);
  if (field.type === "datetime") return localText(value, zone);
  return value;
}

/** What a cell of a CSV file holds [EXP-3]: an import reads it again as the same value. */
export function cellText(
  field: FieldDefinition,
  value: FieldValue | null | undefined,
  { zone, names }: Showing,
): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map((code) => optionLabel(field, code)).join("|");
  if (typeof value === "number") return plainNumber(value);
  switch (field.type) {
    case "datetime": {
      const text = localText(String(value), zone);
      return text.length > 16 ? text : `${frenchDay(text.slice(0, 10))} ${text.slice(11)}`;
    }
    case "phone":
      return String(value);
    default:
      return showValue(field, value, { zone, ...(names && { names }) });
  }
}

/** What a search looks in, for one row: the values of its searchable fields as they are read, in small letters and without accents [OPS-6]. */
export function searchText(fields: readonly FieldDefinition[], values: FieldValues, { zone, names }: Showing): string {
  const words: string[] = [];
  for (const field of fields) {
    const value = values[field.code];
    if (!field.isSearchable || value === undefined) continue;
    // A name that is not known here is no word of theirs.
    if ((field.type === "person" || field.type === "attachment") && !names?.has(String(value))) continue;
    words.push(showValue(field, value, { zone, ...(names && { names }) }));
    // A number is looked for as it is dialled, with or without its spaces.
    if (field.type === "phone") words.push(String(value), String(value).replace(/^\+33/, "0"));
  }
  return bare(words.join(" "));
}

/** The present label of an option, retired ones too [FLD-7]. */
const optionLabel = ({ rules }: FieldDefinition, code: string): string =>
  rules.options?.find((option) => option.code === code)?.label ?? code;

const frenchDay = (day: string): string => day.split("-").reverse().join("/");

/** "2026-03-12T14:30"; the second of an hour shown twice says its offset, or it would come back as the first [TIM-2]. */
function localText(instant: string, zone: string): string {
  const at = new Date(instant);
  const local = localOf(at, zone);
  const text = `${dayOf(local)}T${hourOf(local)}`;
  const found = instantOf({ ...local, second: 0 }, zone);
  const isSecond = "at" in found && found.isTwice && Math.floor(at.getTime() / 60_000) !== found.at.getTime() / 60_000;
  if (!isSecond) return text;
  const ahead =
    (Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute) -
      Math.floor(at.getTime() / 60_000) * 60_000) /
    60_000;
  const two = (n: number) => String(n).padStart(2, "0");
  return `${text}${ahead < 0 ? "-" : "+"}${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
}

function showPhone(number: string): string {
  const french = /^\+33(\d)(\d{2})(\d{2})(\d{2})(\d{2})$/.exec(number);
  if (french) return `0${french.slice(1).join(NO_BREAK)}`;
  return parsePhoneNumberFromString(number)?.formatInternational().replaceAll(" ", NO_BREAK) ?? number;
}
