import type { EntityManager } from "@mikro-orm/postgresql";
import { RuleBroken } from "../platform/errors.ts";
import { sheetKind } from "../platform/sheets/kind.ts";
import { MOST_BYTES, type SheetSource } from "../platform/sheets/source.ts";
import { StoredFile } from "../platform/storage/file.ts";
import type { Files } from "../platform/storage/index.ts";
import { KINDS } from "../platform/storage/kinds.ts";
import type { FilePurpose } from "../platform/storage/purpose.ts";
import type { Import } from "./import.ts";

/** A file of rows, whatever its name says it is [IMP-1, IMP-2]. */
export const IMPORT_FILE: FilePurpose = {
  purpose: "import.file",
  label: "Fichier à importer",
  most: MOST_BYTES,
  kinds: ["csv", "txt", "tsv", "xlsx"],
  table: "import",
  column: "file_id",
  establish: async (reads, size) =>
    (await sheetKind({ reads, size })).kind === "workbook" ? KINDS.xlsx.type : KINDS.csv.type,
};

/** The bytes of an import's file, to be read as often as needed. Throws RuleBroken once it has left [IMP-3]. */
export async function sourceOfImport(
  em: EntityManager,
  { store }: Pick<Files, "store">,
  { fileId }: Pick<Import, "fileId">,
): Promise<SheetSource> {
  const file = fileId ? await em.findOne(StoredFile, { id: fileId }) : null;
  if (!file || file.state === "infected") {
    throw new RuleBroken("Le fichier de cet import n’est plus gardé\u00a0: envoyez-le de nouveau.");
  }
  return { size: file.size, reads: (range) => store.open(file.blob, range) };
}
