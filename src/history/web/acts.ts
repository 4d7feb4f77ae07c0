import type { RequestHandler } from "express";
import { listUserNames } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { read } from "../../platform/http/forms.ts";
import type { Registry } from "../../platform/registry.ts";
import { CHANNEL_WORDS } from "../channels.ts";
import { differences } from "../differences.ts";
import { actsAround, findAct, followedBy, listActs, listChanges, withCreatedValues } from "../queries.ts";
import { canUndo, undoableUntil } from "../undo.ts";
import { readFilter } from "./filter.ts";
import { namesOf, shownActs, shownMessages } from "./lines.ts";
import { undoingOf } from "./undos.ts";

const PAGE_SIZE = 50;
const CHANGES_SHOWN = 100;
const AROUND = 3;

const registryOf = (req: { app: { locals: Record<string, unknown> } }) => req.app.locals.registry as Registry;

/** The acts of the organisation, newest first (HIS-9). */
export const index: RequestHandler = async (req, res) => {
  const registry = registryOf(req);
  const { filter, values, page, at, isNarrowed } = readFilter(req);
  const shown = await read(req, async (em) => {
    const everybody = await listUserNames(em);
    const { acts, newer, older } = await listActs(em, filter, { ...page, size: PAGE_SIZE });
    const people = everybody();
    return { acts: await shownActs(em, acts, registry, people), newer, older, people };
  });
  res.show(
    { page: "history/acts/index", part: "history/acts/_list" },
    {
      ...shown,
      form: { values },
      active: Object.values(values).filter((value) => value !== "").length,
      isNarrowed,
      channels: Object.entries(CHANNEL_WORDS).map(([value, label]) => ({ value, label })),
      kinds: [...registry.subjects].map(([value, { noun }]) => ({ value, label: noun })),
      query: at(""),
      newestAt: at("/admin/historique"),
      // A page further back would move under its reader: it only says that something arrived.
      liveAt: page.before || page.after ? null : at("/admin/historique"),
      newerAt: shown.newer && at("/admin/historique", { apres: shown.newer }),
      olderAt: shown.older && at("/admin/historique", { avant: shown.older }),
    },
  );
};

/** One act: what it changed, field by field, and what happened around it. */
export const show: RequestHandler<{ act: string }> = async (req, res) => {
  const registry = registryOf(req);
  const { zone } = req.user!.tenant;
  const { apres } = req.query;
  const after = typeof apres === "string" && /^\d{1,15}$/.test(apres) ? Number(apres) : 0;
  const shown = await read(req, async (em) => {
    const act = await findAct(em, req.params.act);
    if (!act)
      throw new NotFound("Cet acte n’existe pas dans votre organisation. Revenez à l’historique pour le retrouver.");
    const tracked = new Map(registry.tracked.map((one) => [one.table, one]));
    const lines = await listChanges(em, act.id, after, CHANGES_SHOWN + 1);
    const changes = await withCreatedValues(em, lines.slice(0, CHANGES_SHOWN), tracked);
    const names = await namesOf(
      em,
      changes.map(({ table, before, after }) => ({ table, values: [before, after] })),
      registry,
    );
    const mayFollow = Object.keys(registry.events).filter((name) => registry.events[name]!.mayFollow);
    const followed = act.actorId === null ? [] : await followedBy(em, act.id, mayFollow);
    return {
      followed: followed.map(({ name }) => registry.events[name]!.label),
      act: (await shownActs(em, [act], registry))[0]!,
      messages: await shownMessages(em, act.id, req.user!.roles),
      around: await shownActs(em, await actsAround(em, act.id, AROUND), registry),
      objects: changes.map((change) => ({
        title: change.title ?? "Titre effacé",
        operation: OPERATIONS[change.operation],
        isNew: change.operation === "create",
        noun: registry.subjects.get(change.subjectType)?.noun ?? change.subjectType,
        icon: registry.subjects.get(change.subjectType)?.icon ?? "file-text",
        history: `/historique/${change.subjectType}/${change.subjectId}`,
        fields: differences(tracked.get(change.table), change, { zone, names }),
      })),
      more: lines.length > CHANGES_SHOWN ? lines[CHANGES_SHOWN - 1]!.ordinal : null,
    };
  });
  const { act } = shown;
  const until = undoableUntil(act);
  res.show({ page: "history/acts/show" }, { ...shown, zone, canUndo: canUndo(act, undoingOf(req)), until });
};

const OPERATIONS = { create: "création", update: "modification", delete: "suppression", restore: "restauration" };
