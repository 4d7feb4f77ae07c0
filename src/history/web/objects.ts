import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { allows, explain } from "../../accounts/index.ts";
import type { Undoing } from "../../platform/db/undo.ts";
import { Forbidden, NotFound } from "../../platform/errors.ts";
import { read } from "../../platform/http/forms.ts";
import type { Subject } from "../../platform/module.ts";
import type { Registry } from "../../platform/registry.ts";
import { type Difference, differences } from "../differences.ts";
import { type ActLine, changesOfRow, listActs } from "../queries.ts";
import { canUndo, undoingOn, whyNotUndone } from "../undo.ts";
import { readFilter } from "./filter.ts";
import { namesOf, shownActs } from "./lines.ts";
import { undoingOf } from "./undos.ts";

const PAGE_SIZE = 50;

/** What each of these acts changed of the object, as its module tells it to this reader (OPS-18). */
async function fieldsOf(
  em: EntityManager,
  req: Request,
  { reads }: Subject,
  id: string,
  acts: ActLine[],
): Promise<Map<string, Difference[]>> {
  const registry = req.app.locals.registry as Registry;
  const changes = await changesOfRow(
    em,
    id,
    acts.map((act) => act.id),
  );
  const sides = changes.flatMap(({ before, after }) => [before, after].filter((side) => side !== null));
  const tell = await reads!(em, req.user!, id, sides);
  const rows = changes.map(({ table, before, after }) => ({ table, values: [before, after] }));
  const reading = { zone: req.user!.tenant.zone, names: await namesOf(em, rows, registry), tell };
  const tracked = new Map(registry.tracked.map((one) => [one.table, one]));
  const fields = new Map<string, Difference[]>();
  for (const { actId, table, before, after } of changes) {
    const told = differences(tracked.get(table), { before, after }, reading);
    fields.set(actId, [...(fields.get(actId) ?? []), ...told]);
  }
  return fields;
}

/** The history of one object, kept after the object is gone (HIS-5), for who may act on it and who reads all of history. */
export const show: RequestHandler<{ type: string; id: string }> = async (req, res) => {
  const registry = req.app.locals.registry as Registry;
  const { type, id } = req.params;
  const subject = registry.subjects.get(type);
  if (!subject) throw new NotFound();
  const { roles } = req.user!;
  const mayRead = allows(roles, "history.read");
  const { isOpenTo } = subject;
  if (!mayRead && !isOpenTo && !allows(roles, subject.right)) throw new Forbidden(explain(roles, "history.read"));
  const { page } = readFilter(req);
  const shown = await read(req, async (em) => {
    if (!mayRead && isOpenTo && !(await isOpenTo(em, req.user!, id))) throw new NotFound();
    const { acts, newer, older } = await listActs(
      em,
      { subjectType: type, subjectId: id },
      { ...page, size: PAGE_SIZE },
    );
    const label = await subject.label(em, id);
    // Neither an object nor a trace of one: it never was of this organisation.
    if (label === null && acts.length === 0) throw new NotFound();
    const fields = subject.reads ? await fieldsOf(em, req, subject, id, acts) : new Map<string, Difference[]>();
    const undoing = await undoingEach(em, undoingOf(req), acts);
    return { acts: await shownActs(em, acts, registry), newer, older, label, fields, undoing };
  });
  const at = `/historique/${type}/${id}`;
  const { undoing } = shown;
  const acts = shown.acts.map((act) => ({
    ...act,
    fields: shown.fields.get(act.id) ?? [],
    canUndo: canUndo(act, undoing.get(act.id)!),
    whyNot: whyNotUndone(act, req.now),
  }));
  res.show(
    { page: "history/objects/show" },
    {
      ...shown,
      acts,
      mayRead,
      withUndo: acts.some(({ canUndo }) => canUndo),
      subject: { noun: subject.noun, icon: subject.icon, url: shown.label === null ? null : subject.url(id) },
      // Only the list of the whole organisation is followed live.
      liveAt: null,
      newestAt: at,
      newerAt: shown.newer && `${at}?apres=${shown.newer}`,
      olderAt: shown.older && `${at}?avant=${shown.older}`,
    },
  );
};

/** Who undoes, act by act: what an object shows was done to others too, that its reader may not govern [PRM-25]. */
async function undoingEach(em: EntityManager, by: Undoing, acts: ActLine[]): Promise<Map<string, Undoing>> {
  const known = new Map<string, Undoing>();
  const each = new Map<string, Undoing>();
  for (const act of acts) {
    const subject = `${act.subjectType} ${act.subjectId}`;
    const undoing = known.get(subject) ?? (await undoingOn(em, by, act));
    known.set(subject, undoing);
    each.set(act.id, undoing);
  }
  return each;
}
