import type { Request, Response } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import type { Mark } from "../../platform/db/paging.ts";
import { readMark, writeMark } from "../../platform/http/addresses.ts";
import { read } from "../../platform/http/forms.ts";
import type { ImportProfile } from "../../platform/sheets/profile.ts";
import { fr } from "../../platform/text/index.ts";
import { type Import, NO_COUNTS } from "../import.ts";
import { isHopeless, MOSTLY_WRONG } from "../prepared.ts";
import { causesOf, errorsOf, linesOf } from "../queries/outcomes.ts";
import { MOST_SHOWN } from "../queries/staging.ts";
import { INLINE_LINES } from "../run.ts";
import { concernsOf } from "./concerns.ts";
import { addressOf, courseAt, crumbsOf, factsOf, openAt, placeAt, profileAt } from "./shown.ts";

export const VIEW = { page: "imports/show", part: "imports/_progress" };
const tableOf = ({ table, named }: ImportProfile) => ({ table, named });

export const Filter = z.object({
  colonne: z.string().max(200).optional().describe("Colonne"),
  motif: z.string().max(500).optional().describe("Motif"),
  page: z.string().max(900).optional(),
  modifs: z.string().max(900).optional(),
  creees: z.string().max(900).optional(),
  correspondance: z.literal("oui").optional(),
});

/** What a check found, how far a run is, what came of it: page by page. */
export async function showState(
  req: Request,
  res: Response,
  one: Import,
  filter: z.output<typeof Filter>,
  form: { values?: object; errors?: object },
): Promise<void> {
  const shown = await read(req, async (em) => {
    const profile = profileAt(req, one.kind);
    const place = await placeAt(em, req, profile, one.scopeId ?? null);
    const open = await openAt(em, req, one);
    const { targets, missing } = open;
    const causes = await causesOf(em, one.id);
    const of = { column: filter.colonne, cause: filter.motif, mark: readMark(filter.page) };
    const errors = await errorsOf(em, one.id, of);
    const lines = (outcome: "create" | "update", page: string | undefined) =>
      linesOf(em, one.id, { outcome, ...tableOf(profile), mark: readMark(page) });
    return {
      profile,
      place,
      course: await courseAt(em, req, one, { hasFile: true }),
      causes,
      errors,
      changes: await lines("update", filter.modifs),
      born: await lines("create", filter.creees),
      labels: Object.fromEntries(targets.map(({ code, label }) => [code, label])),
      numbers: new Set(targets.flatMap(({ code, holds }) => (holds === "number" ? code : []))),
      told: Object.fromEntries(targets.map(({ code, show }) => [code, show])),
      missingChoice: missing?.choices.find(({ value }) => value === one.options.missing)?.label ?? null,
      concerns: await concernsOf(em, req, one, open),
      // Of what is to come: once it is written, the figures and the lines say it.
      warnings: one.state === "checked" ? ((await profile.tell?.(em, req.user!, one.notices)) ?? []) : [],
      fresh: one.mapping.columns.flatMap((chosen) => chosen?.fresh?.label ?? []),
      author: (await findUserNames(em, [one.authorId])).get(one.authorId) ?? "Compte inconnu",
    };
  });
  const at = addressOf(one);
  const pages = ({ before, after }: { before: Mark | null; after: Mark | null }, name: string, anchor: string) => {
    const { colonne, motif } = filter;
    const to = (mark: Mark | null) =>
      mark &&
      `${at}?${new URLSearchParams({ ...(colonne && { colonne }), ...(motif && { motif }), [name]: writeMark(mark) })}#${anchor}`;
    return { previous: to(before), next: to(after) };
  };
  res.show(VIEW, {
    title: one.state === "checked" ? "Vérification du fichier" : "Résultat de l’import",
    crumbs: crumbsOf(shown.place, one),
    one: factsOf(one),
    at,
    counts: one.counts ?? NO_COUNTS,
    ...shown,
    key: one.mapping.key.map((code) => shown.labels[code] ?? code),
    chosen: chosenIn(one, shown),
    isLong: one.survey.lines > INLINE_LINES,
    hopeless:
      one.state === "checked" && isHopeless(one.counts ?? NO_COUNTS, one.options.threshold)
        ? MOSTLY_WRONG(one.options.threshold)
        : null,
    noun: shown.profile.noun,
    timeLeft: timeLeft(one, req.now),
    back: shown.place.path,
    causes: shown.causes.rows.map((one) => ({
      ...one,
      at: `${at}?${new URLSearchParams({ ...(one.column && { colonne: one.column }), motif: one.cause })}#erreurs`,
    })),
    causesInAll: shown.causes.total,
    filter: { motif: filter.motif ?? null },
    errors: shown.errors.rows,
    changes: shown.changes.rows,
    born: shown.born.rows,
    codes: one.mapping.columns.flatMap((chosen) => chosen?.code ?? []),
    pages: {
      errors: pages(shown.errors, "page", "erreurs"),
      changes: pages(shown.changes, "modifs", "modifs"),
      born: pages(shown.born, "creees", "creees"),
    },
    mostShown: MOST_SHOWN,
    form,
  });
}

/** What was chosen for this file, in words: its options, then where each column went [IMP-39]. */
function chosenIn(
  { options, mapping, survey }: Import,
  { labels, numbers }: { labels: Record<string, string>; numbers: ReadonlySet<string> },
) {
  const { mode, empty, errors, threshold } = options;
  const columns = survey.columns.map((name, place) => {
    const chosen = mapping.columns[place];
    const reading = chosen && [
      chosen.fresh && "champ nouveau",
      chosen.isMonthFirst && "mois d’abord",
      numbers.has(chosen.code) && chosen.decimalSign && `signe décimal «\u00a0${chosen.decimalSign}\u00a0»`,
      chosen.separator && `choix séparés par «\u00a0${chosen.separator}\u00a0»`,
    ];
    const value = reading ? [labels[chosen.code] ?? chosen.code, ...reading].filter(Boolean).join(", ") : "ignorée";
    return { term: `Colonne «\u00a0${name}\u00a0»`, value };
  });
  return [
    ...(mapping.title ? [{ term: "Nomme les lignes", value: labels[mapping.title] ?? mapping.title }] : []),
    { term: "Lignes à écrire", value: MODES[mode] },
    { term: "Cases vides", value: empty === "keep" ? "laisser la valeur enregistrée" : "l’effacer" },
    { term: "Lignes en erreur", value: errors === "valid" ? "importer les autres" : "tout ou rien" },
    { term: "Arrêt au-delà de", value: `${threshold}\u00a0% de lignes en erreur` },
    ...columns,
  ];
}

const MODES: Record<Import["options"]["mode"], string> = {
  both: "créer et modifier",
  create: "créer seulement",
  update: "modifier seulement",
};

/** How long what is left would take at the pace so far, in words; null before there is a pace [IMP-33]. */
export function timeLeft(
  { state, startedAt, done, survey }: Pick<Import, "state" | "startedAt" | "done" | "survey">,
  now: Date,
): string | null {
  if (state !== "running" || !startedAt || done === 0 || survey.lines <= done) return null;
  const seconds = ((now.getTime() - startedAt.getTime()) / 1_000 / done) * (survey.lines - done);
  return seconds < 60 ? "moins d’une minute" : `environ ${fr.count(Math.round(seconds / 60), "minute", "minutes")}`;
}
