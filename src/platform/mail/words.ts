import type { MailAnswer, MailState } from "./outbox.ts";

interface Badge {
  label: string;
  icon: string;
  tone: string;
}

/** Where a message stands, in the words of the glossary and with an icon, the same on every screen [MSG-1, MSG-14]. */
export const MAIL_STATE_WORDS: Record<MailState, Badge> = {
  pending: { label: "En attente d’envoi", icon: "clock", tone: "neutral" },
  sending: { label: "En cours d’envoi", icon: "send", tone: "primary" },
  sent: { label: "Envoyé", icon: "check", tone: "success" },
  failed: { label: "Échec", icon: "alert-triangle", tone: "danger" },
  dropped: { label: "Sans objet", icon: "minus", tone: "muted" },
  unsent: { label: "Non envoyé\u00a0: aucun serveur", icon: "cloud-off", tone: "warning" },
};

export const MAIL_RESULT_WORDS: Record<MailAnswer["result"], Badge> = {
  sent: { label: "Accepté", icon: "check-circle", tone: "success" },
  permanent: { label: "Refusé", icon: "x-circle", tone: "danger" },
  temporary: { label: "Remis à plus tard", icon: "hourglass", tone: "warning" },
  unreachable: { label: "Serveur injoignable", icon: "cloud-off", tone: "warning" },
  dropped: { label: "Sans objet", icon: "minus", tone: "muted" },
};
