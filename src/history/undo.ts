import type { EntityManager } from "@mikro-orm/postgresql";
import type { Tracked } from "../platform/db/tracking.ts";
import type { Undo, Undoing } from "../platform/db/undo.ts";
import { Conflict, Forbidden, NotFound, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import {
  classifyTable,
  holdAct,
  linesBeyond,
  type OnlyCells,
  restoreTable,
  type TouchedTable,
  touchedTables,
  type UndoClass,
  type UndoLine,
  type UndoLink,
  undosOf,
  wantedValues,
} from "./queries/undo.ts";
import { type ActLine, findAct } from "./queries.ts";

/** How long an act can be undone [HIS-11]. */
export const UNDO_DAYS = 30;
const DAY_MS = 86_400_000;
const BEYOND = "Ce genre de changement ne se restaure pas.";

/** What undoing an act would do, row by row [HIS-12]; `lines` holds the first of each class in each table. */
export interface UndoPreview {
  act: ActLine;
  /** Why it cannot be undone at all, when that is so. */
  closed: string | null;
  counts: Record<UndoClass, number>;
  /** Restorable rows that the act made, and that would leave. */
  made: number;
  lines: Record<UndoClass, UndoLine[]>;
}

/** Restorable rows left out, and conflicts overwritten one by one with the mark each had when it was read. */
export interface UndoChoice {
  except?: { table: string; rowId: string }[];
  force?: { table: string; rowId: string; mark: string }[];
  /** Conflicts of which these cells alone are overwritten: the first column of a group, or "column.key" [IMP-42]. */
  cells?: { table: string; rowId: string; mark: string; names: string[] }[];
}

export interface Undone {
  act: ActLine;
  restored: number;
  forced: number;
  kept: number;
  impossible: number;
}

/** The undo in force of an act, if there is one: an undo that was itself undone counts no more [HIS-14]. */
export function undoInForce(actId: string, links: UndoLink[]): UndoLink | null {
  return links.find(({ id, undoesId }) => undoesId === actId && undoInForce(id, links) === null) ?? null;
}

/** Whether this person may undo this act: their own [PRM-26], or anybody's [PRM-25]. */
export const mayUndo = (act: Pick<ActLine, "actorId">, { by, may }: Pick<Undoing, "by" | "may">): boolean =>
  may("campaigns.undo") || (act.actorId === by.id && may("acts.undo_own"));

/** Who undoes, with what they may on this object beyond their roles [PRM-25]. */
export async function undoingOn(
  em: EntityManager,
  undoing: Undoing,
  about: Pick<ActLine, "subjectType" | "subjectId">,
): Promise<Undoing> {
  if (undoing.may("campaigns.undo") || !(await undoing.governs?.(em, about))) return undoing;
  return { ...undoing, may: (right) => right === "campaigns.undo" || undoing.may(right) };
}

/** Whether the way to take it back is worth showing this person, now. */
export const canUndo = (act: ActLine & { undone: unknown }, undoing: Undoing): boolean =>
  !act.undone && isWithinUndo(act, undoing.now) && mayUndo(act, undoing);

/** The last instant it can be; null when it changed nothing, so never could. */
export const undoableUntil = ({ at, changes }: Pick<ActLine, "at" | "changes">): Date | null =>
  changes === 0 ? null : new Date(at.getTime() + UNDO_DAYS * DAY_MS);

/** Why there is none, in a few words beside the act. */
export const whyNotUndone = (act: Pick<ActLine, "at" | "changes">, now: Date): string =>
  act.changes === 0
    ? "rien à annuler"
    : isWithinUndo(act, now)
      ? "par un administrateur"
      : `plus de ${UNDO_DAYS}\u00a0jours`;

/** Whether it is still time, and there is something to take back. */
export const isWithinUndo = (act: Pick<ActLine, "at" | "changes">, now: Date): boolean =>
  act.changes > 0 && now.getTime() - act.at.getTime() <= UNDO_DAYS * DAY_MS;

/**
 * Classes every row of an act as it stands now [HIS-12]. Throws NotFound for an act this person may not read, Forbidden
 * for one they may read and not undo.
 */
export async function previewUndo(
  em: EntityManager,
  actId: string,
  undoing: Undoing,
  tracked: Map<string, Tracked>,
  { shown = 100, conflicts = shown }: { shown?: number; conflicts?: number } = {},
): Promise<UndoPreview> {
  const act = await actFor(em, actId, undoing);
  const closed = await whyClosed(em, act, undoing.now);
  const preview: UndoPreview = {
    act,
    closed,
    counts: { restorable: 0, conflict: 0, impossible: 0 },
    made: 0,
    lines: { restorable: [], conflict: [], impossible: [] },
  };
  if (closed !== null) return preview;
  for (const table of await touchedTables(em, actId)) {
    const undo = undoOf(tracked, table);
    if ("never" in undo) {
      preview.counts.impossible += table.rows;
      preview.lines.impossible.push(...(await linesBeyond(em, actId, table.name, undo.never, shown)));
      continue;
    }
    const refused = await refusals(em, actId, table, undo, { isApplied: false, except: [] });
    const asked = { actId, table, tracked: tracked.get(table.name)!, undo, undoing, refused };
    const { counts, lines } = await classifyTable(em, asked, { shown, conflicts });
    for (const { class: one, n, made } of counts) {
      preview.counts[one] += n;
      if (one === "restorable") preview.made += made;
    }
    for (const line of lines) preview.lines[line.class].push(line);
  }
  return preview;
}

/**
 * Takes an act back, inside the act that will say so [HIS-13, HIS-14]: restorable rows but those left out, conflicts
 * only when forced. Throws RuleBroken when there is nothing to do or a rule of today forbids the whole, Conflict when
 * somebody was faster.
 */
export async function undoAct(
  em: EntityManager,
  actId: string,
  undoing: Undoing,
  tracked: Map<string, Tracked>,
  { except = [], force = [], cells = [] }: UndoChoice = {},
): Promise<Undone> {
  await holdAct(em, actId);
  const act = await actFor(em, actId, undoing);
  const closed = await whyClosed(em, act, undoing.now);
  if (closed !== null) throw new RuleBroken(closed);
  const undone: Undone = { act, restored: 0, forced: 0, kept: 0, impossible: 0 };
  for (const table of await touchedTables(em, actId)) {
    const undo = undoOf(tracked, table);
    if ("never" in undo) {
      undone.impossible += table.rows;
      continue;
    }
    await undo.hold?.(em, undoing, { actId, columns: table.columns });
    const of = <T extends { table: string }>(rows: T[]) => rows.filter((row) => row.table === table.name);
    const left = of(except).map(({ rowId }) => rowId);
    const refused = await refusals(em, actId, table, undo, { isApplied: true, except: left });
    const applied = await restoreTable(
      em,
      { actId, table, tracked: tracked.get(table.name)!, undo, undoing, refused },
      {
        except: left,
        force: [
          ...of(force),
          ...of(cells).map((row) => ({ ...row, only: cellsOf(row.names, undo, tracked.get(table.name)!) })),
        ],
      },
    ).catch((error: unknown) => {
      throw refusedByBase(error) ? new Conflict(AGAINST_RULES) : error;
    });
    if (applied.isStale) throw new RuleBroken(MOVED);
    if (applied.touched.length > 0) await undo.applied?.run(em, applied.touched, undoing);
    for (const figure of ["restored", "forced", "kept", "impossible"] as const) undone[figure] += applied[figure];
  }
  const { restored, forced, kept, impossible } = undone;
  if (restored + forced === 0) {
    throw new RuleBroken("Rien n’est choisi, ou plus rien ne peut être restauré\u00a0: l’acte reste tel qu’il est.");
  }
  record(em, "act.undone", { type: "act", id: actId }, { restored, forced, kept, impossible, by: undoing.by.id });
  return undone;
}

/** The columns, or keys of them, that these cells hold. Throws RuleBroken for one that does not come back alone. */
function cellsOf(names: string[], { cells = [] }: Undo, { columns }: Tracked): OnlyCells {
  const only: OnlyCells = {};
  for (const name of names) {
    const [column = "", key] = name.split(".");
    const group = cells.find((one) => one.columns[0] === column);
    if (key !== undefined && columns[column]?.isKeyed) {
      const known = only[column];
      only[column] = [...(Array.isArray(known) ? known : []), key];
    } else if (key === undefined && group) for (const one of group.columns) only[one] = true;
    else throw new RuleBroken("Cette cellule ne revient pas sans sa ligne\u00a0: rechargez la page.");
  }
  return only;
}

const MOVED =
  "Une de ces lignes vient de changer\u00a0: rien n’a été annulé. Relisez l’aperçu, puis confirmez de nouveau.";
const AGAINST_RULES =
  "Restaurer ces lignes irait contre une règle\u00a0: un autre objet tient leur place, ou dépend d’elles. Rien n’a été annulé.";

/** Unique, foreign key, check, not null. */
const refusedByBase = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["23505", "23503", "23514", "23502"].includes(String(error.code));

const undoOf = (tracked: Map<string, Tracked>, { name }: TouchedTable): Undo | { never: string } =>
  tracked.get(name)?.undo ?? { never: BEYOND };

/** An act its reader may undo: their own, or any with the right; what they cannot read does not exist. */
async function actFor(em: EntityManager, actId: string, by: Undoing): Promise<ActLine> {
  const act = await findAct(em, actId);
  const own = act?.actorId === by.by.id;
  const undoing = act && !own ? await undoingOn(em, by, act) : by;
  if (!act || !(own || undoing.may("history.read") || undoing.may("campaigns.undo"))) {
    throw new NotFound("Cet acte n’existe pas dans votre organisation. Revenez à la page d’où vous veniez.");
  }
  if (!mayUndo(act, undoing)) throw new Forbidden(undoing.explain(own ? "acts.undo_own" : "campaigns.undo"));
  return act;
}

async function whyClosed(em: EntityManager, act: ActLine, now: Date): Promise<string | null> {
  if (act.changes === 0) return "Cet acte n’a modifié aucune donnée\u00a0: il n’y a rien à annuler.";
  if (!isWithinUndo(act, now)) return `Cet acte a plus de ${UNDO_DAYS} jours\u00a0: il ne peut plus être annulé.`;
  if (undoInForce(act.id, await undosOf(em, [act.id])))
    return "Cet acte est déjà annulé. Rouvrez sa page pour voir par qui.";
  return null;
}

/** What a rule row by row cannot judge, judged here; values only for the columns a rule names. */
async function refusals(
  em: EntityManager,
  actId: string,
  table: TouchedTable,
  { judge, refuses }: Undo,
  about: { isApplied: boolean; except: string[] },
): Promise<Record<string, string>> {
  const refused = (await refuses?.(em, { actId, ...about })) ?? {};
  if (!judge?.columns.some((column) => table.columns.includes(column))) return refused;
  for (const { id, values } of await wantedValues(em, actId, table.name, judge.columns)) {
    const why = judge.why(values);
    if (why !== null) refused[id] = why;
  }
  return refused;
}
