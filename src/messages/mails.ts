import { z } from "zod";
import { mailKind } from "../platform/mail/kinds.ts";
import { fr } from "../platform/text/index.ts";

/** Written by a person to those who received the messages of an act since undone [HIS-13]. */
export const correction = mailKind({
  kind: "messages.correction",
  label: "Message rectificatif",
  payload: z.strictObject({ subject: z.string(), lines: z.array(z.string()) }),
  subject: ({ subject }) => subject,
  write: ({ lines }) => ({ lines }),
});

/** To whoever asks whether messages leave; it goes straight to the server, never through the outbox. */
export const testMessage = mailKind({
  kind: "messages.test",
  label: "Message d’essai",
  payload: z.strictObject({ at: z.iso.datetime() }),
  subject: () => "Essai d’envoi d’OpsTracker",
  write: ({ at }, { zone }) => ({
    lines: [
      `Vous avez demandé cet essai le ${fr.dateTime(new Date(at), zone)}, depuis la page Messagerie de l’instance.`,
      "S’il vous est parvenu sans passer par les indésirables, la messagerie est bien réglée.",
    ],
    action: { label: "Revenir à la page Messagerie", href: "/instance/messagerie" },
  }),
});
