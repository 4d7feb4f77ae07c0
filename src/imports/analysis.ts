import type { EntityManager } from "@mikro-orm/postgresql";
import { NotFound, RuleBroken } from "../platform/errors.ts";
import type { ChosenColumn, Mapping, OpenImport } from "../platform/sheets/profile.ts";
import type { SheetSource } from "../platform/sheets/source.ts";
import { surveyTable, type TableShape } from "../platform/sheets/table.ts";
import type { StoredFile } from "../platform/storage/file.ts";
import { Import, ImportMappingSchema, type ImportOptions, OPTIONS } from "./import.ts";
import { isUnread, NationalNumbers, ownCount, signatureOf, suggest } from "./suggestions.ts";
import { Tastes } from "./tastes.ts";

/**
 * What a reading in this shape gives, with the columns of national health numbers, which may go nowhere [IMP-27], and what
 * each column could be kept as [IMP-18].
 */
export async function readThrough(
  source: SheetSource,
  shape: TableShape,
  headerLine: number,
  { fresh }: Pick<OpenImport, "fresh">,
) {
  const numbers = new NationalNumbers();
  const tastes = new Tastes();
  const survey = await surveyTable(source, shape, {
    headerLine,
    look({ cells }) {
      numbers.look(cells);
      tastes.look(cells);
    },
  });
  return {
    ...survey,
    suspects: numbers.among(survey.columns),
    tastes: tastes.of(survey.columns, (samples) => fresh?.propose(samples) ?? []),
  };
}

/** Opens an import on a file that arrived; the caller flushes. */
export function openImport(
  em: EntityManager,
  file: StoredFile,
  about: { kind: string; scopeId: string | null; by: { id: string }; shape: TableShape; survey: Import["survey"] },
): Import {
  const { kind, scopeId, by, shape, survey } = about;
  return em.create(Import, {
    tenantId: file.tenantId,
    kind,
    scopeId,
    fileId: file.id,
    fileName: file.name,
    sha256: file.sha256,
    authorId: by.id,
    shape,
    survey,
    mapping: { columns: survey.columns.map(() => null), key: [] },
    options: OPTIONS,
  });
}

/** Longest name of a mapping. */
export const LONGEST_MAPPING_NAME = 80;

/** A mapping of files of the same columns. */
export interface KnownMapping {
  id: string;
  /** Empty when nobody named it. */
  name: string;
  usedAt: Date;
}

/** The mappings that files of these columns had, the last used first [IMP-19]. */
export async function knownMappings(
  em: EntityManager,
  { kind, survey }: Pick<Import, "kind" | "survey">,
): Promise<KnownMapping[]> {
  const found = await em.find(
    ImportMappingSchema,
    { kind, signature: signatureOf(survey.columns) },
    { orderBy: { usedAt: "desc", id: "desc" } },
  );
  return found.map(({ id, name, usedAt }) => ({ id, name, usedAt }));
}

/**
 * The mapping and options proposed for an import: those `from` names, else of the last file of these columns, else by their
 * names, else a new column of the product, where they may be added [IMP-18, IMP-19]. Throws NotFound for one that is not
 * theirs.
 */
export async function proposeMapping(
  em: EntityManager,
  { kind, survey }: Pick<Import, "kind" | "survey">,
  open: OpenImport,
  { mayAddColumns = false, from }: { mayAddColumns?: boolean; from?: string } = {},
): Promise<{ mapping: Mapping; options: ImportOptions }> {
  const known = await em.findOne(
    ImportMappingSchema,
    { kind, signature: signatureOf(survey.columns), ...(from !== undefined && { id: from }) },
    { orderBy: { usedAt: "desc", id: "desc" } },
  );
  if (from !== undefined && !known) throw new NotFound(GONE);
  const suspects = survey.suspects ?? [];
  const remembered = known ? (known.mapping as unknown as Mapping) : null;
  const suggested = suggest(survey.columns, open.targets, {
    main: open.main,
    tastes: survey.tastes,
    unread: open.unread,
  });
  const taken = new Set(open.targets.map(({ code }) => code));
  const met = new Set<string>();
  const own = ownCount(survey.columns);
  const columns = survey.columns.map((name, place): ChosenColumn | null => {
    const last = remembered?.columns[place];
    if (suspects.includes(name) || place >= own || last === null) return null;
    const taste = survey.tastes?.[place];
    const order = taste?.isMonthFirst ? { isMonthFirst: true } : {};
    const code = [last?.code, suggested[place]?.code].find(
      (one) => one !== undefined && !met.has(one) && open.targets.some((target) => target.code === one),
    );
    if (code !== undefined) {
      met.add(code);
      const { fresh: _made, ...reading } = last?.code === code ? last : { code };
      return { ...order, ...reading };
    }
    if (!open.fresh || !mayAddColumns || (!last && isUnread(name, open.unread))) return null;
    // Nothing in it says what it holds.
    if (!last && taste?.looked === 0) return null;
    const type = last?.fresh?.type ?? taste?.kinds[0]?.type ?? open.fresh.types[0]!.value;
    const made = open.fresh.codeOf(name, taken);
    taken.add(made);
    return { ...order, ...freshColumn(made, { label: name, type }, taste?.distinct ?? null) };
  });
  const codes = columns.flatMap((chosen) => chosen?.code ?? []);
  const firstText = columns.find((chosen) => chosen?.fresh?.type === "short_text");
  const keyed = keyIn(open, columns, remembered?.key ?? open.key).filter((code) => codes.includes(code));
  return {
    mapping: {
      columns,
      key: keyed.length === 0 && open.naming && firstText ? [firstText.code] : keyed,
      ...(open.naming && remembered?.title && codes.includes(remembered.title) && { title: remembered.title }),
      ...(known?.name && { name: known.name }),
    },
    // What suits one file's errors does not suit the next.
    options: known ? { ...OPTIONS, mode: known.options.mode, empty: known.options.empty } : OPTIONS,
  };
}

/** The codes of the key: those chosen, or where a row recognises itself, all that tell it among those of the file [IMP-50]. */
export const keyIn = (
  { identity, key }: Pick<OpenImport, "identity" | "key">,
  columns: Mapping["columns"],
  chosen: readonly string[],
): string[] => (identity ? key.filter((code) => columns.some((column) => column?.code === code)) : [...chosen]);

/** Drops what a mapping of these columns was; throws NotFound for one that is not theirs [IMP-19]. */
export async function forgetMapping(
  em: EntityManager,
  { kind, survey }: Pick<Import, "kind" | "survey">,
  id: string,
): Promise<void> {
  const known = await em.findOne(ImportMappingSchema, { id, kind, signature: signatureOf(survey.columns) });
  if (!known) throw new NotFound(GONE);
  em.remove(known);
}

const GONE = "Cette correspondance n’existe plus\u00a0: choisissez-en une autre.";

/** A column the product does not have yet; a choice offers the values the file holds. */
export const freshColumn = (
  code: string,
  fresh: { label: string; type: string },
  distinct: readonly string[] | null,
): ChosenColumn => ({ code, fresh: { ...fresh, ...(distinct && { choices: [...distinct] }) } });

/**
 * Keeps how this file was mapped, for the next one of the same columns, under a name or without [IMP-19]. Throws RuleBroken
 * for a forbidden column.
 */
export async function chooseMapping(
  em: EntityManager,
  one: Import,
  { mapping, options, now }: { mapping: Mapping; options: ImportOptions; now: Date },
): Promise<void> {
  const forbidden = one.survey.columns.find(
    (column, place) => mapping.columns[place] && one.survey.suspects?.includes(column),
  );
  if (forbidden !== undefined) {
    throw new RuleBroken(
      `La colonne «\u00a0${forbidden}\u00a0» contient des numéros de sécurité sociale\u00a0: elle ne peut pas être importée.`,
      "mapping",
    );
  }
  Object.assign(one, { mapping, options, state: "analysed", counts: null });
  const signature = signatureOf(one.survey.columns);
  const { name = "" } = mapping;
  const known = await em.findOne(ImportMappingSchema, { kind: one.kind, signature, name });
  const values = { mapping: mapping as unknown as Record<string, unknown>, options, usedAt: now };
  if (known) Object.assign(known, values);
  else em.create(ImportMappingSchema, { tenantId: one.tenantId, kind: one.kind, signature, name, ...values });
}
