import type { EntityManager } from "@mikro-orm/postgresql";
import { findUserNames, namesAmong, type UserName } from "../../accounts/index.ts";
import type { Registry } from "../../platform/registry.ts";
import { CHANNEL_WORDS, SYSTEM } from "../channels.ts";
import type { ActLine } from "../queries.ts";

export interface ShownAct extends ActLine {
  actor: string;
  what: string;
  way: string;
  subject: { noun: string; icon: string; history: string } | null;
}

/** Acts as lists show them: who in words, what it was about with the way to its own history. `people`: everybody, if listed already. */
export async function shownActs(
  em: EntityManager,
  acts: ActLine[],
  { subjects }: Registry,
  people?: UserName[],
): Promise<ShownAct[]> {
  const ids = acts.flatMap(({ actorId }) => actorId ?? []);
  const names = people ? namesAmong(people, ids) : await findUserNames(em, ids);
  return acts.map((act) => {
    const subject = act.subjectType ? subjects.get(act.subjectType) : undefined;
    return {
      ...act,
      actor: act.actorId ? (names.get(act.actorId) ?? "Compte inconnu") : SYSTEM,
      what: act.label ?? "Libellé effacé",
      way: CHANNEL_WORDS[act.channel],
      subject:
        subject && act.subjectId
          ? { noun: subject.noun, icon: subject.icon, history: `/historique/${act.subjectType}/${act.subjectId}` }
          : null,
    };
  });
}
