import type { EntityManager } from "@mikro-orm/postgresql";
import { allows, findUserNames, namesAmong, type UserName } from "../../accounts/index.ts";
import { messagesOfAct } from "../../platform/mail/queries.ts";
import { MAIL_STATE_WORDS } from "../../platform/mail/words.ts";
import type { Registry } from "../../platform/registry.ts";
import { CHANNEL_WORDS, SYSTEM } from "../channels.ts";
import { undosOf } from "../queries/undo.ts";
import { type ActLine, listActs, titlesOf } from "../queries.ts";
import { undoInForce } from "../undo.ts";

export interface ShownAct extends ActLine {
  actor: string;
  what: string;
  way: string;
  subject: { noun: string; icon: string; history: string } | null;
  /** By whom, and the act that did it, when it is undone. */
  undone: { by: string; id: string; at: Date } | null;
}

/** Acts as lists show them: who in words, what it was about with the way to its own history. `people`: everybody, if listed already. */
export async function shownActs(
  em: EntityManager,
  acts: ActLine[],
  { subjects }: Registry,
  people?: UserName[],
): Promise<ShownAct[]> {
  const undone = acts.flatMap(({ id, wasUndone }) => (wasUndone ? id : []));
  const links = undone.length > 0 ? await undosOf(em, undone) : [];
  const ids = [...acts, ...links].flatMap(({ actorId }) => actorId ?? []);
  const names = people ? namesAmong(people, ids) : await findUserNames(em, ids);
  const nameOf = (id: string | null) => (id ? (names.get(id) ?? "Compte inconnu") : SYSTEM);
  return acts.map((act) => {
    const undo = undoInForce(act.id, links);
    const subject = act.subjectType ? subjects.get(act.subjectType) : undefined;
    return {
      ...act,
      actor: nameOf(act.actorId),
      what: act.label ?? "Libellé effacé",
      way: CHANNEL_WORDS[act.channel],
      subject:
        subject && act.subjectId
          ? { noun: subject.noun, icon: subject.icon, history: `/historique/${act.subjectType}/${act.subjectId}` }
          : null,
      undone: undo && { by: nameOf(undo.actorId), id: undo.id, at: new Date(undo.at) },
    };
  });
}

/** The last acts of one object, for the page of the object itself (OPS-17). */
export async function latestActs(
  em: EntityManager,
  { type, id }: { type: string; id: string },
  { size, registry }: { size: number; registry: Registry },
): Promise<ShownAct[]> {
  const { acts } = await listActs(em, { subjectType: type, subjectId: id }, { size });
  return shownActs(em, acts, registry);
}

// Any value may be the id of an account: asking for those that are not costs nothing.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The ids among these values, some of which may be those of accounts. */
const idsIn = (values: (Record<string, unknown> | null)[]): string[] =>
  values.flatMap((row) =>
    Object.values(row ?? {}).filter((value): value is string => typeof value === "string" && UUID.test(value)),
  );

/** One row of a table, before and after or at its birth, whose values may be ids. */
interface Valued {
  table: string;
  values: (Record<string, unknown> | null)[];
}

/**
 * Names of the accounts and of the other objects these values point to, and of these accounts besides. An object that is
 * gone keeps the title history has of it [HIS-5].
 */
export async function namesOf(
  em: EntityManager,
  rows: Valued[],
  { tracked, subjects }: Registry,
  accounts: string[] = [],
): Promise<Map<string, string>> {
  const names = await findUserNames(em, [...accounts, ...idsIn(rows.flatMap(({ values }) => values))]);
  const columns = new Map(tracked.map(({ table, columns: its }) => [table, its]));
  const pointed = new Map<string, string>();
  for (const { table, values } of rows) {
    for (const [name, { of }] of Object.entries(columns.get(table) ?? {})) {
      if (of) for (const id of idsIn(values.map((row) => ({ id: row?.[name] })))) pointed.set(id, of);
    }
  }
  const titles = await titlesOf(em, [...pointed.keys()]);
  for (const [id, type] of pointed) {
    names.set(id, (await subjects.get(type)?.label(em, id)) ?? titles.get(id) ?? "objet disparu");
  }
  return names;
}

const MESSAGES_SHOWN = 20;

/** The messages of an act with the state of each, and where who may writes to those they reached [HIS-13]. */
export async function shownMessages(em: EntityManager, actId: string, roles: readonly string[]) {
  const messages = await messagesOfAct(em, actId, { size: MESSAGES_SHOWN });
  const corrects = messages.sent > 0 && allows(roles, "accounts.manage");
  return {
    ...messages,
    lines: messages.lines.map((line) => ({ ...line, badge: MAIL_STATE_WORDS[line.state] })),
    correction: corrects ? `/admin/historique/${actId}/rectificatif` : null,
  };
}
