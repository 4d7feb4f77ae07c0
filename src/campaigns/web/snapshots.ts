import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr, percentOf, type Ratio } from "../../platform/text/index.ts";
import { CATEGORIES } from "../../workflow/index.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { findSnapshot, latestSnapshots, type Snapshot, snapshotOn } from "../queries/snapshots.ts";
import { READINESS_LEVELS, RULE_WORDS } from "../readiness.ts";
import type { Frozen, SnapshotCause } from "../snapshot.ts";
import { type CampaignStats, COUNTER_LABELS, type FiguresLine } from "../stats.ts";
import { lineOf } from "./dashboard-tables.ts";
import { barOf, COUNTED, FILLS, lateWords, paceOf, WIDGETS } from "./dashboard-words.ts";
import { addressOf, frameOf, zoneOf } from "./shown.ts";

const LIST = { page: "campaigns/snapshots/index" };
const SHOW = { page: "campaigns/snapshots/show" };
const COMPARE = { page: "campaigns/snapshots/compare" };
const PAGE_ROWS = 31;

const CAUSES: Record<SnapshotCause, string | null> = { day: null, finish: "À la clôture", archive: "À l’archivage" };

/** The six counters of the work, as the dashboard reads them (DSH-1). */
const SHOWN = WIDGETS.map((code) => ({
  code,
  label: COUNTER_LABELS[code],
  tone: FILLS[code],
  icon: CATEGORIES[code].icon,
}));
/** Those of tables, which add up to the total beside them (STA-4). */
const COLUMNS = COUNTED.map((code) => ({ code, label: COUNTER_LABELS[code] }));

const day = z.iso.date("Choisissez un jour.");
const atOf = ({ id }: { id: string }) => `${addressOf({ id })}/instantanes`;
const inWords = (on: string) => fr.shortDate(`${on}T12:00:00Z`, "UTC");

/** What each page of snapshots shows around its matter. */
function framed(req: Request, standing: Standing, label?: string) {
  const frame = frameOf(req, standing, "dashboard", "Instantanés");
  const listAt = atOf(standing.campaign);
  const crumbs = label
    ? [...frame.crumbs.slice(0, -1), { label: "Instantanés", href: listAt }, { label }]
    : frame.crumbs;
  return { ...frame, crumbs, listAt };
}

/** The snapshots of a campaign, the last first; a day that is asked leads to its own (SNP-2). */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { jour, page } = query(req, z.object({ jour: day.optional(), page: day.optional() }));
  const { standing, lines, asked } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return {
      standing: found,
      asked: jour ? await snapshotOn(em, req.params.id, jour) : null,
      lines: await latestSnapshots(em, req.params.id, { until: page ?? null, most: PAGE_ROWS + 1 }),
    };
  });
  const at = atOf(req.params);
  if (asked) return void res.redirect(303, `${at}/${asked.id}`);
  const next = lines[PAGE_ROWS];
  res.show(LIST, {
    title: "Instantanés",
    ...framed(req, standing),
    columns: COLUMNS,
    lines: lines.slice(0, PAGE_ROWS).map((one) => ({
      ...one,
      href: `${at}/${one.id}`,
      said: inWords(one.day),
      cause: CAUSES[one.cause],
      progress: fr.ratio(one.progress),
      expected: fr.ratio(one.expected),
    })),
    isFirstPage: page === undefined,
    first: page === undefined ? undefined : at,
    next: next && withQuery(at, { page: next.day }),
    form: { values: {} },
  });
};

/** Figures of a past day, read as those of now; what it did not keep is not told. */
const thawed = (figures: Frozen): CampaignStats => ({
  ...{ endsOn: null, endedOn: null, spread: null },
  ...figures,
  ...{ technicians: [], times: "none" },
});

/** The figures of a day as they were, which nothing changes any more (SNP-2, SNP-3). */
export const show: RequestHandler<{ id: string; snapshot: string }> = async (req, res) => {
  const { standing, one, latest } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return {
      standing: found,
      one: await snapshotOf(em, req.params),
      latest: (await latestSnapshots(em, req.params.id, { until: null, most: 1 }))[0]!,
    };
  });
  const { campaign, may } = standing;
  const stats = thawed(one.figures);
  const title = `Instantané du ${inWords(one.day)}`;
  const cause = CAUSES[one.cause];
  const taken = fr.dateTime(one.takenAt, zoneOf(req, campaign));
  res.show(SHOW, {
    ...framed(req, standing, title),
    title,
    banner: {
      icon: "history",
      head: `${title}${cause ? `, ${fr.afterColon(cause)}` : ""}${one.isRebuilt ? ", reconstitué" : ""}`,
      text: one.isRebuilt
        ? `Sa nuit a été manquée\u00a0: refait de l’historique le ${taken}. Ces chiffres ne bougent plus.`
        : `Figé le ${taken}, formule n°\u00a0${one.formulaVersion}. Ces chiffres ne bougent plus.`,
      action: { href: addressOf(campaign), label: "Voir le tableau de bord" },
    },
    compareAt: withQuery(`${atOf(campaign)}/comparaison`, { avant: one.day, apres: latest.day }),
    exportAt: may("rows.export")
      ? withQuery(`/exports/instantane/${campaign.id}/nouveau`, { liste: `instantane=${one.id}` })
      : null,
    figures: shownFigures(stats),
    isRebuilt: one.isRebuilt,
    readiness: one.readiness && {
      badge: READINESS_LEVELS[one.readiness.level],
      rules: one.readiness.rules.map(({ result, text }) => ({ badge: RULE_WORDS[result], text, href: null })),
    },
  });
};

/** The figures of a page of the past: no link, since rows are those of now. */
function shownFigures(stats: CampaignStats) {
  const { counters, progress, expected } = stats;
  return {
    ...{
      progress: fr.ratio(progress),
      expected: fr.ratio(expected),
      bar: barOf(stats),
      pace: paceOf(stats),
      columns: COLUMNS,
    },
    done: fr.number(counters.success),
    of: fr.number(progress.of),
    expectedCount: stats.hasBaseline ? fr.number(expected.part) : null,
    widgets: SHOWN.map((one) => ({
      ...one,
      value: fr.number(counters[one.code]),
      share: fr.ratio({ part: counters[one.code], of: progress.of }),
    })),
    after: `${fr.count(counters.cancelled, "annulée", "annulées")}. Total\u00a0: ${fr.count(stats.total, "opération", "opérations")}.`,
    late: lateWords(stats),
    health: [
      { term: "Mise à jour par le technicien affecté", value: fr.ratio(stats.northStar) },
      { term: "Mise à jour le jour même", value: fr.ratio(stats.sameDay) },
      { term: "Réalisées à leur première date", value: fr.ratio(stats.reliability) },
      { term: "En retard", value: fr.count(stats.late, "opération", "opérations") },
    ],
    lines: stats.segments.map((line) => ({ ...lineOf(line), name: line.name ?? "Sans segment" })),
    whole: lineOf(stats),
  };
}

async function snapshotOf(em: EntityManager, { id, snapshot }: { id: string; snapshot: string }): Promise<Snapshot> {
  const found = await findSnapshot(em, id, snapshot);
  if (!found) throw new NotFound("Cet instantané n’existe pas. Revenez à la liste des instantanés.");
  return found;
}

const Days = z.object({
  avant: day.optional().describe("Premier jour"),
  apres: day.optional().describe("Second jour"),
});

/** Two days side by side, with what changed from one to the other (SNP-4). */
export const compare: RequestHandler<{ id: string }> = async (req, res) => {
  const { avant, apres } = query(req, Days);
  const { standing, days } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    const { id } = req.params;
    const [last, before] = await latestSnapshots(em, id, { until: null, most: 2 });
    const on = (asked: string | undefined, otherwise: string | undefined) =>
      asked || otherwise ? snapshotOn(em, id, (asked ?? otherwise)!) : null;
    return { standing: found, days: [await on(avant, before?.day ?? last?.day), await on(apres, last?.day)] };
  });
  const [former, latter] = days as [Snapshot | null, Snapshot | null];
  const title = "Comparer deux instantanés";
  res.show(COMPARE, {
    ...framed(req, standing, "Comparer"),
    title,
    form: { values: { avant: former?.day ?? "", apres: latter?.day ?? "" } },
    days: former && latter && [former, latter].map((one) => ({ said: inWords(one.day), isRebuilt: one.isRebuilt })),
    lines: former && latter ? comparedFigures(former.figures, latter.figures) : [],
    segments: former && latter ? comparedSegments(former.figures.segments, latter.figures.segments) : [],
    isSameFormula: former?.formulaVersion === latter?.formulaVersion,
  });
};

interface Compared {
  label: string;
  former: string;
  latter: string;
  difference: string;
}

const rounded = (n: number, digits: number) => (digits === 0 ? fr.number(n) : n.toFixed(digits).replace(".", ","));
const signed = (n: number, digits = 0) => (n === 0 ? "=" : `${n > 0 ? "+" : "−"}${rounded(Math.abs(n), digits)}`);

const ofCounts = (label: string, former: number, latter: number): Compared => ({
  label,
  former: fr.number(former),
  latter: fr.number(latter),
  difference: signed(latter - former),
});

/** A ratio against another, in points. */
function ofRatios(label: string, former: Ratio | null, latter: Ratio | null): Compared {
  const [one, other] = [former && percentOf(former), latter && percentOf(latter)];
  const points = one === null || other === null ? null : Math.round((other - one) * 10) / 10;
  return {
    label,
    former: former ? fr.ratio(former) : "—",
    latter: latter ? fr.ratio(latter) : "—",
    difference: points === null ? "—" : points === 0 ? "=" : `${signed(points, 1)}\u00a0pt`,
  };
}

const perDay = ({ part, of }: Ratio) => Math.round((10 * part) / of) / 10;

function comparedFigures(former: Frozen, latter: Frozen): Compared[] {
  const velocity = [perDay(former.velocity), perDay(latter.velocity)] as const;
  return [
    ofRatios("Avancement", former.progress, latter.progress),
    ofRatios("Avancement attendu", former.expected, latter.expected),
    ...COLUMNS.map(({ code, label }) => ofCounts(label, former.counters[code], latter.counters[code])),
    ofCounts("Total", former.total, latter.total),
    ofCounts("Reste à faire", former.remaining, latter.remaining),
    ofCounts("En retard", former.late, latter.late),
    {
      label: "Vitesse, par jour",
      former: rounded(velocity[0], 1),
      latter: rounded(velocity[1], 1),
      difference: signed(Math.round(10 * (velocity[1] - velocity[0])) / 10, 1),
    },
    ofRatios("Mise à jour par le technicien affecté", former.northStar, latter.northStar),
    ofRatios("Mise à jour le jour même", former.sameDay, latter.sameDay),
  ];
}

/** Segment by segment, those of the second day first; one that is gone since comes after, under its name of then. */
function comparedSegments(former: readonly FiguresLine[], latter: readonly FiguresLine[]): Compared[] {
  const before = new Map(former.map((line) => [line.id, line]));
  const gone = former.filter(({ id }) => !latter.some((line) => line.id === id));
  return [...latter, ...gone].map((line) => {
    const now = gone.includes(line) ? null : line;
    return ofRatios(line.name ?? "Sans segment", before.get(line.id)?.progress ?? null, now?.progress ?? null);
  });
}
