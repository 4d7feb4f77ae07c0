import type { Request, Response } from "express";
import { read } from "../../platform/http/forms.ts";
import { DELIMITERS } from "../../platform/sheets/delimiter.ts";
import { ENCODINGS } from "../../platform/sheets/encoding.ts";
import type { ChosenColumn, ImportTarget, Mapping } from "../../platform/sheets/profile.ts";
import { isSample } from "../../platform/sheets/sample.ts";
import { HEADER_LINES } from "../../platform/sheets/source.ts";
import { sheetsOf } from "../../platform/sheets/workbook-rows.ts";
import { knownMappings, LONGEST_MAPPING_NAME } from "../analysis.ts";
import { sourceOfImport } from "../file-purpose.ts";
import type { Import } from "../import.ts";
import { suggest } from "../suggestions.ts";
import type { Taste } from "../tastes.ts";
import { decimalIn } from "./mapping-form.ts";
import { CONFIDENCE, NOTHING_MAPPED, readingSent, seenAs } from "./preview.ts";
import { addressOf, courseAt, crumbsOf, factsOf, openAt, placeAt, profileAt } from "./shown.ts";

export const MAPPING = { page: "imports/mapping" };

/** The page that says how a file is read and where its columns go, as it is kept or as a refused form says. */
export async function showMapping(
  req: Request,
  res: Response,
  one: Import,
  form: { values?: Record<string, unknown>; errors?: object },
): Promise<void> {
  const sent = form.errors ? (form.values ?? {}) : null;
  const { place, course, open, known, sheets, profile, seen } = await read(req, async (em) => {
    const profile = profileAt(req, one.kind);
    await profile.admit?.(em, one.scopeId ?? null);
    const open = await openAt(em, req, one, NOTHING_MAPPED);
    const place = await placeAt(em, req, profile, one.scopeId ?? null);
    const source = await sourceOfImport(em, req.files, one);
    return {
      profile,
      open,
      place,
      course: await courseAt(em, req, one, { hasFile: true }),
      known: await knownMappings(em, one),
      seen: await seenAs(em, req, one, sent ? readingSent(sent) : {}),
      sheets: one.shape.kind === "workbook" ? await sheetsOf(source) : [],
    };
  });
  const { survey, shape, mapping } = one;
  const { targets, fresh, naming } = open;
  const confidences = suggest(survey.columns, targets, {
    main: open.main,
    tastes: survey.tastes,
    unread: open.unread,
  });
  const header = survey.first.findIndex(({ line }) => line >= one.headerLine);
  const lines = survey.first.slice(header + 1).filter(({ cells }) => !isSample(cells));
  const sentAt = (name: string, rank: number) => (sent ? [sent[name] ?? []].flat()[rank] : undefined);
  const mayAdd = fresh !== undefined && place.mayAddColumns;
  const saidOf = (field: "decimal" | "separator") => [sent?.[field] ?? []].flat().map(String);
  const columns = survey.columns.map((name, rank) => {
    const chosen = mapping.columns[rank] ?? null;
    const taste = survey.tastes?.[rank];
    const samples = lines.slice(0, 3).flatMap(({ cells }) => cells[rank] || []);
    const value = String(sentAt("column", rank) ?? destinationOf(chosen, targets));
    const shares = new Map(taste?.kinds.map(({ type, share }) => [type, share]));
    return {
      name,
      samples,
      value,
      chosen,
      isMonthFirst: sent ? [sent.order ?? []].flat().includes(name) : (chosen?.isMonthFirst ?? false),
      confidence: value !== "" && value === confidences[rank]?.code ? confidences[rank].confidence : null,
      isRefused: survey.suspects?.includes(name) ?? false,
      ...readingOf(taste, value, { targets, mayAdd }),
      decimal: (sent ? decimalIn(saidOf("decimal"), name) : chosen)?.decimalSign ?? "",
      isListed: sent ? saidOf("separator").includes(name) : chosen?.separator === ",",
      share: value.startsWith("+") ? (shares.get(value.slice(1)) ?? null) : null,
      kinds: mayAdd
        ? fresh.types.map(({ value: type, label }) => ({ value: `+${type}`, label, share: shares.get(type) }))
        : [],
    };
  });
  res.show(MAPPING, {
    title: "Correspondance des colonnes",
    crumbs: crumbsOf(place, one),
    one: factsOf(one),
    at: addressOf(one),
    shape,
    headerLine: one.headerLine,
    sheets,
    accented: survey.accented,
    found: survey.found ? `${ENCODINGS[survey.found.encoding]}, ${CONFIDENCE[survey.found.confidence]}` : null,
    seen,
    encodings: Object.entries(ENCODINGS).map(([value, label]) => ({ value, label })),
    delimiters: Object.entries(DELIMITERS).map(([value, label]) => ({ value, label })),
    headerLines: Array.from({ length: HEADER_LINES }, (_, rank) => ({ value: rank + 1, label: `Ligne ${rank + 1}` })),
    columns,
    targets: targets.map(({ code, label, isRequired = false }) => ({
      value: code,
      label: isRequired ? `${label} (obligatoire)` : label,
    })),
    recognised: open.identity?.words ?? null,
    // Columns of the file: what a key or a title is told by may not be in the product yet.
    keys: columns.flatMap(({ name, value, isRefused }) => {
      const target = targets.find(({ code }) => code === value);
      return open.identity || isRefused || (target && !target.mayBeKey) || (!target && !mayAdd)
        ? []
        : [{ value: name, label: name }];
    }),
    key: sent ? [sent.key ?? []].flat() : mapping.key.flatMap((code) => survey.columns[rankOf(mapping, code)] ?? []),
    titleColumn: mapping.title ? (survey.columns[rankOf(mapping, mapping.title)] ?? "") : "",
    naming: naming ?? null,
    options: one.options,
    missing: open.missing?.choices ?? [],
    known,
    name: mapping.name ?? "",
    longestName: LONGEST_MAPPING_NAME,
    course,
    back: course?.back.href ?? place.path,
    noun: profile.noun,
    form,
  });
}

/** What of a column reads two ways, by its values and by where it goes: that may be chosen [IMP-14, IMP-16, IMP-17]. */
function readingOf(
  { hasDays, hasSigns, isMixed, hasCommas, kinds = [] }: Partial<Taste> = {},
  value: string,
  { targets, mayAdd }: { targets: readonly ImportTarget[]; mayAdd: boolean },
) {
  const target = targets.find(({ code }) => code === value);
  const isNumber = target?.holds === "number" || value === "+number";
  const isList = target?.isSplit || value === "+multiple_choice";
  const looksNumeric = kinds[0]?.type === "number";
  const hasLists = mayAdd || targets.some(({ isSplit }) => isSplit);
  return {
    hasDays,
    hasSigns: hasSigns && (isNumber || (mayAdd && looksNumeric)),
    isMixed: isMixed && isNumber,
    hasLists: hasCommas && (isList || (hasLists && !isNumber && !looksNumeric)),
  };
}

const rankOf = ({ columns }: Mapping, code: string) => columns.findIndex((chosen) => chosen?.code === code);

/** What the list of destinations shows of a column: a code, or a kind of new one. */
const destinationOf = (chosen: ChosenColumn | null, targets: readonly ImportTarget[]): string => {
  if (!chosen) return "";
  return chosen.fresh && !targets.some(({ code }) => code === chosen.code) ? `+${chosen.fresh.type}` : chosen.code;
};
