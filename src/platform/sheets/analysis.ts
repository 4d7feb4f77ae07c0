import type { FoundEncoding } from "./encoding.ts";
import { sheetKind } from "./kind.ts";
import type { SheetSource } from "./source.ts";
import { guessDelimiter, type TableShape } from "./table.ts";
import { sheetsOf } from "./workbook-rows.ts";

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
