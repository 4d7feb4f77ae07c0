import { CSV_MARK, csvLine } from "../platform/sheets/csv.ts";
import { folded } from "../platform/sheets/header.ts";
import type { ImportTarget, OpenImport } from "../platform/sheets/profile.ts";
import { sampleCell } from "../platform/sheets/sample.ts";
import { type WrittenColumn, workbookFile } from "../platform/sheets/workbook-file.ts";

type Ready = Pick<OpenImport, "targets" | "main" | "key">;

/** What a template holds: a column for each place a value may go, and two lines that an import leaves out [IMP-44]. */
interface Template {
  heads: string[];
  targets: readonly ImportTarget[];
  rows: string[][];
}

function templateOf({ targets, main, key }: Ready): Template {
  const met = new Set<string>();
  // Two columns of one name: the second is told by its code, which an import knows too.
  const heads = targets.map(({ label, code }) => {
    const head = met.has(folded(label)) ? code : label;
    met.add(folded(head));
    return head;
  });
  const named = targets.findIndex(({ code }) => code === (main ?? key[0]));
  const marked = Math.max(named, 0);
  const rows = ([0, 1] as const).map((rank) =>
    targets.map(({ samples, options }, place) => {
      const text = samples?.[rank] ?? options?.[rank] ?? "";
      return place === marked ? sampleCell(text) : text;
    }),
  );
  return { heads, targets, rows };
}

/** As a French spreadsheet opens it. */
export function templateText(ready: Ready): string {
  const { heads, rows } = templateOf(ready);
  return CSV_MARK + [heads, ...rows].map(csvLine).join("");
}

const WIDE = 14;

/** With its lists, its formats, and a sheet that explains each column. */
export function templateWorkbook(ready: Ready, noun: readonly [string, string]): Buffer {
  const { heads, targets, rows } = templateOf(ready);
  const columns = targets.map(
    ({ holds = "text", options }, place): WrittenColumn => ({
      kind: holds,
      width: Math.max(WIDE, heads[place]!.length + 2, ...rows.map((cells) => cells[place]!.length + 2)),
      ...(options && { options }),
    }),
  );
  const prose = (width: number): WrittenColumn => ({ kind: "prose", width });
  return workbookFile([
    { name: noun[1].charAt(0).toLocaleUpperCase("fr") + noun[1].slice(1), columns, heads, rows },
    {
      name: "Mode d’emploi",
      columns: [prose(30), prose(14), prose(60), prose(60)],
      heads: ["Colonne", "Obligatoire", "Ce qu’elle contient", "Valeurs possibles"],
      rows: targets.map((target, place) => [
        heads[place]!,
        target.isRequired ? "Oui" : "Non",
        explained(target),
        (target.options ?? []).join("\n"),
      ]),
    },
  ]);
}

const explained = ({ hint, holds = "text", aliases = [] }: ImportTarget): string =>
  [hint || KINDS[holds], aliases.length > 0 && `Aussi reconnue sous\u00a0: ${aliases.slice(0, 3).join(", ")}`]
    .filter(Boolean)
    .join(". ");

const KINDS: Record<NonNullable<ImportTarget["holds"]>, string> = {
  text: "Texte",
  number: "Nombre",
  date: "Date, comme 31/12/2026",
  time: "Heure, comme 09:30",
  moment: "Date et heure, comme 31/12/2026 15:00",
};
