import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { Forbidden, RuleBroken } from "../../platform/errors.ts";
import { query, read } from "../../platform/http/forms.ts";
import { isDelimiter } from "../../platform/sheets/delimiter.ts";
import { ENCODINGS, type FoundEncoding } from "../../platform/sheets/encoding.ts";
import type { ImportTarget, Mapping } from "../../platform/sheets/profile.ts";
import { HEADER_LINES } from "../../platform/sheets/source.ts";
import type { TableShape } from "../../platform/sheets/table.ts";
import { sourceOfImport } from "../file-purpose.ts";
import type { Import } from "../import.ts";
import { firstOf, type Preview, previewOf } from "../preview.ts";
import { mappingOf, READING } from "./mapping-form.ts";
import { addressOf, HOME, openAt, placeAt, profileAt, readingWords, visibleImport } from "./shown.ts";

const PREVIEW = { page: "imports/preview", part: "imports/_preview" };

export const NOTHING_MAPPED: Mapping = { columns: [], key: [] };

/** How sure the guess of an encoding is [IMP-5]. */
export const CONFIDENCE: Record<FoundEncoding["confidence"], string> = {
  high: "sans doute possible",
  medium: "très probable",
  low: "incertain",
};

/** How a file is read through [IMP-5, IMP-6, IMP-8]. */
export const Reading = z.object({
  encoding: z
    .enum(Object.keys(ENCODINGS) as [keyof typeof ENCODINGS])
    .optional()
    .describe("Encodage"),
  delimiter: z.string().max(4).optional().describe("Séparateur"),
  sheet: z.string().max(200).optional().describe("Feuille"),
  headerLine: z.coerce.number().int().min(1).max(HEADER_LINES).describe("Ligne des noms de colonnes"),
});

/** The shape of a file as a form says it; what it does not say stays. */
export function shapeSaid(
  { shape }: Pick<Import, "shape">,
  { encoding, delimiter, sheet }: Partial<Omit<z.output<typeof Reading>, "headerLine">>,
): TableShape {
  if (shape.kind === "workbook") return { kind: "workbook", sheet: sheet ?? shape.sheet };
  return {
    kind: "text",
    encoding: encoding ?? shape.encoding,
    delimiter: delimiter !== undefined && isDelimiter(delimiter) ? delimiter : shape.delimiter,
  };
}

const isSame = (a: TableShape, b: TableShape) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

const Asked = Reading.partial().extend(READING);

/** How a form that was refused would have its columns read; nothing of what makes no sense. */
export const readingSent = (values: Record<string, unknown>) =>
  z.object(READING).partial().safeParse(values).data ?? {};

export interface Seen extends Partial<Preview> {
  /** How these lines are read. */
  said: string;
  /** It is not how the import reads its file yet. */
  isTried: boolean;
  /** Why they cannot be read so. */
  problem: string | null;
}

/** The first lines of a file as it is read and mapped now, or as the page would have it. Throws nothing the person can mend. */
export async function seenAs(
  em: EntityManager,
  req: Request,
  one: Import,
  asked: Partial<z.output<typeof Asked>> = {},
): Promise<Seen> {
  const shape = shapeSaid(one, asked);
  const headerLine = asked.headerLine ?? one.headerLine;
  const isTried = !isSame(shape, one.shape) || headerLine !== one.headerLine;
  const said = readingWords(shape);
  try {
    const first = isSame(shape, one.shape)
      ? one.survey.first
      : await firstOf(await sourceOfImport(em, req.files, one), shape);
    const { mapping, targets } = isTried
      ? { mapping: NOTHING_MAPPED, targets: [] }
      : await mappedAs(em, req, one, asked);
    const columns = isTried ? null : one.survey.columns;
    const preview = previewOf(first, { headerLine, columns, mapping, targets, isText: shape.kind === "text" });
    return { said, isTried, problem: null, ...preview };
  } catch (error) {
    if (error instanceof RuleBroken) return { said, isTried, problem: error.message };
    throw error;
  }
}

/** Where columns go: as the page says, else as it was kept; nowhere as long as that does not hold together. */
async function mappedAs(
  em: EntityManager,
  req: Request,
  one: Import,
  { column = [], order = [], decimal = [], separator = [] }: Partial<z.output<typeof Asked>>,
): Promise<{ mapping: Mapping; targets: readonly ImportTarget[] }> {
  try {
    const said = { column, order, decimal, separator };
    const mapping =
      column.length === 0 ? one.mapping : mappingOf(one, said, await openAt(em, req, one, NOTHING_MAPPED));
    return { mapping, targets: (await openAt(em, req, one, mapping)).targets };
  } catch (error) {
    if (error instanceof RuleBroken || error instanceof Forbidden) return { mapping: NOTHING_MAPPED, targets: [] };
    throw error;
  }
}

/** The first lines, read as the controls of the page say; nothing is kept of it [IMP-5, IMP-6, IMP-14, IMP-16]. */
export const show: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const asked = query(req, Asked);
  const { one, seen, place } = await read(req, async (em) => {
    const one = await visibleImport(em, req, given.params.id);
    const place = await placeAt(em, req, profileAt(req, one.kind), one.scopeId ?? null);
    return { one, place, seen: await seenAs(em, req, one, asked) };
  });
  res.show(PREVIEW, {
    title: "Aperçu du fichier",
    crumbs: [
      HOME,
      { label: place.label, href: place.path },
      { label: one.fileName, href: addressOf(one) },
      { label: "Aperçu" },
    ],
    at: addressOf(one),
    seen,
  });
};
