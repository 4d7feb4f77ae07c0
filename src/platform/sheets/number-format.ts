/** What the format of a spreadsheet's numeric cell makes of its number, as far as it changes what it means [IMP-10, IMP-12]. */
export type CellFormat =
  | { shows: "number" }
  | { shows: "percent" }
  | { shows: "date" | "time" | "moment" }
  | { shows: "digits"; places: Place[] };
/** A digit, always shown or only when there is one, or a sign shown as it is. */
export type Place = { digit: "0" | "#" } | { sign: string };

const NUMBER: CellFormat = { shows: "number" };
/** Formats every spreadsheet knows by number alone (ECMA-376, 18.8.30). */
const BUILT_IN: Record<number, CellFormat> = {
  9: { shows: "percent" },
  10: { shows: "percent" },
  ...Object.fromEntries([14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 57].map((id) => [id, { shows: "date" }])),
  ...Object.fromEntries([18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47].map((id) => [id, { shows: "time" }])),
  22: { shows: "moment" },
};

/** A format by its number, or by its code when the workbook gives one. */
export function formatOf(id: number, code: string | undefined): CellFormat {
  if (code === undefined) return BUILT_IN[id] ?? NUMBER;
  const [section = ""] = splitSections(code);
  // Colours, conditions and currencies stand in brackets; elapsed hours too, and they are a time.
  const bare = section
    .replace(/\[(?:h+|m+|s+)\]/gi, "h")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\\./g, "")
    .replace(/"[^"]*"/g, "")
    .replace(/[_*]./g, "");
  if (/^\s*(?:general|standard)\s*$/i.test(bare)) return NUMBER;
  // Months and minutes are written alike: beside an hour or a second, minutes.
  const hasDay = /[yjda]/i.test(bare.replace(/am\/pm|a\/p/gi, ""));
  const hasTime = /[hs]/i.test(bare);
  if (hasDay || hasTime || /m/i.test(bare)) {
    if (hasTime) return { shows: hasDay ? "moment" : "time" };
    return { shows: "date" };
  }
  if (bare.includes("%")) return { shows: "percent" };
  const places = placesOf(section.replace(/\[[^\]]*\]/g, "").replace(/[_*]./g, ""));
  return places ? { shows: "digits", places } : NUMBER;
}

/** Sections for positive, negative, zero and text stand between `;`. */
function splitSections(code: string): string[] {
  const sections = [""];
  let isQuoted = false;
  for (let at = 0; at < code.length; at++) {
    const sign = code[at]!;
    if (sign === '"') isQuoted = !isQuoted;
    if (sign === "\\") sections[sections.length - 1] += sign + (code[++at] ?? "");
    else if (sign === ";" && !isQuoted) sections.push("");
    else sections[sections.length - 1] += sign;
  }
  return sections;
}

/** What each place of the format shows; null unless it fills two places or more, and counts nothing otherwise. */
function placesOf(section: string): Place[] | null {
  const places: Place[] = [];
  for (let at = 0; at < section.length; at++) {
    const sign = section[at]!;
    if (sign === "0" || sign === "#") places.push({ digit: sign });
    else if (sign === "\\") places.push({ sign: section[++at] ?? "" });
    else if (sign === '"') {
      const end = section.indexOf('"', at + 1);
      places.push({ sign: section.slice(at + 1, end === -1 ? section.length : end) });
      at = end === -1 ? section.length : end;
    } else if (/[ \u00a0\u202f()+:-]/.test(sign)) places.push({ sign });
    else return null;
  }
  const firstZero = places.findIndex((place) => "digit" in place && place.digit === "0");
  const filled = firstZero === -1 ? [] : places.slice(firstZero).filter((place) => "digit" in place);
  return filled.length >= 2 ? places : null;
}

/** An integer as such a format shows it: 421 in `00000` is "00421", 612345678 in `0# ## ## ## ##` is "06 12 34 56 78". */
export function padded(integer: number, places: Place[]): string {
  const digits = [...String(Math.abs(integer))];
  const first = places.findIndex((place) => "digit" in place);
  const firstZero = places.findIndex((place) => "digit" in place && place.digit === "0");
  let out = "";
  for (let at = places.length - 1; at >= 0; at--) {
    const place = places[at]!;
    // From the first zero on, each place shows a digit; before it, those the number has.
    out = ("sign" in place ? place.sign : (digits.pop() ?? (at >= firstZero ? "0" : ""))) + out;
    if (at === first) out = digits.splice(0).join("") + out;
  }
  return (integer < 0 ? "-" : "") + out;
}

/** A decimal comma, and no exponent, which would be read as one a spreadsheet has damaged [IMP-17]. */
export function plainNumber(value: number): string {
  const text = String(value);
  const [mantissa, exponent] = text.split("e") as [string, string?];
  if (exponent === undefined) return text.replace(".", ",");
  if (Number(exponent) < 0)
    return value
      .toFixed(20)
      .replace(/\.?0+$/, "")
      .replace(".", ",");
  const [whole, fraction = ""] = mantissa.split(".") as [string, string?];
  return (whole + fraction).padEnd(whole.length + Number(exponent), "0");
}

const DAY_MS = 86_400_000;
const SECONDS = 86_400;
/** The day the 1900 system counts and no calendar has [IMP-10]. */
const FALSE_DAY = 60;

/**
 * A date, a time or both, as ISO 8601 writes them, to the second; null for the 60th day of the 1900 system and for what
 * is before the first one.
 */
export function dateText(serial: number, shows: "date" | "time" | "moment", is1904: boolean): string | null {
  if (!(serial >= 0) || serial > 2_958_466) return null;
  let day = Math.floor(serial);
  let second = Math.round((serial - day) * SECONDS);
  if (second === SECONDS) {
    second = 0;
    day++;
  }
  const time = new Date(second * 1000).toISOString().slice(11, second % 60 === 0 ? 16 : 19);
  if (shows === "time" && day === 0) return time;
  if (!is1904 && day === FALSE_DAY) return null;
  // Serial 1 is 1 January 1900; from the false day on, one is counted too many. 1904 counts from 0.
  const first = is1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, day > FALSE_DAY ? 30 : 31);
  const date = new Date(first + day * DAY_MS).toISOString().slice(0, 10);
  return second === 0 && shows !== "moment" ? date : `${date}T${time}`;
}
