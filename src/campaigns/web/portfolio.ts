import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { allows, type SignedIn } from "../../accounts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { STATES } from "../campaign.ts";
import { standingOn } from "../policy.ts";
import {
  type Asked,
  answersTo,
  PORTFOLIO_PAGE,
  PortfolioAddress,
  SECTIONS,
  type Section,
  SORTS,
  sectionsOf,
} from "../portfolio.ts";
import { NONE } from "../queries/operations.ts";
import { countPortfolio, listPortfolio, type PortfolioCount, type PortfolioLine } from "../queries/portfolio.ts";
import { READINESS_LEVELS, type Readiness, readinessOfEach } from "../readiness.ts";
import { addUp, progressOf, remainingOf, tallyOf } from "../stats.ts";
import { nextOf } from "./campaigns.ts";
import { lateWords } from "./dashboard-words.ts";
import { AT, addressOf, badgeOf, HOME, mayClone, shownProgress } from "./shown.ts";

const VIEW = { page: "campaigns/portfolio/index", part: "campaigns/portfolio/_sections" };

/** What a card counts, in its order (DSH-13). */
const SHOWN = [
  { code: "success", label: "Réalisées", tone: "success", icon: "check-circle" },
  { code: "planned", label: "Planifiées", tone: "primary", icon: "calendar" },
  { code: "deferred", label: "Reportées", tone: "warning", icon: "pause-circle" },
  { code: "problem", label: "Bloquées", tone: "danger", icon: "alert-triangle" },
] as const;

const isArchived = ({ state }: PortfolioLine) => state === "archived";

/** The campaigns one sees, in three sections (DSH-11), under the figures of those that live (DSH-12). */
export const index: RequestHandler = async (req, res) => {
  const asked = query(req, PortfolioAddress);
  const user = req.user!;
  const { lines, sections, lateIn, counts, readiness } = await read(req, async (em) => {
    const found = await arranged(em, req, asked);
    const ahead = found.sections.find(({ code }) => code === SECTIONS[0].code)!.lines;
    // By the hour: each campaign has its own midnight.
    const of = { tenantId: user.tenantId, day: req.now.toISOString().slice(0, 13) };
    return { ...found, readiness: await readinessOfEach(em, ahead, { of }) };
  });
  const live = lines.filter((line) => !isArchived(line));
  const whole = tallyOf(addUp(live.map(({ id }) => counts.get(id)!.counters)));
  const { q, etat, proprietaire, type, du, au, retard } = asked;
  const active = [q, etat, proprietaire, type, du, au, retard].filter(Boolean).length;
  res.show(VIEW, {
    title: "Campagnes",
    crumbs: [HOME, { label: "Campagnes" }],
    figures: [
      { label: "Campagnes", value: fr.number(live.length) },
      { label: "Opérations restantes", value: fr.number(remainingOf(whole)) },
      { label: "Avancement", value: fr.ratio(progressOf(whole)) },
    ],
    total: sections.reduce((sum, one) => sum + one.total, 0),
    sections: sections.map((section) => ({
      ...section,
      late: section.code === SECTIONS[0].code && lateIn > 0 ? fr.count(lateIn, "en retard", "en retard") : null,
      isFolded: section.code !== SECTIONS[0].code && active === 0 && !asked[section.code],
      cards: section.lines.map((line) => ({
        ...cardOf(user, line, counts.get(line.id)!),
        readiness: levelOf(readiness.get(line.id)),
      })),
      ...pagesOf(asked, section),
    })),
    ...choicesAmong(lines, req),
    form: { values: Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, String(value ?? "")])) },
    active,
    isEmpty: lines.length === 0,
    mayCreate: allows(user.roles, "campaigns.create"),
  });
};

/** What the page shows, and what it counts of it. */
async function arranged(em: EntityManager, { user: reader, now }: Request, asked: Asked) {
  const user = reader!;
  const lines = await listPortfolio(em, user, { withActivity: asked.tri === "activite" });
  const answering = lines.filter((line) => answersTo(line, asked));
  // What archived campaigns hold is counted where it is shown, or sorted by: the others make the figures on top.
  const isAll = asked.tri === "avancement";
  const shown = sectionsOf(answering, asked, () => null).flatMap((one) => one.lines);
  const counting = isAll ? lines : [...lines.filter((line) => !isArchived(line)), ...shown.filter(isArchived)];
  const counts = await countPortfolio(em, counting.toSorted(byId), { tenantId: user.tenantId, now });
  const isLate = (line: PortfolioLine) => counts.get(line.id)!.lateMark !== null;
  const wanted = asked.retard ? answering.filter(isLate) : answering;
  const sections = sectionsOf(wanted, asked, (line) => shareOf(counts.get(line.id)!));
  return { lines, sections, counts, lateIn: wanted.filter(isLate).length };
}

const byId = (a: PortfolioLine, b: PortfolioLine) => (a.id < b.id ? -1 : 1);

const shareOf = ({ progress: { part, of } }: PortfolioCount): number | null => (of === 0 ? null : part / of);

/** Of those that are not over. */
const levelOf = (readiness: Readiness | undefined) => (readiness ? READINESS_LEVELS[readiness.level] : null);

/** One campaign as its card tells it (DSH-13). */
function cardOf(user: SignedIn, line: PortfolioLine, { counters, progress, technicians, lateMark }: PortfolioCount) {
  const standing = standingOn(user, { ...line, owner: { id: line.ownerId } }, new Set(line.letters));
  const { may } = standing;
  const at = addressOf(line);
  const next = nextOf(standing);
  return {
    ...line,
    at,
    // What a draft waits for is on its card; the rest is in its menu.
    awaited: next?.isAwaited ? next : null,
    badge: badgeOf(line),
    owner: line.ownerId === user.id ? "Vous" : line.ownerName,
    isPublic: line.visibility === "public",
    isPinned: line.pin !== null,
    technicians,
    ...shownProgress(tallyOf(counters)),
    late: lateWords({ lateMark }),
    done: `${fr.number(progress.part)} / ${fr.number(progress.of)}`,
    counters: SHOWN.map((one) => ({ ...one, count: counters[one.code] })),
    actions: [
      next && !next.isAwaited ? next : [],
      ...(mayClone({ user }, standing) ? [{ label: "Dupliquer", icon: "copy", href: `${at}/copie` }] : []),
      ...(may("campaigns.configure") && !isArchived(line)
        ? [{ label: "Régler", icon: "settings", href: `${at}/reglages` }]
        : []),
      ...(may("campaigns.govern")
        ? [{ label: isArchived(line) ? "Restaurer" : "Archiver", icon: "archive", href: `${at}/archivage` }]
        : []),
      ...(may("campaigns.govern") && !isArchived(line)
        ? [{ label: "Supprimer", icon: "x-circle", href: `${at}/suppression` }]
        : []),
    ].flat(),
  };
}

function pagesOf(asked: Asked, { code, page, isLast, first, total, lines }: Section) {
  const texts = (values: object) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value === undefined ? value : `${value}`]));
  const at = (to: number) => withQuery(AT, texts({ ...asked, [code]: to }));
  return {
    previous: page > 1 ? at(page - 1) : undefined,
    next: isLast ? undefined : at(page + 1),
    range:
      total > PORTFOLIO_PAGE
        ? `${fr.number(first)}–${fr.number(first + lines.length - 1)} sur ${fr.number(total)}`
        : undefined,
  };
}

/** What one may filter by: states, the owners and types of the campaigns seen, sorts. */
function choicesAmong(lines: readonly PortfolioLine[], { user }: Request) {
  const byLabel = new Intl.Collator("fr").compare;
  const choices = (pairs: [string, string][]) =>
    [...new Map(pairs)].map(([value, label]) => ({ value, label })).toSorted((a, b) => byLabel(a.label, b.label));
  const mine = lines.some(({ ownerId }) => ownerId === user!.id) ? [{ value: user!.id, label: "Moi" }] : [];
  const others = lines.filter(({ ownerId }) => ownerId !== user!.id);
  return {
    states: [{ value: "", label: "Tous" }, ...STATES.map(({ code, label }) => ({ value: code, label }))],
    owners: [
      { value: "", label: "Tous" },
      ...mine,
      ...choices(others.map(({ ownerId, ownerName }) => [ownerId, ownerName])),
    ],
    types: [
      { value: "", label: "Tous" },
      ...choices(lines.flatMap(({ type }) => (type ? [[type.id, type.name] as [string, string]] : []))),
      { value: NONE, label: "Sans type" },
    ],
    marks: [
      { value: "", label: "Toutes" },
      { value: "oui", label: "En retard" },
    ],
    sorts: Object.entries(SORTS).map(([value, label]) => ({ value, label })),
  };
}
