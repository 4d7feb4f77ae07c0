import type { FieldDefinition, FieldValue } from "./definition.ts";
import { type Reading, readerOf } from "./read.ts";
import { cellText, type Showing, showValue } from "./show.ts";

/** Another type for a field that has values [FLD-6]. */

export interface Conversion {
  converted: { id: string; value: FieldValue }[];
  /** Kept aside, in history and in a file, and gone from the rows. */
  refused: { id: string; value: FieldValue; text: string; problem: string }[];
  /** The first of each, as people read them, of values that differ. */
  samples: { converted: { before: string; after: string }[]; refused: { before: string; problem: string }[] };
}

const SAMPLES = 5;

/**
 * What becomes of each value: it goes through its text, as a file would hold it, and is read as the new type reads any text.
 * Nothing is changed here.
 */
export function convertValues(
  from: FieldDefinition,
  to: FieldDefinition,
  values: Iterable<{ id: string; value: FieldValue }>,
  reading: Reading & Showing,
): Conversion {
  const read = readerOf(to, { ...reading, separator: "|", isMonthFirst: false, decimalSign: "," });
  const made: Conversion = { converted: [], refused: [], samples: { converted: [], refused: [] } };
  const seen = new Set<string>();
  for (const { id, value } of values) {
    const text = cellText(from, value, reading);
    const answer = read(text);
    const isNew = seen.size < 2000 && !seen.has(text);
    if (isNew) seen.add(text);
    if ("value" in answer && answer.value !== null) {
      made.converted.push({ id, value: answer.value });
      if (isNew && made.samples.converted.length < SAMPLES) {
        made.samples.converted.push({
          before: showValue(from, value, reading),
          after: showValue(to, answer.value, reading),
        });
      }
      continue;
    }
    const problem = "problem" in answer ? answer.problem : "Cette valeur serait vide.";
    made.refused.push({ id, value, text, problem });
    if (isNew && made.samples.refused.length < SAMPLES) {
      made.samples.refused.push({ before: showValue(from, value, reading), problem });
    }
  }
  return made;
}
