import { parsePhoneNumberFromString } from "libphonenumber-js/min";
import { damaged, isDamaged } from "../platform/sheets/damaged.ts";
import { fr } from "../platform/text/index.ts";
import { compilePattern, type FieldDefinition, type FieldValue } from "./definition.ts";
import { type Answer, readDate, readMoment } from "./moments.ts";
import { decimalsRule, readNumber } from "./numbers.ts";
import { bare, quoted, tidy } from "./text.ts";

/** How texts are read here: the same for forms, edits in place, checklists and imports [FLD-5, IMP-13…17]. */
export interface Reading {
  zone: string;
  /** "09:00": what a day without an hour takes. */
  defaultHour: string;
  isMonthFirst?: boolean;
  decimalSign?: "," | ".";
  /** Between the options of a multiple choice; `|` unless the column says otherwise. */
  separator?: "|" | ",";
  /** The id of the person a text stands for; null when it is nobody's, or a French sentence when it cannot be told. */
  person?: (text: string) => string | { problem: string } | null;
  /** The id of the document a text stands for; null when there is none. */
  attachment?: (text: string) => string | null;
  /** What the row holds now: an option that was retired since may stay on it [FLD-7]. */
  present?: FieldValue | null;
}

/** A problem is a French sentence that says what to do; a null value means empty, and the key goes [FLD-5]. */
export type ReadValue = { value: FieldValue | null } | { problem: string };

const EMPTY = { value: null };
const LINE_BREAK = /[\n\r\u2028\u2029]/;
// Tab and line ends apart, no keyboard makes these, and PostgreSQL refuses NUL.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const EMAIL = /^[^\s@"<>(),;:\\[\]]{1,64}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+[\p{L}\p{N}-]{2,63}$/u;
const YES = new Set(["oui", "o", "vrai", "true", "yes", "1", "x"]);
const NO = new Set(["non", "n", "faux", "false", "no", "0"]);

/** Reads one text as a value of this field. To read many, `readerOf` prepares once. */
export const readValue = (field: FieldDefinition, text: string, reading: Reading): ReadValue =>
  readerOf(field, reading)(text);

/** The reader of one field: its rules, its pattern and its options are made ready once, for a hundred thousand texts. */
export function readerOf(field: FieldDefinition, reading: Reading): (text: string) => ReadValue {
  const read = BY_TYPE[field.type](field, reading);
  const isDamageKept = field.type === "number";
  return (text) => {
    const typed = tidy(text);
    if (typed === "")
      return field.isMandatory ? { problem: `« ${field.label} » est obligatoire. Donnez une valeur.` } : EMPTY;
    if (CONTROL.test(typed) || !typed.isWellFormed()) {
      return {
        problem:
          "Ce texte contient un caractère invisible qui ne peut pas être enregistré. Effacez-le, ou retapez le texte.",
      };
    }
    if (!isDamageKept && isDamaged(typed)) return damaged(typed);
    return read(typed);
  };
}

type Make = (field: FieldDefinition, reading: Reading) => (typed: string) => ReadValue;

const BY_TYPE: Record<FieldDefinition["type"], Make> = {
  short_text({ rules: { pattern } }) {
    const compiled = pattern === undefined ? null : compilePattern(pattern);
    return (typed) => {
      if (typed.length > 255) return tooLong(typed, 255);
      if (LINE_BREAK.test(typed)) return { problem: "Ce texte tient sur plusieurs lignes. Écrivez-le sur une seule." };
      if (compiled && !compiled.matches(typed))
        return { problem: `${quoted(typed)} n’a pas la forme attendue : ${pattern}` };
      return { value: typed };
    };
  },
  long_text: () => (typed) =>
    typed.length > 10_000 ? tooLong(typed, 10_000) : { value: typed.replace(/\r\n?/g, "\n") },
  number({ rules }, reading) {
    const [min, max] = [bound(rules.min), bound(rules.max)];
    return (typed) => {
      const read = readNumber(typed, reading, rules);
      if ("problem" in read || read.value === null) return read;
      const { value } = read;
      const unit = rules.unit ? `\u00a0${rules.unit}` : "";
      if (min !== null && value < min)
        return { problem: `${quoted(typed)} est trop petit : ${fr.number(min, 6)}${unit} au moins.` };
      if (max !== null && value > max)
        return { problem: `${quoted(typed)} est trop grand : ${fr.number(max, 6)}${unit} au plus.` };
      const problem = decimalsRule(value, rules.decimals);
      return problem ? { problem } : read;
    };
  },
  date({ rules: { min, max } }, reading) {
    return (typed) => {
      const read = readDate(typed, reading);
      if ("problem" in read || read.value === null) return read;
      if (typeof min === "string" && read.value < min)
        return { problem: `Le ${typed} est trop tôt : à partir du ${dayWords(min)}.` };
      if (typeof max === "string" && read.value > max)
        return { problem: `Le ${typed} est trop tard : jusqu’au ${dayWords(max)}.` };
      return read;
    };
  },
  datetime: (_field, reading) => (typed) => readMoment(typed, null, reading),
  boolean: () => (typed) => {
    const word = bare(typed);
    if (YES.has(word)) return { value: true };
    if (NO.has(word)) return { value: false };
    return { problem: `${quoted(typed)} ne se lit ni comme oui, ni comme non. Écrivez Oui ou Non.` };
  },
  single_choice(field, reading) {
    const choose = chooser(field, reading);
    return (typed) => choose(typed);
  },
  multiple_choice(field, reading) {
    const choose = chooser(field, reading);
    const order = new Map((field.rules.options ?? []).map(({ code }, rank) => [code, rank]));
    const separator = reading.separator ?? "|";
    return (typed) => {
      // An option whose own label holds the separator is read before being cut.
      const whole = typed.includes(separator) ? choose(typed) : EMPTY;
      const chosen = new Set<string>();
      if ("value" in whole && whole.value !== null) chosen.add(whole.value as string);
      else {
        for (const part of typed.split(separator)) {
          const word = tidy(part);
          if (word === "") continue;
          const read = choose(word);
          if ("problem" in read) return read;
          chosen.add(read.value as string);
        }
      }
      if (chosen.size === 0) return field.isMandatory ? { problem: "Choisissez au moins une option." } : EMPTY;
      return { value: [...chosen].sort((a, b) => order.get(a)! - order.get(b)!) };
    };
  },
  email: () => (typed) => {
    if (typed.length > 254 || !EMAIL.test(typed)) {
      return {
        problem: `${quoted(typed)} n’est pas une adresse électronique. Écrivez-en une seule, comme prenom.nom@exemple.fr.`,
      };
    }
    const at = typed.lastIndexOf("@");
    return { value: typed.slice(0, at) + typed.slice(at).toLowerCase() };
  },
  phone: () => readPhone,
  url: () => (typed) => {
    if (typed.length > 2000) return tooLong(typed, 2000);
    const url = /\s/.test(typed) ? null : URL.parse(typed);
    if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(typed) || url.hostname === "") {
      return { problem: `${quoted(typed)} n’est pas un lien. Commencez-le par https:// ou http://.` };
    }
    return { value: typed };
  },
  person:
    (_field, { person, present }) =>
    (typed) => {
      // Somebody who left the directory since may stay where they are.
      const id = typed === present ? typed : (person?.(typed) ?? null);
      if (id !== null) return typeof id === "string" ? { value: id } : id;
      return {
        problem: `${quoted(typed)} ne désigne personne de l’annuaire. Écrivez un matricule, une adresse électronique ou un nom complet qui s’y trouve.`,
      };
    },
  attachment:
    (_field, { attachment }) =>
    (typed) => {
      const id = attachment?.(typed) ?? null;
      return id === null
        ? { problem: `${quoted(typed)} ne désigne aucun document de cette campagne. Déposez-le d’abord.` }
        : { value: id };
    },
};

const tooLong = (typed: string, longest: number) => ({
  problem: `Ce texte a ${fr.number(typed.length)} caractères : ${fr.number(longest)} au plus. Raccourcissez-le.`,
});

const bound = (value: number | string | undefined) => (typeof value === "number" ? value : null);

const dayWords = (day: string) => day.split("-").reverse().join("/");

function chooser(
  { rules: { options = [] } }: FieldDefinition,
  { present }: Reading,
): (typed: string) => Answer<string> {
  const held = new Set([present].flat());
  const codes = new Map(options.map(({ code }) => [code, code]));
  const labels = new Map(options.map(({ code, label }) => [label, code]));
  const words = new Map(options.map(({ code, label }) => [bare(label), code]));
  const retired = new Set(options.flatMap(({ code, isRetired }) => (isRetired && !held.has(code) ? code : [])));
  const known = new Map<string, Answer<string>>();
  const offered = options.filter(({ code }) => !retired.has(code)).map(({ label }) => label);
  const choices =
    offered.length > 8
      ? `l’une des ${offered.length} options, par exemple ${fr.list(offered.slice(0, 3))}`
      : fr.list(offered);
  const answer = (typed: string): Answer<string> => {
    const word = bare(typed);
    // Where the label of one is the code of another: as people read it, else as forms send it, else as people type it.
    const code = labels.get(typed) ?? codes.get(typed) ?? words.get(word) ?? codes.get(word);
    if (code === undefined) return { problem: `${quoted(typed)} n’est pas une option. Choisissez ${choices}.` };
    if (retired.has(code)) return { problem: `L’option ${quoted(typed)} n’est plus proposée. Choisissez ${choices}.` };
    return { value: code };
  };
  return (typed) => {
    let found = known.get(typed);
    if (!found) {
      found = answer(typed);
      if (known.size < 500) known.set(typed, found);
    }
    return found;
  };
}

// Most of what is typed here is one of these, and the library takes ten times as long to say so.
const FRENCH = /^(?:0|(?:\+|00)33 ?(?:\(0\) ?)?)([1-79])[ .-]?(\d{2})[ .-]?(\d{2})[ .-]?(\d{2})[ .-]?(\d{2})$/;
// Dialled alike in France, these have a country code of their own (Guadeloupe, Guyane, Martinique, Réunion and Mayotte).
const OVERSEAS: [RegExp, string][] = [
  [/^(?:[56]90|691)/, "590"],
  [/^[56]94/, "594"],
  [/^(?:[56]96|697)/, "596"],
  [/^(?:262|263|269|639|692|693)/, "262"],
];

/** A number dialled in France, or from abroad with its +, as E.164: "01 02 03 04 05" is "+33102030405" [FLD-4]. */
function readPhone(typed: string): ReadValue {
  const spaced = /[\u00a0\u202f]/.test(typed) ? typed.replace(/[\u00a0\u202f]/g, " ") : typed;
  const french = FRENCH.exec(spaced);
  if (french) {
    const digits = french.slice(1).join("");
    const overseas = OVERSEAS.find(([start]) => start.test(digits));
    return { value: `+${overseas?.[1] ?? "33"}${digits}` };
  }
  const whole = spaced.replace(/^00/, "+");
  const phone =
    whole.length > 40 ? undefined : parsePhoneNumberFromString(whole, { defaultCountry: "FR", extract: false });
  if (!phone?.isValid() || phone.ext) {
    return {
      problem: `${quoted(typed)} n’est pas un numéro de téléphone. Écrivez-le comme 01 02 03 04 05, ou +32 2 123 45 67 depuis l’étranger.`,
    };
  }
  return { value: phone.number };
}
