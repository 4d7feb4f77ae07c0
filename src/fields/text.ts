/** Texts as they come from a keyboard or a file, before any type reads them [IMP-13]. */

/** NFC, without the ordinary, no-break and zero-width spaces around it; leading zeros stay [IMP-13]. */
export function tidy(text: string): string {
  const whole = isAscii(text) ? text : text.normalize("NFC");
  let from = 0;
  let to = whole.length;
  // By hand: an expression that looks for spaces before the end reads a long run of them again from each of its signs.
  while (from < to && isBlank(whole.charCodeAt(from))) from++;
  while (to > from && isBlank(whole.charCodeAt(to - 1))) to--;
  return from === 0 && to === whole.length ? whole : whole.slice(from, to);
}

function isBlank(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return (
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200d) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x2060 ||
    code === 0x3000 ||
    code === 0xfeff
  );
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** What two spellings of one word share: neither case, nor accents, nor repeated spaces. */
export const bare = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[\s\u00a0\u202f]+/gu, " ")
    .trim()
    .toLowerCase();

/** A short form of what was typed, to be quoted in a sentence. */
export const quoted = (text: string): string => `«\u00a0${text.length > 60 ? `${text.slice(0, 59)}…` : text}\u00a0»`;
