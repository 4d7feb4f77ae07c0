import { deviceOf } from "../device.ts";
import type { SecurityLine } from "../queries/security-log.ts";
import type { UserLine } from "../queries/users.ts";
import { roleLabel } from "../roles.ts";
import { SECURITY_KINDS, type SecurityKind } from "../security-event.ts";
import { LOCK_MINUTES, MOST_FAILURES } from "../sign-in-guard.ts";

/** One line of the security log as people read it. */
const EXPORTED: Record<string, string> = {
  history: "l’historique",
  directory: "l’annuaire",
  annuaire: "l’annuaire",
  operations: "des opérations",
  "import.errors": "les lignes en erreur d’un import",
  "import.lines": "les lignes écrites par un import",
  values: "des valeurs laissées de côté",
};

export interface ToldEvent {
  id: string;
  at: Date;
  badge: { label: string; icon: string; tone: string };
  text: string;
  address: string;
  device: string;
  userId: string | null;
}

const list = new Intl.ListFormat("fr", { type: "conjunction" });

/** The sentence of a line; to the reader it concerns it says "vous". */
export function told(line: SecurityLine, names: Map<string, string>, reader: string): ToldEvent {
  const { id, at, kind, userId, address, userAgent } = line;
  const known = Object.hasOwn(SECURITY_KINDS, kind);
  const badge = known ? SECURITY_KINDS[kind] : { label: kind, icon: "info", tone: "neutral" };
  const text = known ? SENTENCES[kind](line, sayer(names, reader)) : "";
  return { id, at, badge, text, address, device: deviceOf(userAgent).label, userId };
}

interface Sayer {
  /** "Karim Benali" or "vous". */
  of(id: string | null): string;
  /** "Karim Benali a" or "Vous avez". */
  has(id: string | null): string;
  /** "son" or "votre". */
  whose(id: string | null): string;
  /** " par Amina Diallo", or nothing when the person did it themself. */
  by(line: SecurityLine): string;
}

function sayer(names: Map<string, string>, reader: string): Sayer {
  const of = (id: string | null) =>
    id === null ? "une personne inconnue" : id === reader ? "vous" : (names.get(id) ?? "un compte inconnu");
  return {
    of,
    has: (id) => (id === reader ? "Vous avez" : `${of(id).replace(/^u/, "U")} a`),
    whose: (id) => (id === reader ? "votre" : "son"),
    by: ({ userId, actorId }) => (actorId === null || actorId === userId ? "" : `, par ${of(actorId)}`),
  };
}

const METHODS: Record<string, string> = {
  password: "par mot de passe",
  password_code: "par mot de passe et code",
  password_recovery: "par mot de passe et code de récupération",
  demo: "en un clic, comme personnage de démonstration",
};

const PROOFS: Record<string, string> = {
  password: "par mot de passe",
  code: "par un code du téléphone",
  recovery: "par un code de récupération",
};

/** When an account was last entered, and how; null when it never was [ACC-19, ROL-6]. */
export const lastSignInOf = ({ lastSignInAt, lastMethod }: Pick<UserLine, "lastSignInAt" | "lastMethod">) =>
  lastSignInAt && { at: lastSignInAt, method: METHODS[lastMethod ?? ""] ?? "" };

const count = (value: unknown) => (typeof value === "number" ? value : 0);
const rolesIn = (value: unknown) =>
  Array.isArray(value) ? list.format(value.map((code) => roleLabel(String(code)))) : "aucun";

const SENTENCES: Record<SecurityKind, (line: SecurityLine, say: Sayer) => string> = {
  "sign_in.succeeded": ({ userId, detail }, say) =>
    `${say.has(userId)} ouvert une session ${METHODS[String(detail.method)] ?? ""}${
      count(detail.stayDays) > 0 ? `, gardée ${count(detail.stayDays)} jours` : ""
    }.`,
  "sign_in.failed": ({ userId, detail }, say) => {
    if (userId === null) return "Essai avec une adresse qui n’a pas de compte.";
    const rank = count(detail.rank);
    return rank > MOST_FAILURES
      ? `Essai refusé pour ${say.of(userId)} : le compte est verrouillé.`
      : `Mot de passe refusé pour ${say.of(userId)}, échec ${rank} sur ${MOST_FAILURES}.`;
  },
  "account.locked": ({ userId }, say) =>
    `Compte verrouillé pendant ${LOCK_MINUTES} minutes après ${MOST_FAILURES} échecs de suite : ${say.of(userId)}.`,
  "account.unlocked": (line, say) => `Verrou levé avant l’heure pour ${say.of(line.userId)}${say.by(line)}.`,
  "session.closed": ({ userId, detail }, say) => {
    const closed = count(detail.closed);
    return closed > 1 ? `${say.has(userId)} fermé ${closed} autres sessions.` : `${say.has(userId)} fermé une session.`;
  },
  "password.chosen": ({ userId }, say) => `${say.has(userId)} choisi un premier mot de passe.`,
  "password.changed": ({ userId }, say) =>
    `${say.has(userId)} changé de mot de passe ; les autres sessions sont fermées.`,
  "reset.asked": ({ userId }, say) =>
    userId === null
      ? "Nouveau mot de passe demandé pour une adresse qui n’a pas de compte."
      : `Nouveau mot de passe demandé pour ${say.of(userId)}, par la page de connexion.`,
  "reset.offered": (line, say) =>
    `Lien de nouveau mot de passe préparé pour ${say.of(line.userId)}${line.detail.onServer ? ", depuis le serveur" : say.by(line)}.`,
  "password.reset": ({ userId }, say) =>
    `${say.has(userId)} choisi un nouveau mot de passe par un lien reçu ; toutes les sessions sont fermées.`,
  "step_up.succeeded": ({ userId, detail }, say) =>
    `${say.has(userId)} confirmé ${say.whose(userId)} identité ${PROOFS[String(detail.method)] ?? PROOFS.password} avant un acte sensible.`,
  "step_up.failed": ({ userId }, say) => `Confirmation du mot de passe refusée pour ${say.of(userId)}.`,
  "factor.enrolled": ({ userId, detail }, say) =>
    `${say.has(userId)} ${detail.replaced ? "changé le téléphone de la" : "activé la"} double authentification.`,
  "factor.failed": ({ userId, detail }, say) =>
    count(detail.rank) > MOST_FAILURES
      ? `Code refusé pour ${say.of(userId)} : le compte est verrouillé.`
      : `Code refusé pour ${say.of(userId)}, échec ${count(detail.rank)} sur ${MOST_FAILURES}.`,
  "factor.recovered": ({ userId, detail }, say) =>
    `${say.has(userId)} utilisé un code de récupération ; il en reste ${count(detail.left)}.`,
  "factor.renewed": ({ userId }, say) => `${say.has(userId)} tiré dix nouveaux codes de récupération.`,
  "factor.removed": ({ userId }, say) => `${say.has(userId)} retiré la double authentification.`,
  "support.opened": ({ userId, detail }, say) =>
    `${say.has(userId)} ouvert un accès de support de ${count(detail.hours)} h : ${detail.reason}`,
  "support.closed": ({ userId }, say) =>
    userId
      ? `${say.has(userId)} fermé l’accès de support.`
      : "Accès de support fermé par ceux qui tiennent l’instance.",
  "support.entered": ({ userId }, say) => `${say.has(userId)} utilisé l’accès de support.`,
  "tenant.suspended": ({ detail }) => `Organisation suspendue par ceux qui tiennent l’instance : ${detail.reason}`,
  "tenant.reactivated": ({ detail }) => `Organisation rouverte par ceux qui tiennent l’instance : ${detail.reason}`,
  "factor.reset": (line, say) =>
    `Double authentification de ${say.of(line.userId)} réinitialisée${line.detail.onServer ? ", depuis le serveur" : say.by(line)}.`,
  "rights.changed": (line, say) =>
    `Rôles de ${say.of(line.userId)} changés${say.by(line)} : ${rolesIn(line.detail.before)}, puis ${rolesIn(line.detail.after)}.`,
  "identity.changed": (line, say) => `Adresse de connexion de ${say.of(line.userId)} changée${say.by(line)}.`,
  "invitation.opened": (line, say) => `Lien d’invitation créé pour ${say.of(line.userId)}${say.by(line)}.`,
  "account.deactivated": (line, say) => `Compte désactivé : ${say.of(line.userId)}${say.by(line)}.`,
  "account.reactivated": (line, say) => `Compte réactivé : ${say.of(line.userId)}${say.by(line)}.`,
  export: ({ userId, detail }, say) =>
    `${say.has(userId)} exporté ${EXPORTED[String(detail.what)] ?? "des données"}${count(detail.acts) > 0 ? ` (${count(detail.acts)} actes)` : ""}${count(detail.people) > 0 ? ` (${count(detail.people)} personnes)` : ""}${count(detail.rows) > 0 ? ` (${count(detail.rows)} lignes)` : ""}.`,
  "settings.changed": ({ userId }, say) => `${say.has(userId)} changé les réglages de sécurité de l’organisation.`,
};
