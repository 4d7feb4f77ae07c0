import { holdInForce } from "../platform/mail/hold.ts";
import { fr } from "../platform/text/index.ts";
import type { Vital, Vitals } from "../platform/vitals.ts";

/** Retries are spaced by up to four hours: what has waited longer deserves a look. */
const LATE_MS = 3_600_000;

interface MailHealth {
  waiting: number;
  waiting_since: string | null;
  failed: number;
  last_sent_at: string | null;
}

/** Whether messages leave; figures of all organisations together, without content. */
export const vitals: Vitals = {
  title: "Messagerie",
  order: 35,
  async look({ db, transport = null }, { now, zone }): Promise<Vital[]> {
    const hold = await holdInForce(db);
    const [health] = await db.lookup<MailHealth>("mail_health");
    const { waiting, waiting_since, failed, last_sent_at } = health!;
    const isLate = waiting_since !== null && now.getTime() - new Date(waiting_since).getTime() > LATE_MS;
    return [
      transport
        ? { label: "Serveur", state: "told", value: transport.settings.server }
        : {
            label: "Serveur",
            state: "warning",
            value: "aucun\u00a0: les messages restent dans la boîte d’envoi",
            remedy: "Réglez SMTP_URL et MAIL_FROM, puis redémarrez. Une démonstration n’envoie jamais rien.",
          },
      ...(hold
        ? [
            {
              label: "Envois",
              state: "failing" as const,
              value: `retenus depuis ${fr.dateTime(hold.heldAt, zone)}`,
              remedy: `${hold.reason}. Libérez les messages en attente, ou abandonnez-les, sur la page Messagerie.`,
            },
          ]
        : []),
      {
        label: "En attente d’envoi",
        state: isLate ? "warning" : "ok",
        value: fr.count(waiting, "message", "messages"),
        ...(isLate && {
          remedy: `Le plus ancien attend depuis ${fr.dateTime(waiting_since, zone)}\u00a0: essayez l’envoi sur la page Messagerie.`,
        }),
      },
      {
        label: "En échec depuis sept jours",
        state: failed > 0 ? "warning" : "ok",
        value: fr.count(failed, "message", "messages"),
        ...(failed > 0 && {
          remedy:
            "La boîte d’envoi de chaque organisation dit pourquoi, et permet de corriger l’adresse ou de renvoyer.",
        }),
      },
      { label: "Dernier envoi", state: "told", value: last_sent_at ? fr.dateTime(last_sent_at, zone) : "jamais" },
    ];
  },
};
