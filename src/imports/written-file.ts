import type { Database } from "../platform/db/index.ts";
import { CSV_MARK, csvLine } from "../platform/sheets/csv.ts";
import type { ImportProfile } from "../platform/sheets/profile.ts";
import type { Import } from "./import.ts";
import { writtenLines } from "./queries/outcomes.ts";

const AT_ONCE = 2_000;
const OUTCOMES = { create: "créée", update: "modifiée" } as const;

/** Every line that was written, with what it made or changed as it is named now [IMP-34]. */
export async function* writtenFile(
  db: Database,
  { table, named }: Pick<ImportProfile, "table" | "named">,
  { tenantId, id }: Pick<Import, "tenantId" | "id">,
): AsyncGenerator<string> {
  yield CSV_MARK + csvLine(["Ligne", "Résultat", "Nom"]);
  for (let after = 0; ; ) {
    const lines = await db.read(tenantId, (em) => writtenLines(em, id, { table, named, after, size: AT_ONCE }));
    if (lines.length > 0) {
      yield lines.map(({ line, outcome, name }) => csvLine([line, OUTCOMES[outcome], name])).join("");
    }
    if (lines.length < AT_ONCE) return;
    after = lines.at(-1)!.line;
  }
}
