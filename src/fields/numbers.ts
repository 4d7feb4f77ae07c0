import { damaged, isDamaged } from "../platform/sheets/damaged.ts";
import { MOST_DECIMALS } from "./definition.ts";
import type { Answer } from "./moments.ts";
import type { Reading } from "./read.ts";
import { quoted, tidy } from "./text.ts";

/** Numbers as people and spreadsheets write them [IMP-16]. */

const SIGNED = /^([+\u2212-]?)(\d[\d.,]*)$/;
const SPACED = /^[+\u2212-]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?$/;
const SCIENTIFIC = /^([+\u2212-]?)(\d+(?:[.,]\d+)?)E([+-]?\d{1,3})$/i;
// More digits than a number of the machine keeps: what would be read back is not what was typed.
const MOST_DIGITS = 15;

const FORMS = "Écrivez-le comme 1234,56.";

/**
 * A decimal number, its sign of thousands and its unit left out; `12 %` is 12 where the unit is `%` [IMP-16]. Without a sign
 * of decimals chosen for the column, a single dot or comma is it.
 */
export function readNumber(
  text: string,
  { decimalSign }: Pick<Reading, "decimalSign">,
  { unit, takesScientific = false }: { unit?: string | undefined; takesScientific?: boolean | undefined } = {},
): Answer<number> {
  let typed = tidy(text);
  if (typed === "") return { value: null };
  typed = typed.replace(/[\u00a0\u202f\t]/g, " ");
  if (unit !== undefined && typed.length > unit.length && endsWith(typed, unit))
    typed = typed.slice(0, -unit.length).trimEnd();
  else if (typed.endsWith("%")) {
    return {
      problem: `${quoted(text)} est un pourcentage, et ce champ n’en attend pas. Écrivez le nombre sans le signe %.`,
    };
  }
  const scientific = SCIENTIFIC.exec(typed);
  if (scientific) {
    if (takesScientific)
      return kept(Number(`${minus(scientific[1])}${scientific[2]!.replace(",", ".")}e${scientific[3]}`), text);
    if (isDamaged(typed)) return damaged(text);
  }
  if (typed.includes(" ")) {
    if (!SPACED.test(typed)) return { problem: `${quoted(text)} n’est pas un nombre. ${FORMS}` };
    typed = typed.replaceAll(" ", "");
  }
  const parts = SIGNED.exec(typed);
  const digits = parts && plain(parts[2]!, decimalSign);
  if (!parts || digits === null) return { problem: `${quoted(text)} n’est pas un nombre. ${FORMS}` };
  if (digits.replace(/^0+|\./g, "").length > MOST_DIGITS && significant(digits) > MOST_DIGITS) {
    return {
      problem: `${quoted(text)} a plus de ${MOST_DIGITS} chiffres : un nombre n’en garde pas tant. Choisissez un champ de texte pour un identifiant.`,
    };
  }
  return kept(Number(minus(parts[1]) + digits), text);
}

const minus = (sign: string | undefined) => (sign === "-" || sign === "\u2212" ? "-" : "");

const kept = (value: number, text: string): Answer<number> =>
  Number.isFinite(value)
    ? { value: value === 0 ? 0 : value }
    : { problem: `${quoted(text)} est un nombre trop grand.` };

const endsWith = (text: string, unit: string) => text.slice(-unit.length).toLowerCase() === unit.toLowerCase();

const significant = (digits: string) => digits.replace(".", "").replace(/^0+/, "").replace(/0+$/, "").length;

/** The digits with a dot before decimals, whatever was used; null when dots and commas stand nowhere a number has them. */
function plain(typed: string, sign: "," | "." | undefined): string | null {
  const [comma, dot] = [typed.lastIndexOf(","), typed.lastIndexOf(".")];
  if (comma < 0 && dot < 0) return typed;
  let decimal = sign;
  if (!decimal) {
    if (comma >= 0 && dot >= 0) decimal = comma > dot ? "," : ".";
    // Several of one kind can only part thousands.
    else if (typed.indexOf(",") !== comma) decimal = ".";
    else if (typed.indexOf(".") !== dot) decimal = ",";
    else decimal = comma >= 0 ? "," : ".";
  }
  const thousands = decimal === "," ? "." : ",";
  const [whole, fraction, ...more] = typed.split(decimal) as [string, string?, ...string[]];
  if (more.length > 0 || fraction === "" || fraction?.includes(thousands)) return null;
  const groups = whole.split(thousands);
  if (
    groups.length > 1 &&
    !(groups[0]!.length >= 1 && groups[0]!.length <= 3 && groups.slice(1).every((g) => g.length === 3))
  ) {
    return null;
  }
  const all = groups.join("");
  return fraction === undefined ? all : `${all}.${fraction}`;
}

/** How many decimals a number has, whatever zeros were typed after them. */
export function decimalsOf(value: number): number {
  const text = String(value);
  const small = /e-(\d+)$/.exec(text);
  const fraction = text.split("e")[0]!.split(".")[1]?.length ?? 0;
  return small ? fraction + Number(small[1]) : fraction;
}

export const decimalsRule = (value: number, decimals: number | undefined): string | null => {
  const most = decimals ?? MOST_DECIMALS;
  if (decimalsOf(value) <= most) return null;
  return most === 0
    ? "Ce champ n’a pas de décimales. Écrivez un nombre entier."
    : `Ce champ a ${most} décimale${most > 1 ? "s" : ""} au plus. Arrondissez ce nombre.`;
};
