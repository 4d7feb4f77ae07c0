import { type FieldType, newField } from "./definition.ts";
import { type Reading, readerOf } from "./read.ts";
import { bare, tidy } from "./text.ts";

/** What kind of field a column of a file seems to hold [IMP-18]. */

/** From the most particular to the least: the first that fits well enough is proposed. */
const TRIED: FieldType[] = [
  "boolean",
  "datetime",
  "date",
  "email",
  "url",
  "phone",
  "number",
  "short_text",
  "long_text",
];
/** Short of this share, another kind is proposed, which says how many of its values fit. */
const ENOUGH = 0.9;
const MOST_CHOICES = 12;

const HOUR = /\d[ T,]+(?:à )?\d{1,2} ?(?::\d{2}|h)/;
/** Written as an identifier rather than as a quantity: zeros before it, or more digits than a number keeps. */
const IDENTIFIER = /^(?:0\d+|\d{10,})$/;

/**
 * The types of field that could hold these texts, best first, each with the share of non-empty ones it takes; short text
 * is always among them. Blank samples are left out.
 */
export function proposeType(samples: Iterable<string>, reading: Reading): { type: FieldType; share: number }[] {
  const texts = [...samples].map(tidy).filter((text) => text !== "");
  if (texts.length === 0) return [{ type: "short_text", share: 1 }];
  const shares = TRIED.map((type) => {
    const read = readerOf(newField({ code: "essai", label: "Essai", type }), reading);
    const fits = texts.filter((text) => isLike(type, text) && "value" in read(text)).length;
    return { type, share: fits / texts.length };
  });
  // A list of words that come back: offered as a choice, after what it is otherwise.
  const distinct = new Set(texts.map(bare)).size;
  if (distinct > 1 && distinct <= MOST_CHOICES && texts.length >= 3 * distinct) {
    shares.splice(-1, 0, { type: "single_choice", share: 1 });
  }
  return shares
    .filter(({ share }) => share > 0)
    .sort(
      (a, b) => Number(b.share >= ENOUGH) - Number(a.share >= ENOUGH) || (a.share >= ENOUGH ? 0 : b.share - a.share),
    );
}

function isLike(type: FieldType, text: string): boolean {
  if (type === "datetime") return HOUR.test(text);
  if (type === "date") return !HOUR.test(text);
  if (type === "number") return !IDENTIFIER.test(text);
  return true;
}
