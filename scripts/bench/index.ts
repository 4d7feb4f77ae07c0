/**
 * `npm run bench [-- NAME… --strict]`: one JSON line a measure on stdout, everything said to people on stderr.
 * With --strict a missed target is an exit code of 1. See README.md for what each measure and its floor are.
 */
import { backup } from "./backup.ts";
import { bulk10k } from "./bulk.ts";
import { coldStart, coldStartKilled } from "./cold-start.ts";
import { export100k } from "./export.ts";
import { import100k, undoImport100k } from "./imports.ts";
import { list100k, listGrowth } from "./list.ts";
import { live300 } from "./live.ts";
import type { Measure } from "./measure.ts";
import { outbox } from "./outbox.ts";
import { page } from "./page.ts";
import { publish20k } from "./publication.ts";
import { sse1000 } from "./sse.ts";
import { portfolio50, stats100k } from "./stats.ts";
import { transition } from "./transition.ts";
import { undo10k } from "./undo.ts";
import { upload } from "./upload.ts";
import { write } from "./write.ts";

const MEASURES: Measure[] = [
  coldStart,
  coldStartKilled,
  page,
  write,
  outbox,
  undo10k,
  import100k,
  undoImport100k,
  backup,
  upload,
  sse1000,
  export100k,
  list100k,
  listGrowth,
  transition,
  bulk10k,
  publish20k,
  stats100k,
  portfolio50,
  live300,
];

const strict = process.argv.includes("--strict");
const names = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const unknown = names.filter((name) => !MEASURES.some((measure) => measure.name === name));
if (unknown.length > 0) {
  console.error(`Mesure inconnue : ${unknown.join(", ")}. Il existe : ${MEASURES.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}

for (const { name, unit, target, holds, run } of MEASURES) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.error(`${name} (objectif : ${target})`);
  const { value, floor, ...promised } = await run();
  // Without a floor there is no ratio: what is promised is absolute.
  const line = { name, value, unit, floor, ratio: round(value / floor), ...promised };
  console.log(JSON.stringify({ ...line, value: round(value), floor: round(floor) }));
  if (holds(line)) continue;
  console.error(`  objectif manqué : ${target}`);
  if (strict) process.exitCode = 1;
}

function round(n: number): number {
  return n >= 100 ? Math.round(n) : Number(n.toFixed(3));
}
