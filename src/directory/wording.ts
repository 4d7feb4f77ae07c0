import { RuleBroken } from "../platform/errors.ts";

const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u;

/** As it will be kept, on one line; refused too long, or with signs nobody sees. An empty text stays empty. */
export function tidy(text: string, field: string, longest: number): string {
  const tidied = text.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidied.length > longest) throw new RuleBroken(`Raccourcissez à ${longest} caractères.`, field);
  if (UNSEEN.test(tidied)) {
    throw new RuleBroken("Retirez les signes < et >, les retours à la ligne et les caractères invisibles.", field);
  }
  return tidied;
}

/** The same, for what cannot be left out. */
export function tidyName(text: string, field: string, longest: number, missing: string): string {
  const tidied = tidy(text, field, longest);
  if (tidied === "") throw new RuleBroken(missing, field);
  return tidied;
}
