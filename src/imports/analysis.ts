import type { EntityManager } from "@mikro-orm/postgresql";
import { RuleBroken } from "../platform/errors.ts";
import type { FoundEncoding } from "../platform/sheets/encoding.ts";
import { sheetKind } from "../platform/sheets/kind.ts";
import type { ImportTarget } from "../platform/sheets/profile.ts";
import type { SheetSource } from "../platform/sheets/source.ts";
import { guessDelimiter, surveyTable, type TableShape } from "../platform/sheets/table.ts";
import { sheetsOf } from "../platform/sheets/workbook-rows.ts";
import type { StoredFile } from "../platform/storage/file.ts";
import { Import, ImportMappingSchema, type ImportOptions, type Mapping, OPTIONS } from "./import.ts";
import { NationalNumbers, signatureOf, suggest } from "./suggestions.ts";

/** How a file seems to be made [IMP-4, IMP-6, IMP-10]. */
export interface Analysis {
  shape: TableShape;
  found: FoundEncoding | null;
  sheets: { name: string; isHidden: boolean }[];
}

/** Looks at the whole file for its encoding, at its first records for its delimiter. Throws RuleBroken. */
export async function analyse(source: SheetSource): Promise<Analysis> {
  const kind = await sheetKind(source);
  if (kind.kind === "workbook") {
    const sheets = await sheetsOf(source);
    const first = sheets.find(({ isHidden }) => !isHidden) ?? sheets[0]!;
    return { shape: { kind: "workbook", sheet: first.name }, found: null, sheets };
  }
  const { encoding } = kind.found;
  const { delimiter } = await guessDelimiter(source, encoding);
  return { shape: { kind: "text", encoding, delimiter }, found: kind.found, sheets: [] };
}

/** What a reading in this shape gives, with the columns of national health numbers, which may go nowhere [IMP-27]. */
export async function readThrough(source: SheetSource, shape: TableShape, headerLine: number) {
  const numbers = new NationalNumbers();
  const survey = await surveyTable(source, shape, { headerLine, look: ({ cells }) => numbers.look(cells) });
  return { ...survey, suspects: numbers.among(survey.columns) };
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

/** The mapping and options proposed for an import: those of the last file of these columns, else by their names [IMP-18, IMP-19]. */
export async function proposeMapping(
  em: EntityManager,
  { kind, survey }: Pick<Import, "kind" | "survey">,
  targets: readonly ImportTarget[],
  key: readonly string[],
): Promise<{ mapping: Mapping; options: ImportOptions; rememberedAt: Date | null }> {
  const known = await em.findOne(ImportMappingSchema, { kind, signature: signatureOf(survey.columns) });
  const suspects = survey.suspects ?? [];
  if (known) {
    const remembered = known.mapping as unknown as Mapping;
    const columns = survey.columns.map((_, place) => {
      const chosen = remembered.columns[place] ?? null;
      return chosen && targets.some(({ code }) => code === chosen.code) ? chosen : null;
    });
    const codes = columns.flatMap((chosen) => chosen?.code ?? []);
    return {
      mapping: { columns, key: remembered.key.filter((code) => codes.includes(code)) },
      // What suits one file's errors does not suit the next.
      options: { ...OPTIONS, mode: known.options.mode, empty: known.options.empty },
      rememberedAt: known.usedAt,
    };
  }
  const columns = suggest(survey.columns, targets).map((suggestion, place) =>
    suggestion && !suspects.includes(survey.columns[place]!) ? { code: suggestion.code } : null,
  );
  const codes = columns.flatMap((chosen) => chosen?.code ?? []);
  return {
    mapping: { columns, key: key.filter((code) => codes.includes(code)) },
    options: OPTIONS,
    rememberedAt: null,
  };
}

/** Keeps how this file was mapped, for the next one of the same columns [IMP-19]. Throws RuleBroken for a forbidden column. */
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
  const known = await em.findOne(ImportMappingSchema, { kind: one.kind, signature });
  const values = { mapping: mapping as unknown as Record<string, unknown>, options, usedAt: now };
  if (known) Object.assign(known, values);
  else em.create(ImportMappingSchema, { tenantId: one.tenantId, kind: one.kind, signature, ...values });
}
