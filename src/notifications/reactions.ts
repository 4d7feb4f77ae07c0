import type { EntityManager } from "@mikro-orm/postgresql";
import { allows, findUserNames, ROLES, type Role, roleLabel, User } from "../accounts/index.ts";
import { findAct } from "../history/index.ts";
import type { DomainEvent, Reaction } from "../platform/events/catalogue.ts";
import { fr } from "../platform/text/index.ts";
import { notify, notifyOncePerDay, peopleWith, type Told } from "./queries.ts";

const ACCOUNT = "/compte";
const VERIFICATIONS = "/admin/historique/verification";

/** Tells the person an event is about, unless they did it themself. */
const toSubject =
  (told: (payload: Record<string, unknown>, by: string) => Omit<Told, "to" | "path">): Reaction["run"] =>
  async (em, { subject, payload }) => {
    const by = payload.by as string | null;
    if (by === null || by === subject.id) return;
    await notify(em, { ...told(payload, await nameOf(em, by)), to: [subject.id], path: ACCOUNT });
  };

const nameOf = async (em: EntityManager, id: string) => (await findUserNames(em, [id])).get(id) ?? "Un administrateur";

/** What people are told of the events of other modules, in the transaction of each. */
export const reactions: Reaction[] = [
  {
    on: "user.roles_changed",
    run: toSubject(({ after }, by) => ({
      kind: "rights",
      text: `${by} a changé vos rôles. Vous êtes maintenant\u00a0: ${rolesIn(after as Role[])}.`,
    })),
  },
  {
    on: "user.edited",
    run: toSubject((_payload, by) => ({ kind: "account", text: `${by} a corrigé votre nom ou votre adresse.` })),
  },
  {
    on: "user.unlocked",
    run: toSubject((_payload, by) => ({ kind: "account", text: `${by} a déverrouillé votre compte.` })),
  },
  {
    on: "user.second_factor_reset",
    run: toSubject((_payload, by) => ({
      kind: "account",
      text: `${by} a réinitialisé votre double authentification. Activez-la de nouveau.`,
    })),
  },
  {
    // By the scanner, so that nobody is its author.
    on: "file.quarantined",
    run: (em, { subject, payload }) =>
      notify(em, {
        kind: "files",
        to: [subject.id],
        text: `L’antivirus a refusé votre fichier «\u00a0${payload.name}\u00a0»\u00a0: personne ne peut l’ouvrir.`,
        path: payload.path as string | null,
      }),
  },
  { on: "act.undone", run: tellAuthor },
  { on: "history.verified", run: tellAsker },
  {
    on: "history.verification_stopped",
    run: (em, { payload }) =>
      notify(em, {
        kind: "jobs",
        to: [payload.askedBy as string],
        text: "La vérification de l’historique s’est interrompue\u00a0: rien n’en est conclu. Lancez-en une autre.",
        path: VERIFICATIONS,
      }),
  },
  { on: "import.finished", run: tellImporter },
  {
    on: "import.returned",
    run: async (em, { subject, payload }) =>
      notify(em, {
        kind: "jobs",
        to: [payload.by as string],
        text: `L’import de «\u00a0${payload.file}\u00a0» attendait son tour, et ce qu’il ferait a changé\u00a0: relisez-le, puis relancez-le.`,
        path: `/imports/${subject.id}`,
      }),
  },
  { on: "export.finished", run: tellExporter },
  {
    on: "campaign.prerequisite_due",
    run: async (em, { payload }) => {
      const { responsible, text, path } = payload as { responsible: string; text: string; path: string | null };
      await notify(em, { kind: "prerequisites", to: [responsible], text, path });
    },
  },
  { on: "messages.failed", run: tellAdministrators },
  {
    on: "jobs.died",
    run: async (em, { payload }) => {
      const { label, count } = payload as { label: string; count: number };
      const times = count === 1 ? "" : `, ${fr.number(count)} fois`;
      await notify(em, {
        kind: "deaths",
        to: await peopleWith(em, rolesWith("instance.manage")),
        text: `La tâche «\u00a0${label}\u00a0» a échoué à tous ses essais${times}. La page «\u00a0Tâches\u00a0» dit pourquoi.`,
        path: "/instance/taches",
      });
    },
  },
];

const rolesWith = (right: Parameters<typeof allows>[1]) =>
  ROLES.flatMap(({ code }) => (allows([code], right) ? code : []));

const rolesIn = (roles: Role[]) => roles.map((role) => roleLabel(role).toLowerCase()).join(", ") || "sans rôle";

async function tellAuthor(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const act = await findAct(em, subject.id);
  const by = payload.by as string;
  if (!act?.actorId || act.actorId === by) return;
  await notify(em, {
    kind: "undone",
    to: [act.actorId],
    text: `${await nameOf(em, by)} a annulé votre acte «\u00a0${act.label ?? "Libellé effacé"}\u00a0».`,
    path: await pageOfAct(em, act.actorId, subject.id),
  });
}

/** Where its author may see an act: all of history, or their own acts, or neither. */
async function pageOfAct(em: EntityManager, authorId: string, actId: string): Promise<string | null> {
  const author = await em.findOne(User, { id: authorId });
  if (allows(author?.roles ?? [], "history.read")) return `/admin/historique/${actId}`;
  return allows(author?.roles ?? [], "acts.undo_own") ? "/actes" : null;
}

async function tellAsker(em: EntityManager, { payload }: DomainEvent): Promise<void> {
  const { askedBy, intact } = payload as { askedBy: string; intact: boolean };
  await notify(em, {
    kind: "jobs",
    to: [askedBy],
    text: intact
      ? "La vérification de l’historique est terminée\u00a0: il est intact."
      : "La vérification de l’historique est terminée\u00a0: une altération est trouvée.",
    path: VERIFICATIONS,
  });
}

const IMPORT_ENDS = { completed: "est terminé", cancelled: "est arrêté", failed: "s’est interrompu" };

/** Of an import long enough for its author to have gone elsewhere. */
const EXPORT_ENDS = {
  completed: "est prêt, pour vous seul pendant 24 heures",
  cancelled: "est arrêté",
  failed: "n’a pas abouti",
};

async function tellExporter(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const { by, file, state } = payload as { by: string; file: string; state: keyof typeof EXPORT_ENDS };
  await notify(em, {
    kind: "jobs",
    to: [by],
    text: `L’export «\u00a0${file}\u00a0» ${EXPORT_ENDS[state]}.`,
    path: `/exports/${subject.id}`,
  });
}

async function tellImporter(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const { by, file, state, create, update, error, isLong } = payload as {
    by: string;
    file: string;
    state: keyof typeof IMPORT_ENDS;
    create: number;
    update: number;
    error: number;
    isLong: boolean;
  };
  if (!isLong) return;
  const figures = [
    fr.count(create, "création", "créations"),
    fr.count(update, "modification", "modifications"),
    fr.count(error, "erreur", "erreurs"),
  ];
  await notify(em, {
    kind: "jobs",
    to: [by],
    text: `L’import de «\u00a0${file}\u00a0» ${IMPORT_ENDS[state]}\u00a0: ${fr.list(figures)}.`,
    path: `/imports/${subject.id}`,
  });
}

/** Those who may open the outbox, where each message says why and can be sent again. */
async function tellAdministrators(em: EntityManager, { payload }: DomainEvent): Promise<void> {
  const count = fr.count(payload.count as number, "message n’a pas pu partir", "messages n’ont pas pu partir");
  await notifyOncePerDay(em, {
    kind: "failures",
    to: await peopleWith(em, rolesWith("accounts.manage")),
    text: `${count} aujourd’hui. La boîte d’envoi dit pourquoi.`,
    path: "/admin/boite-envoi?etat=failed",
  });
}
