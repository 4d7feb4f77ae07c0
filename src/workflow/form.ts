import { z } from "zod";
import { RuleBroken } from "../platform/errors.ts";
import { bare } from "./text.ts";
import {
  type Arrow,
  type ArrowRole,
  CATEGORIES,
  type Category,
  DATES,
  ICONS,
  type Icon,
  KINDS,
  type Kind,
  MOST_ARROWS,
  MOST_STATUSES,
  REASONS,
  ROLES,
  type Status,
  TONES,
  type Tone,
  type Workflow,
} from "./workflow.ts";

/**
 * The editor of a workflow is one form, with or without script: a line for each status, a sheet for each action, spare ones
 * to add. It is saved whole, because a new status only makes sense with its arrows [WFL-4].
 */

const MOST_ROWS = 80;
const words = (longest: number, name: string) =>
  z
    .array(z.string().trim().max(longest, `«\u00a0${name}\u00a0»\u00a0: ${longest} caractères au plus. Raccourcissez.`))
    .max(MOST_ROWS)
    .describe(name);
const ticks = (name: string) =>
  z
    .array(z.string().max(60))
    .max(MOST_ARROWS * 3)
    .describe(name);

/** Lists go together rank by rank; ticked boxes name the rank they stand at, as "3:manager". */
export const WorkflowForm = z.object({
  statusCode: words(50, "Code d’un statut"),
  statusLabel: words(60, "Libellé d’un statut"),
  statusCategory: words(20, "Catégorie"),
  statusTone: words(20, "Couleur"),
  statusIcon: words(30, "Icône"),
  statusOrder: words(4, "Rang"),
  initial: ticks("Initial"),
  final: ticks("Final"),
  statusDrop: ticks("Retirer ce statut"),
  arrowLabel: words(60, "Libellé d’une transition"),
  arrowKind: words(20, "Action"),
  arrowTo: words(60, "Vers"),
  arrowReason: words(20, "Motif"),
  arrowDate: words(20, "Date"),
  arrowFrom: ticks("Depuis"),
  arrowRole: ticks("Permise à"),
  arrowDrop: ticks("Retirer cette transition"),
});
export type WorkflowForm = z.infer<typeof WorkflowForm>;

export interface StatusRow {
  rank: number;
  /** What arrows name it by in the form: its code, or "+2" for the second spare line. */
  ref: string;
  code: string;
  label: string;
  category: string;
  tone: string;
  icon: string;
  order: string;
  isInitial: boolean;
  isFinal: boolean;
  isDropped: boolean;
}

/** One action: every arrow that differs by its start alone. */
export interface ArrowRow {
  rank: number;
  label: string;
  kind: string;
  to: string;
  reason: string;
  date: string;
  from: string[];
  roles: string[];
  isDropped: boolean;
}

export interface Rows {
  statuses: StatusRow[];
  arrows: ArrowRow[];
}

const SPARE_STATUSES = 2;
const SPARE_ARROWS = 3;

/** The lines of the editor for a workflow, with spare ones at the end. */
export function rowsOf({ statuses, transitions }: Workflow): Rows {
  const rows: StatusRow[] = statuses.map((status, rank) => ({
    rank,
    ref: status.code,
    code: status.code,
    label: status.label,
    category: status.category,
    tone: status.tone,
    icon: status.icon,
    order: String(rank + 1),
    isInitial: status.isInitial,
    isFinal: status.isFinal,
    isDropped: false,
  }));
  for (let n = 1; n <= SPARE_STATUSES && rows.length < MOST_STATUSES; n++) {
    const spare = {
      code: "",
      label: "",
      category: "problem",
      tone: "",
      icon: "",
      isInitial: false,
      isFinal: false,
      isDropped: false,
    };
    rows.push({ ...spare, rank: rows.length, ref: `+${n}`, order: String(rows.length + 1) });
  }
  const groups = new Map<string, ArrowRow>();
  for (const { kind, label, from, to, roles, reason, date } of transitions) {
    const key = JSON.stringify([kind, label, to, roles, reason, date]);
    const row = groups.get(key) ?? {
      rank: groups.size,
      label,
      kind,
      to,
      reason,
      date,
      from: [],
      roles: [...roles],
      isDropped: false,
    };
    row.from.push(from);
    groups.set(key, row);
  }
  const arrows = [...groups.values()];
  for (let n = 0; n < SPARE_ARROWS; n++) {
    arrows.push({
      rank: arrows.length,
      label: "",
      kind: "custom",
      to: "",
      reason: "none",
      date: "none",
      from: [],
      roles: ["manager"],
      isDropped: false,
    });
  }
  return { statuses: rows, arrows };
}

/** The same lines as they were typed: a refused form comes back whole. */
export function rowsTyped(typed: Record<string, string | string[] | undefined>): Rows {
  const list = (name: keyof WorkflowForm) => [typed[name] ?? []].flat();
  const at = (name: keyof WorkflowForm, rank: number) => list(name)[rank] ?? "";
  const has = (name: keyof WorkflowForm, rank: number) => list(name).includes(String(rank));
  const of = (name: keyof WorkflowForm, rank: number) =>
    list(name).flatMap((one) => (one.startsWith(`${rank}:`) ? [one.slice(one.indexOf(":") + 1)] : []));
  let spare = 0;
  return {
    statuses: list("statusCode").map((code, rank) => ({
      rank,
      ref: code || `+${++spare}`,
      code,
      label: at("statusLabel", rank),
      category: at("statusCategory", rank),
      tone: at("statusTone", rank),
      icon: at("statusIcon", rank),
      order: at("statusOrder", rank),
      isInitial: has("initial", rank),
      isFinal: has("final", rank),
      isDropped: has("statusDrop", rank),
    })),
    arrows: list("arrowLabel").map((label, rank) => ({
      rank,
      label,
      kind: at("arrowKind", rank),
      to: at("arrowTo", rank),
      reason: at("arrowReason", rank),
      date: at("arrowDate", rank),
      from: of("arrowFrom", rank),
      roles: of("arrowRole", rank),
      isDropped: has("arrowDrop", rank),
    })),
  };
}

const AGAIN = "Cette page est trop ancienne pour être envoyée. Rechargez-la, puis recommencez.";

/**
 * The workflow a form describes; that it holds together is `refusals`' to say. Empty spare lines are left out, and arrows go
 * with a status that is removed. Throws RuleBroken for what a form of ours cannot send.
 */
export function workflowFrom(form: WorkflowForm): Workflow {
  const rows = form.statusCode.length;
  const lists = [form.statusLabel, form.statusCategory, form.statusTone, form.statusIcon, form.statusOrder];
  const arrowLists = [form.arrowKind, form.arrowTo, form.arrowReason, form.arrowDate];
  if (
    lists.some(({ length }) => length !== rows) ||
    arrowLists.some(({ length }) => length !== form.arrowLabel.length)
  ) {
    throw new RuleBroken(AGAIN);
  }
  const typed = rowsTyped(form);
  const refs = new Map<string, string>();
  const statuses = statusesFrom(typed.statuses, refs);
  const transitions = typed.arrows.flatMap((row) =>
    arrowsFrom(row, refs, new Set(typed.statuses.map(({ ref }) => ref))),
  );
  if (statuses.length > MOST_STATUSES) throw new RuleBroken(`${MOST_STATUSES} statuts au plus. Retirez-en.`);
  if (transitions.length > MOST_ARROWS) throw new RuleBroken(`${MOST_ARROWS} transitions au plus. Retirez-en.`);
  return { statuses, transitions };
}

function statusesFrom(rows: StatusRow[], refs: Map<string, string>): Status[] {
  const taken = new Set(rows.map(({ code }) => code));
  const made: { order: number; status: Status }[] = [];
  for (const row of rows) {
    if (row.isDropped || (row.code === "" && row.label === "")) continue;
    if (row.label === "")
      throw new RuleBroken(`Le statut ${row.rank + 1} n’a plus de libellé. Redonnez-lui-en un, ou retirez-le.`);
    if (!/^[\d]{1,4}$/.test(row.order))
      throw new RuleBroken(`Le rang du statut « ${row.label} » n’est pas un nombre. Écrivez-le en chiffres.`);
    const category = oneOf(CATEGORIES, row.category) as Category;
    const code = row.code || codeFor(row.label, taken);
    taken.add(code);
    refs.set(row.ref, code);
    made.push({
      order: Number(row.order),
      status: {
        code: /^[a-z][a-z0-9_]{0,49}$/.test(code) ? code : again(),
        label: row.label.replace(/\s+/gu, " "),
        tone: row.tone === "" ? CATEGORIES[category].tone : (oneOf(TONES, row.tone) as Tone),
        icon: row.icon === "" ? CATEGORIES[category].icon : (oneOf(ICONS, row.icon) as Icon),
        category,
        isFinal: row.isFinal,
        isInitial: row.isInitial,
      },
    });
  }
  return made.sort((a, b) => a.order - b.order).map(({ status }) => status);
}

function arrowsFrom(row: ArrowRow, refs: ReadonlyMap<string, string>, known: ReadonlySet<string>): Arrow[] {
  if (row.isDropped || (row.label === "" && row.from.length === 0)) return [];
  const name = row.label || `n°\u00a0${row.rank + 1}`;
  if (row.label === "")
    throw new RuleBroken(
      `La transition ${name} n’a pas de libellé. Écrivez ce que fait la personne, comme « Attendre une pièce ».`,
    );
  if (row.to === "")
    throw new RuleBroken(`La transition « ${name} » ne mène nulle part. Choisissez son statut d’arrivée.`);
  if (row.from.length === 0)
    throw new RuleBroken(
      `La transition « ${name} » ne part de nulle part. Cochez ses statuts de départ, ou retirez-la.`,
    );
  for (const end of [row.to, ...row.from]) {
    if (!known.has(end)) again();
    if (!refs.has(end) && end.startsWith("+")) {
      throw new RuleBroken(
        `La transition « ${name} » nomme le nouveau statut ${end.slice(1)}, qui n’a pas de libellé. Donnez-lui-en un, ou choisissez un autre statut.`,
      );
    }
  }
  const to = refs.get(row.to);
  if (to === undefined) return [];
  return row.from.flatMap((start) => {
    const from = refs.get(start);
    if (from === undefined) return [];
    return [
      {
        kind: oneOf(KINDS, row.kind) as Kind,
        label: row.label.replace(/\s+/gu, " "),
        from,
        to,
        roles: [...new Set(row.roles.map((role) => oneOf(ROLES, role) as ArrowRole))],
        reason: oneOf(REASONS, row.reason) as Arrow["reason"],
        date: oneOf(DATES, row.date) as Arrow["date"],
      },
    ];
  });
}

function again(): never {
  throw new RuleBroken(AGAIN);
}

const oneOf = (of: object, code: string): string => (Object.hasOwn(of, code) ? code : again());

function codeFor(label: string, taken: ReadonlySet<string>): string {
  const spelled = bare(label)
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const base = (/^[a-z]/.test(spelled) ? spelled : `statut_${spelled}`).slice(0, 46);
  let code = base;
  for (let n = 2; taken.has(code); n++) code = `${base}_${n}`;
  return code;
}
