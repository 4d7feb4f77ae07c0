import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { allows, explain } from "../../accounts/index.ts";
import type { Undoing } from "../../platform/db/undo.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import type { Registry } from "../../platform/registry.ts";
import { fr } from "../../platform/text/index.ts";
import { SYSTEM } from "../channels.ts";
import { differences } from "../differences.ts";
import { eventNamesOf, type UndoClass, type UndoLine } from "../queries/undo.ts";
import { type ActLine, listActs, withCreatedValues } from "../queries.ts";
import { canUndo, previewUndo, UNDO_DAYS, type UndoChoice, type Undone, undoAct, whyNotUndone } from "../undo.ts";
import { namesOf, shownActs, shownMessages } from "./lines.ts";

const VIEW = { page: "history/undos/new" };
const LIST = { page: "history/undos/index" };
const SHOWN = 100;
/** Conflicts are forced one by one: as many as one form of the site may hold, past which a page is no use to anybody. */
const MOST_CONFLICTS = 1_500;
const OWN_SHOWN = 50;

const ROW = /^([a-z][a-z0-9_]{0,62})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.(\d{1,19}))?$/;
const CELL =
  /^([a-z][a-z0-9_]{0,62}\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d{1,19}):([a-z][a-z0-9_]{0,62}(?:\.[a-z][a-z0-9_]{0,62})?)$/;
const rows = (label: string) =>
  z
    .array(z.string().regex(ROW, `«\u00a0${label}\u00a0» ne vient pas de cette page\u00a0: rechargez-la.`))
    .max(SHOWN * 20)
    .default([])
    .describe(label);
const Paging = z.object({ avant: z.uuid().optional(), apres: z.uuid().optional() });
const Asked = z.object({
  /** Every conflict, and not the first only. */
  conflits: z.literal("tous").optional(),
});
const UndoForm = z.object({
  /** Restorable rows the page showed, and those left ticked: what is shown and not ticked stays as it is. */
  listed: rows("Lignes montrées"),
  rows: rows("Lignes à restaurer"),
  force: rows("Conflits à forcer"),
  /** Cells that come back without the rest of their row [IMP-42]. */
  cells: z
    .array(z.string().regex(CELL, "«\u00a0Cellules à reprendre\u00a0» ne vient pas de cette page\u00a0: rechargez-la."))
    .max(SHOWN * 20)
    .default([])
    .describe("Cellules à reprendre"),
  reason: z.string().trim().max(200, "Raccourcissez le motif à 200 caractères.").optional().describe("Motif"),
});

/** Who undoes, with the rights of their roles as they are now. */
export function undoingOf(req: Request): Undoing {
  const { id, tenantId, roles } = req.user!;
  const registry = req.app.locals.registry as Registry;
  return {
    by: { id },
    tenantId,
    now: req.now,
    may: (right) => allows(roles, right),
    governs: async (em, { subjectType, subjectId }) =>
      subjectId !== null &&
      ((await registry.governs.get(subjectType ?? "")?.(em, req.user!, subjectId, registry)) ?? false),
    explain: (right) => explain(roles, right),
    from: req,
  };
}

const trackedOf = ({ tracked }: Registry) => new Map(tracked.map((one) => [one.table, one]));

/** One's own acts of the last days, each with the way to take it back [PRM-26]. */
export const index: RequestHandler = async (req, res) => {
  const registry = req.app.locals.registry as Registry;
  const { id, tenant } = req.user!;
  const { avant: before, apres: after } = query(req, Paging);
  const from = new Date(req.now.getTime() - UNDO_DAYS * 86_400_000).toISOString().slice(0, 10);
  const { acts, newer, older } = await read(req, async (em) => {
    const found = await listActs(em, { actorId: id, from, zone: tenant.zone }, { before, after, size: OWN_SHOWN });
    return { ...found, acts: await shownActs(em, found.acts, registry) };
  });
  const undoing = undoingOf(req);
  res.show(LIST, {
    title: "Mes actes",
    crumbs: [{ label: "Accueil", href: "/" }, { label: "Mes actes" }],
    acts: acts.map((act) => ({
      ...act,
      canUndo: canUndo(act, undoing),
      whyNot: whyNotUndone(act, req.now),
    })),
    newerAt: newer && `/actes?apres=${newer}`,
    olderAt: older && `/actes?avant=${older}`,
    zone: tenant.zone,
  });
};

/** What undoing would do, before it does [HIS-12]. */
export const new_: RequestHandler<{ act: string }> = async (req, res) => {
  res.show(VIEW, await undoPage(req, { values: {} }));
};

export const create: RequestHandler<{ act: string }> = async (req, res) => {
  const { act: actId } = req.params;
  const registry = req.app.locals.registry as Registry;
  const mayRead = allows(req.user!.roles, "history.read");
  const at = mayRead ? `/admin/historique/${actId}` : "/actes";
  const form = await submit(
    req,
    UndoForm,
    {
      code: "act.undone",
      label: (_values, { act }: Undone) => `Annulation\u00a0: ${act.label ?? "acte au libellé effacé"}`,
      subject: (_values, { act }: Undone) =>
        act.subjectType && act.subjectId ? { type: act.subjectType, id: act.subjectId } : undefined,
      reason: ({ reason }) => reason || undefined,
      undoes: actId,
      at,
      isLong: true,
    },
    (values, em) => undoAct(em, actId, undoingOf(req), trackedOf(registry), choiceOf(values)),
  );
  if (form.errors) return res.show(VIEW, await undoPage(req, form));
  await Promise.all(registry.inMemory.map((read) => read(req.db, req.app.locals)));
  res.saved(VIEW, {}, { at, notice: sentence(form.result), undo: true });
};

const parse = (row: string) => {
  const [, table = "", rowId = "", mark = ""] = ROW.exec(row)!;
  return { table, rowId, mark };
};

function choiceOf({ listed, rows: ticked, force, cells }: z.output<typeof UndoForm>): UndoChoice {
  const named = cells.map((cell) => {
    const [, row = "", name = ""] = CELL.exec(cell)!;
    return { row, name };
  });
  return {
    except: listed.filter((row) => !ticked.includes(row)).map(parse),
    force: force.map(parse),
    // A row forced whole has all its cells.
    cells: [
      ...Map.groupBy(
        named.filter(({ row }) => !force.includes(row)),
        ({ row }) => row,
      ),
    ].map(([row, of]) => ({
      ...parse(row),
      names: of.map(({ name }) => name),
    })),
  };
}

function sentence({ restored, forced, kept, impossible }: Undone): string {
  const done = fr.count(restored + forced, "ligne restaurée", "lignes restaurées");
  const rest = [
    forced > 0 && `dont ${fr.count(forced, "conflit forcé", "conflits forcés")}`,
    kept > 0 && fr.count(kept, "ligne gardée telle quelle", "lignes gardées telles quelles"),
    impossible > 0 && fr.count(impossible, "impossible à restaurer", "impossibles à restaurer"),
  ].filter((part) => part !== false);
  return `L’acte est annulé\u00a0: ${[done, ...rest].join(", ")}.`;
}

export interface ShownRow {
  key: string;
  mark: string;
  title: string;
  noun: string;
  /** What will happen to it, in a word. */
  will: string;
  /** A line for each field, on each side. */
  before: string[];
  written: string[];
  present: string[];
  /** What may come back without the rest; none where there is but one thing. */
  cells: { name: string; label: string }[];
  why: string | null;
  by: string | null;
  at: Date | null;
}

const keyOf = ({ table, rowId }: UndoLine) => `${table}.${rowId}`;

/** These values, of the columns of those. */
const only = (values: Record<string, unknown>, columns: Record<string, unknown>) =>
  Object.fromEntries(Object.keys(columns).map((column) => [column, values[column] ?? null]));

/** What the rows an act made were made with, by key: history keeps their id alone. */
async function bornWith(em: EntityManager, lines: UndoLine[], tracked: ReturnType<typeof trackedOf>) {
  const made = lines.flatMap((line) =>
    line.kind === "create" ? { ...line, ordinal: 0, operation: "create" as const, before: null, after: null } : [],
  );
  const known = await withCreatedValues(em, made, tracked);
  return new Map(made.map((line, i) => [`${line.table}.${line.rowId}`, known[i]!.after ?? {}]));
}

async function undoPage(req: Request<{ act: string }>, form: object) {
  const registry = req.app.locals.registry as Registry;
  const { zone } = req.user!.tenant;
  const tracked = trackedOf(registry);
  const { conflits } = query(req, Asked);
  const most = { restorable: SHOWN, conflict: conflits ? MOST_CONFLICTS : SHOWN, impossible: SHOWN };
  const drawn = async (em: EntityManager) => {
    const preview = await previewUndo(em, req.params.act, undoingOf(req), tracked, {
      shown: SHOWN,
      conflicts: most.conflict,
    });
    const all = Object.values(preview.lines).flat();
    const born = await bornWith(em, all, tracked);
    const names = await namesOf(
      em,
      all.map((line) => ({
        table: line.table,
        values: [line.before, line.after, line.present, born.get(keyOf(line)) ?? null],
      })),
      registry,
      [...all.flatMap(({ changedById }) => changedById ?? []), ...(preview.act.actorId ? [preview.act.actorId] : [])],
    );
    const shown = (line: UndoLine): ShownRow => ({
      key: keyOf(line),
      mark: line.mark,
      title: line.title ?? "Titre effacé",
      noun: registry.subjects.get(line.subjectType)?.noun ?? line.subjectType,
      will: willOf(line, tracked.get(line.table)?.undo),
      ...sidesOf(line),
      cells: line.class === "conflict" ? cellsIn(line, tracked.get(line.table)) : [],
      why: line.why,
      by: line.changedAt ? (line.changedById ? (names.get(line.changedById) ?? "Compte inconnu") : SYSTEM) : null,
      at: line.changedAt ? new Date(line.changedAt) : null,
    });
    const sidesOf = (line: UndoLine): Pick<ShownRow, "before" | "written" | "present"> => {
      const one = tracked.get(line.table);
      const told = (values: Record<string, unknown> | null) =>
        differences(one, { before: null, after: values }, { zone, names }).map(
          ({ label, after }) => `${label}\u00a0: ${after}`,
        );
      const written = line.kind === "create" ? (born.get(keyOf(line)) ?? {}) : line.after;
      // As it is now, in the columns the act wrote: of an object made by it, those that differ.
      const now = (line.present && told(only(line.present, written))) ?? [];
      if (line.kind === "update") {
        const of = (
          side: "before" | "after",
          before: Record<string, unknown> | null,
          after: Record<string, unknown> | null,
        ) =>
          differences(one, { before, after }, { zone, names }).map(
            (field) => `${field.label}\u00a0: ${field[side] ?? ""}`,
          );
        return {
          before: of("before", line.before, line.after),
          written: of("after", line.before, line.after),
          present: line.present ? of("after", line.before, only(line.present, line.after)) : [],
        };
      }
      if (line.kind === "delete") return { before: told(line.before), written: ["supprimé"], present: now };
      const made = told(written);
      return { before: ["n’existait pas"], written: made, present: now.filter((text) => !made.includes(text)) };
    };
    const classes = Object.fromEntries(
      (["restorable", "conflict", "impossible"] as UndoClass[]).map((one) => [
        one,
        { count: preview.counts[one], rows: preview.lines[one].slice(0, most[one]).map(shown) },
      ]),
    );
    const mayRead = allows(req.user!.roles, "history.read");
    const { act } = preview;
    return {
      title: `Annuler\u00a0: ${act.label ?? "acte au libellé effacé"}`,
      crumbs: [
        { label: "Accueil", href: "/" },
        ...(mayRead
          ? [
              { label: "Historique", href: "/admin/historique" },
              { label: act.label ?? "Acte", href: `/admin/historique/${act.id}` },
            ]
          : [{ label: "Mes actes", href: "/actes" }]),
        { label: "Annuler" },
      ],
      act: { ...act, actor: act.actorId ? (names.get(act.actorId) ?? "Compte inconnu") : SYSTEM },
      closed: preview.closed && ((await whyBeyond(em, act, registry)) ?? preview.closed),
      classes,
      made: preview.made,
      allConflicts: conflits === "tous",
      messages: await shownMessages(em, act.id, req.user!.roles),
      back: mayRead ? `/admin/historique/${act.id}` : "/actes",
      zone,
      form,
    };
  };
  return read(req, drawn, { isLong: true });
}

/** An act without rows is beyond undo for the reason its events give (HIS-15). */
async function whyBeyond(em: EntityManager, act: ActLine, { events }: Registry): Promise<string | undefined> {
  if (act.changes > 0) return undefined;
  return (await eventNamesOf(em, act.id)).map((name) => events[name]?.beyond).find((why) => why !== undefined);
}

/** The cells of a changed row that its act wrote, where they may come back one by one [IMP-42]. */
function cellsIn({ kind, after }: UndoLine, tracked: Registry["tracked"][number] | undefined): ShownRow["cells"] {
  const undo = tracked?.undo;
  if (kind !== "update" || !undo || "never" in undo || !undo.cells) return [];
  const groups = undo.cells
    .filter(({ columns }) => columns.some((column) => column in after))
    .map(({ label, columns }) => ({ name: columns[0]!, label }));
  const keys = Object.keys(after)
    .filter((column) => tracked.columns[column]?.isKeyed)
    .flatMap((column) =>
      Object.keys((after[column] ?? {}) as object).map((key) => ({ name: `${column}.${key}`, label: key })),
    );
  const found = [...keys, ...groups];
  return found.length > 1 ? found : [];
}

function willOf({ kind }: UndoLine, undo: Registry["tracked"][number]["undo"] | undefined): string {
  if (kind === "update") return "reprend ses valeurs d’avant";
  if (kind === "delete") return "est recréé";
  return undo && "created" in undo && undo.created === "delete" ? "est retiré" : "est désactivé";
}
