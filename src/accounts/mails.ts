import { z } from "zod";
import { mailKind } from "../platform/mail/kinds.ts";
import { fr } from "../platform/text/index.ts";
import { LOCK_MINUTES, MOST_FAILURES } from "./sign-in-guard.ts";

const instant = z.iso.datetime();

/** Once a lock [ACC-3]. */
export const accountLocked = mailKind({
  kind: "accounts.locked",
  label: "Compte verrouillé",
  payload: z.strictObject({ at: instant }),
  subject: () => "Votre compte est verrouillé pour quinze minutes",
  write: ({ at }, { zone }) => ({
    lines: [
      `Le ${fr.dateTime(new Date(at), zone)}, ${MOST_FAILURES} mots de passe ou codes de suite ont été refusés pour votre compte. Il est verrouillé pendant ${LOCK_MINUTES} minutes.`,
      "Si c’était vous, attendez un quart d’heure, puis essayez de nouveau.",
    ],
    after: ["Si ce n’était pas vous, personne n’est entré. Prévenez la personne qui administre votre organisation."],
  }),
});

/** A sign-in from a kind of browser this account had never used [ACC-19]. */
export const newDevice = mailKind({
  kind: "accounts.new_device",
  label: "Connexion depuis un nouvel appareil",
  payload: z.strictObject({ at: instant, device: z.string() }),
  subject: () => "Connexion à votre compte depuis un nouvel appareil",
  write: ({ at, device }, { zone }) => ({
    lines: [`Le ${fr.dateTime(new Date(at), zone)}, une session a été ouverte sur votre compte depuis ${device}.`],
    action: { label: "Voir mes sessions et mes connexions", href: "/compte" },
    after: ["Si ce n’était pas vous, changez votre mot de passe\u00a0: les autres sessions se ferment aussitôt."],
  }),
});

/** After the change, whoever made it [ACC-8]. */
export const passwordChanged = mailKind({
  kind: "accounts.password_changed",
  label: "Mot de passe changé",
  payload: z.strictObject({ at: instant }),
  subject: () => "Votre mot de passe a changé",
  write: ({ at }, { zone }) => ({
    lines: [
      `Le mot de passe de votre compte a été changé le ${fr.dateTime(new Date(at), zone)}. Vos autres sessions sont fermées.`,
    ],
    after: ["Si ce n’était pas vous, prévenez tout de suite la personne qui administre votre organisation."],
  }),
});

/** To both addresses, the old and the new: the holder of the old one must not be put out unawares [ACC-7]. */
export const addressChanged = mailKind({
  kind: "accounts.address_changed",
  label: "Adresse de connexion changée",
  payload: z.strictObject({ before: z.string(), after: z.string() }),
  subject: () => "L’adresse de connexion de votre compte a changé",
  write: ({ before, after }) => ({
    lines: [`Votre compte s’ouvre désormais avec l’adresse ${after}, au lieu de ${before}.`],
    after: ["Si vous ne vous y attendiez pas, prévenez la personne qui administre votre organisation."],
  }),
});

/** A telephone was enrolled, or took the place of another [ACC-12]. */
export const factorEnrolled = mailKind({
  kind: "accounts.factor_enrolled",
  label: "Double authentification activée",
  payload: z.strictObject({ at: instant, replaced: z.boolean() }),
  subject: ({ replaced }) =>
    replaced ? "Le téléphone de votre compte a changé" : "La double authentification de votre compte est active",
  write: ({ at, replaced }, { zone }) => ({
    lines: [
      `Depuis le ${fr.dateTime(new Date(at), zone)}, ${replaced ? "un autre téléphone donne" : "un téléphone donne"} le code demandé après votre mot de passe.`,
      "Gardez vos codes de récupération ailleurs que sur ce téléphone.",
    ],
    action: { label: "Voir ma double authentification", href: "/compte/double-authentification" },
    after: ["Si ce n’était pas vous, prévenez tout de suite la personne qui administre votre organisation."],
  }),
});

/** The person gave it up [ACC-12]. */
export const factorRemoved = mailKind({
  kind: "accounts.factor_removed",
  label: "Double authentification retirée",
  payload: z.strictObject({ at: instant }),
  subject: () => "La double authentification de votre compte a été retirée",
  write: ({ at }, { zone }) => ({
    lines: [`Depuis le ${fr.dateTime(new Date(at), zone)}, votre compte s’ouvre avec son seul mot de passe.`],
    action: { label: "Activer un téléphone", href: "/compte/double-authentification" },
    after: [
      "Si ce n’était pas vous, changez votre mot de passe et prévenez la personne qui administre votre organisation.",
    ],
  }),
});

/** An administrator, or the machine itself, took away the telephone of somebody [ACC-13]. */
export const factorReset = mailKind({
  kind: "accounts.factor_reset",
  label: "Double authentification réinitialisée",
  payload: z.strictObject({ at: instant }),
  subject: () => "La double authentification de votre compte a été réinitialisée",
  write: ({ at }, { zone }) => ({
    lines: [
      `Le ${fr.dateTime(new Date(at), zone)}, votre téléphone et vos codes de récupération ont cessé de servir. Vos sessions sont fermées.`,
    ],
    action: { label: "Activer un téléphone", href: "/compte/double-authentification" },
    after: ["Si vous ne l’aviez pas demandé, prévenez tout de suite la personne qui administre votre organisation."],
  }),
});

/** To each administrator, at the very moment [ROL-2]: the only door that stays open is the one to those who run the instance. */
export const tenantSuspended = mailKind({
  kind: "accounts.tenant_suspended",
  label: "Organisation suspendue",
  leavesDespiteHold: true,
  payload: z.strictObject({ at: instant, reason: z.string() }),
  subject: () => "L’accès à votre organisation est suspendu",
  write: ({ at, reason }, { tenantName, zone }) => ({
    lines: [
      `Le ${fr.dateTime(new Date(at), zone)}, ceux qui tiennent l’instance ont suspendu l’accès à ${tenantName}. Motif : ${reason}`,
      "Personne ne peut s’y connecter et ses tâches attendent. Ses données sont gardées.",
    ],
    action: { label: "Qui contacter", href: "/contact" },
  }),
});

/** The hold is over. */
export const tenantReactivated = mailKind({
  kind: "accounts.tenant_reactivated",
  label: "Organisation rouverte",
  payload: z.strictObject({ at: instant }),
  subject: () => "L’accès à votre organisation est rouvert",
  write: ({ at }, { tenantName, zone }) => ({
    lines: [
      `Depuis le ${fr.dateTime(new Date(at), zone)}, les personnes de ${tenantName} peuvent de nouveau se connecter.`,
    ],
    action: { label: "Se connecter", href: "/connexion" },
  }),
});
