import { type CountryCode, type PhoneNumber, parsePhoneNumberFromString } from "libphonenumber-js/max";
import { RuleBroken } from "../platform/errors.ts";

/** Where a number written without its country may be from: each of them has starts of its own. */
const HOME: CountryCode[] = ["FR", "RE", "GP", "MQ", "GF", "YT", "PM"];

/** Numbers kept by the French regulator for fiction, which the tables of the world do not know. */
const OF_FICTION = /^\+3363998\d{4}$/;

/** As it is kept (E.164), landlines as well as mobiles, French or international; null for none. Refused on `field`. */
export function readPhone(text: string, field: string): string | null {
  const typed = text.normalize("NFKC").trim();
  if (typed === "") return null;
  for (const defaultCountry of HOME) {
    const number = parsePhoneNumberFromString(typed, { defaultCountry, extract: false });
    if (number && !number.ext && (number.isValid() || OF_FICTION.test(number.number))) return number.number;
  }
  throw new RuleBroken(
    "Ce numéro n’existe pas. Écrivez-le comme 01 99 00 12 34, ou avec l’indicatif du pays\u00a0: +32 2 555 12 34.",
    field,
  );
}

const parsed = (phone: string): PhoneNumber | undefined => parsePhoneNumberFromString(phone);

/** "01 99 00 12 34", with its country when it is not France's. */
export function saidPhone(phone: string): string {
  const number = parsed(phone);
  if (!number) return phone;
  return number.country && HOME.includes(number.country) ? number.formatNational() : number.formatInternational();
}

/** Whether it can be sent an SMS [MSG-12]. */
export const isMobile = (phone: string): boolean =>
  OF_FICTION.test(phone) || ["MOBILE", "FIXED_LINE_OR_MOBILE"].includes(parsed(phone)?.getType() ?? "");
