/**
 * French typography for text people typed or that comes from elsewhere; our own screen texts are written right in the
 * source. Addresses and hours ("https://…", "10:30") are left as they are.
 */

const NARROW = "\u202f";
const NO_BREAK = "\u00a0";
const ADDRESS = /\b(?:[a-z][a-z0-9+.-]*:\/\/|mailto:|www\.)\S+/giu;

export function typo(text: string): string {
  let done = "";
  let from = 0;
  for (const address of text.matchAll(ADDRESS)) {
    done += spaced(text.slice(from, address.index)) + address[0];
    from = address.index + address[0].length;
  }
  return done + spaced(text.slice(from));
}

function spaced(text: string): string {
  return (
    text
      .replace(/(?<=\p{L})'(?=[\p{L}\p{N}«"])/gu, "’")
      // A run such as "?!" takes one space, before its first sign.
      .replace(/(?<=[\p{L}\p{N}»"’)\]%€])[ \u00a0\u202f]*(?=[;!?])/gu, NARROW)
      .replace(/(?<=[\p{L}\p{N}»"’)\]%€])[ \u00a0\u202f]*:(?=\s|$)/gu, `${NO_BREAK}:`)
      .replace(/(?<=\p{N})[ \u00a0\u202f]*(?=[%€])/gu, NO_BREAK)
      .replace(/«[ \u00a0\u202f]*(?=\S)/gu, `«${NO_BREAK}`)
      .replace(/(?<=\S)[ \u00a0\u202f]*»/gu, `${NO_BREAK}»`)
  );
}
