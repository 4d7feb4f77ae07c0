/** Why a job failed, for who runs the instance: what the machine said stays beside, folded. */
const KNOWN: [RegExp, string][] = [
  [/exceeded \d+ ?s|timed? ?out after|handler execution/i, "La tâche n’a pas fini dans le temps qui lui est donné."],
  [/heartbeat/i, "Le processus qui la faisait s’est arrêté en chemin."],
  [/ENOSPC|no space left|disk full/i, "Le disque est plein."],
  [/EACCES|EPERM|permission denied/i, "Un dossier ou une table lui est fermé."],
  [
    /ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|connection (?:terminated|closed)/i,
    "Un serveur dont elle a besoin n’a pas répondu.",
  ],
  [/lock timeout|deadlock|could not serialize|canceling statement/i, "La base était prise par un autre travail."],
];

const UNFORESEEN = "Le programme s’est arrêté sur une erreur qu’il n’attendait pas.";

/** A French sentence; what was written for people, a sentence already, is given as it is. */
export function reasonOf(message: string): string {
  const known = KNOWN.find(([pattern]) => pattern.test(message));
  if (known) return known[1];
  return /^\p{Lu}[^{}]*\.$/u.test(message) && /[àâçéèêëîôûù’«]| (?:la|le|les|un|une|des) /iu.test(message)
    ? message
    : UNFORESEEN;
}
