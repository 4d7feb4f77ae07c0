import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../platform/db/clock.ts";
import type { Database } from "../platform/db/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { ImportAbout, ImportProfile, OpenImport } from "../platform/sheets/profile.ts";
import type { SheetSource } from "../platform/sheets/source.ts";
import { readTable } from "../platform/sheets/table.ts";
import type { Files } from "../platform/storage/index.ts";
import { sourceOfImport } from "./file-purpose.ts";
import { type Counts, Import } from "./import.ts";
import { type LineError, LineReader, type ReadLine } from "./lines.ts";
import { type Folding, foldingOf } from "./queries/folding.ts";
import { keepErrors, settledLines } from "./queries/outcomes.ts";
import { type Judged, judgeLines, keepLines, type Staging } from "./queries/staging.ts";

/** An import made ready: its lines, part by part, judged and kept the same way by the check and the run [IMP-28]. */

/** What carries imports out. */
export interface Engine {
  db: Database;
  files: Pick<Files, "store">;
  profiles: ReadonlyMap<string, ImportProfile>;
  clock: Clock;
}

/** Lines of one transaction: people who work on the same rows wait for it at most a second. */
export const PART_LINES = 4_000;
/** From so many lines read on, an import most of whose lines are in error stops by itself [IMP-30]. */
const JUDGED_LINES = 500;

/** Lines of the file, right or wrong, in its order: never none. */
export interface Part {
  lines: ReadLine[];
  errors: LineError[];
}

export const lastOf = ({ lines }: Part) => lines.at(-1)!.line;

export interface Prepared {
  one: Import;
  source: SheetSource;
  staging: Staging;
  parts(after: number): AsyncGenerator<Part>;
}

/** Throws RuleBroken when the file has left, or the mapping holds no more. */
export async function prepare(
  { db, files, profiles, clock }: Engine,
  tenantId: string,
  id: string,
  isWritten: boolean,
): Promise<Prepared> {
  const { one, source, open, about, folding } = await db.read(tenantId, async (em) => {
    const one = await em.findOneOrFail(Import, { id });
    const profile = profileOf(profiles, one);
    await profile.admit?.(em, one.scopeId ?? null);
    const about: ImportAbout = {
      tenantId,
      scopeId: one.scopeId ?? null,
      author: { id: one.authorId },
      importId: id,
      notices: one.notices,
      now: clock.now(),
    };
    const open = await profile.open(em, about, one.mapping);
    return { one, about, open, source: await sourceOfImport(em, files, one), folding: await foldingOf(em) };
  });
  const { mapping, options, survey, headerLine } = one;
  const { targets } = open;
  refuseMapping(one, open);
  const mapped = mapping.columns.flatMap((chosen) => targets.find(({ code }) => code === chosen?.code) ?? []);
  const placeOf = (code: string) => mapping.columns.findIndex((chosen) => chosen?.code === code);
  const staging: Staging = {
    profile: profileOf(profiles, one),
    open,
    about,
    mapped,
    derived: open.derived ?? [],
    key: mapping.key,
    mode: options.mode,
    followsMissing: options.missing !== "keep" && mapping.key.length > 0,
    columnOf: (code) => survey.columns[placeOf(code)] ?? null,
    saidOf: (code, cells) => cells[placeOf(code)] ?? "",
  };
  return {
    one,
    source,
    staging,
    parts: (after) => partsOf(source, one, staging, { after, headerLine, isWritten, folding }),
  };
}

export function profileOf(profiles: ReadonlyMap<string, ImportProfile>, { kind }: { kind: string }): ImportProfile {
  const profile = profiles.get(kind);
  if (!profile) throw new Error(`No module imports "${kind}": declare it in a manifest.`);
  return profile;
}

/** Why lines cannot be read with this mapping, as a refusal of the form. Throws RuleBroken. */
export function refuseMapping(
  { mapping, options }: Pick<Import, "mapping" | "options">,
  { targets, identity }: Pick<OpenImport, "targets" | "identity">,
): void {
  const codes = mapping.columns.flatMap((chosen) => chosen?.code ?? []);
  const known = codes.filter((code) => targets.some((target) => target.code === code));
  if (known.length === 0) throw new RuleBroken("Dites où va au moins une colonne du fichier.", "mapping");
  const besides = new Map(targets.flatMap((main) => (main.beside ? [[main.beside, main] as const] : [])));
  const alone = targets.find(({ code }) => known.includes(code) && besides.has(code));
  if (alone && !known.includes(besides.get(alone.code)!.code)) {
    const main = besides.get(alone.code)!;
    throw new RuleBroken(
      `«\u00a0${alone.label}\u00a0» se lit avec «\u00a0${main.label}\u00a0»\u00a0: dites aussi quelle colonne y va.`,
      "mapping",
    );
  }
  const twice = known.find((code, rank) => known.indexOf(code) !== rank);
  if (twice !== undefined) {
    const { label } = targets.find(({ code }) => code === twice)!;
    throw new RuleBroken(`Deux colonnes vont à «\u00a0${label}\u00a0»\u00a0: gardez-en une.`, "mapping");
  }
  if (identity && mapping.key.length === 0) throw new RuleBroken(identity.missing, "mapping");
  if (mapping.key.length > 3) throw new RuleBroken("La clé tient en trois colonnes au plus.", "key");
  if (mapping.key.some((code) => !known.includes(code))) {
    throw new RuleBroken("La clé doit être parmi les colonnes que vous importez.", "key");
  }
  if (mapping.key.length === 0 && options.mode === "update") {
    throw new RuleBroken("Sans clé, rien ne dit quelles lignes modifier\u00a0: choisissez-en une.", "key");
  }
  if (mapping.key.length === 0 && options.missing !== "keep") {
    throw new RuleBroken("Sans clé, rien ne dit quelles lignes manquent au fichier\u00a0: choisissez-en une.", "key");
  }
  const missing = targets.filter(({ code, isRequired }) => isRequired && !known.includes(code));
  if (options.mode === "create" && missing.length > 0) {
    const names = missing.map(({ label }) => `«\u00a0${label}\u00a0»`).join(", ");
    throw new RuleBroken(
      `Une ligne nouvelle ne peut pas se passer de ${names}\u00a0: dites quelle colonne y va.`,
      "mapping",
    );
  }
}

/** The lines of a file by parts, those up to `after` being read for their keys alone [IMP-22]. */
async function* partsOf(
  source: SheetSource,
  { mapping, options, survey, shape }: Import,
  { open }: Staging,
  {
    after,
    headerLine,
    isWritten,
    folding,
  }: { after: number; headerLine: number; isWritten: boolean; folding: Folding },
): AsyncGenerator<Part> {
  const { derive, nameOf, identity, targets } = open;
  const reader = new LineReader({
    mapping,
    options,
    columns: survey.columns,
    targets,
    isText: shape.kind === "text",
    folding,
    ...(derive && { derive: (values) => derive(values, isWritten) }),
    ...(nameOf && { nameOf }),
    ...(identity && { identity }),
  });
  let part: Part = { lines: [], errors: [] };
  for await (const rows of readTable(source, shape, { headerLine, columns: survey.columns.length })) {
    for (const row of rows) {
      const { read, errors } = reader.read(row);
      if (row.line <= after) continue;
      part.lines.push(read);
      if (errors) part.errors.push(...errors);
      if (part.lines.length < PART_LINES) continue;
      yield part;
      part = { lines: [], errors: [] };
    }
  }
  if (part.lines.length > 0) yield part;
}

function added(a: Counts, { lines }: Part, judged: Judged["counts"]): Counts {
  return {
    read: a.read + lines.length,
    create: a.create + judged.create,
    update: a.update + judged.update,
    unchanged: a.unchanged + judged.unchanged,
    ignored: a.ignored + judged.ignored,
    error: a.error + lines.filter(({ unread }) => unread).length + judged.error,
    cells: a.cells + judged.cells,
    missing: a.missing,
  };
}

/**
 * Judges one part and keeps what comes of it; when `writes`, writes it. A part most of whose lines are wrong ends at the
 * line that tells it: nothing after it is written nor counted [IMP-30].
 */
export async function passPart(
  em: EntityManager,
  { one, staging }: Prepared,
  given: Part,
  before: Counts,
  { writes }: { writes: boolean },
): Promise<{ part: Part; counts: Counts; errors: LineError[] }> {
  let part = given;
  let judged = await judgeLines(em, staging, part.lines);
  const end = hopelessAfter(before, part, judged.errors, one.options.threshold);
  if (end < part.lines.length) {
    const lines = part.lines.slice(0, end);
    part = { lines, errors: part.errors.filter(({ line }) => line <= lines.at(-1)!.line) };
    judged = await judgeLines(em, staging, lines);
  }
  await keepLines(em, staging, { writes, shown: before });
  const errors = [...part.errors, ...judged.errors];
  if (errors.length > 0) {
    await keepErrors(em, { tenantId: one.tenantId, importId: one.id }, errors, cellsIn(part.lines));
  }
  return { part, counts: added(before, part, judged.counts), errors };
}

const cellsIn = (lines: readonly Pick<ReadLine, "line" | "cells">[]) =>
  new Map(lines.map(({ line, cells }) => [line, cells]));

/** How many lines of a part are read before most of all those read are in error; all of them when they never are. */
function hopelessAfter(
  before: Counts,
  { lines, errors }: Part,
  refused: readonly LineError[],
  threshold: number,
): number {
  const wrong = new Set([...errors, ...refused].map(({ line }) => line));
  let { read, error } = before;
  if (wrong.size === 0) return lines.length;
  const at = lines.findIndex(({ line }) => {
    read++;
    if (wrong.has(line)) error++;
    return isHopeless({ read, error }, threshold);
  });
  return at === -1 ? lines.length : at + 1;
}

/** Whether so many of its lines are in error that the file itself is wrong [IMP-30]. */
export const isHopeless = ({ read, error }: Pick<Counts, "read" | "error">, threshold: number) =>
  read >= JUDGED_LINES && error * 100 > read * threshold;

export const MOSTLY_WRONG = (threshold: number) =>
  `Plus de ${threshold}\u00a0% des lignes lues sont en erreur\u00a0: l’import s’est arrêté de lui-même. Corrigez le fichier, ou relevez ce seuil.`;

/** What all lines together tell, once they are read: what is wrong is kept with the rest, and counted. */
export async function settle(em: EntityManager, prepared: Prepared, counts: Counts, writes: boolean): Promise<Counts> {
  const { open, about, columnOf, saidOf } = prepared.staging;
  if (!open.settled) return counts;
  const { faults, changed } = await open.settled.settle(em, await settledLines(em, about.importId), writes);
  const { tenantId, importId } = about;
  const cells = await cellsAgain(prepared, new Set(faults.map(({ line }) => line)));
  const errors = faults.map(({ code, line, reason }) => {
    return { line, column: columnOf(code), value: saidOf(code, cells.get(line) ?? []), reason };
  });
  await keepErrors(em, { tenantId, importId }, errors, cells);
  const { update, unchanged } = counts;
  const moved = { update: update + changed, unchanged: unchanged - changed };
  return { ...counts, ...moved, error: counts.error + new Set(faults.map(({ line }) => line)).size };
}

/** The cells of some lines, whose part went long ago. */
async function cellsAgain(
  { source, one }: Prepared,
  lines: ReadonlySet<number>,
): Promise<Map<number, readonly string[]>> {
  const found = new Map<number, readonly string[]>();
  if (lines.size === 0) return found;
  const { shape, headerLine, survey } = one;
  for await (const rows of readTable(source, shape, { headerLine, columns: survey.columns.length })) {
    for (const { line, cells } of rows) if (lines.has(line)) found.set(line, cells);
    if (found.size === lines.size) break;
  }
  return found;
}
