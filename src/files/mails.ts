import { z } from "zod";
import { mailKind } from "../platform/mail/kinds.ts";

/** To who sent it: nobody else has seen it [DOC-4]. */
export const fileQuarantined = mailKind({
  kind: "files.quarantined",
  label: "Fichier refusé par l’antivirus",
  payload: z.strictObject({ name: z.string(), found: z.string() }),
  subject: () => "Un fichier que vous avez envoyé est refusé par l’antivirus",
  write: ({ name, found }) => ({
    lines: [
      `L’antivirus a trouvé «\u00a0${found}\u00a0» dans le fichier «\u00a0${name}\u00a0» que vous venez d’envoyer. Il est en quarantaine\u00a0: personne ne peut l’ouvrir.`,
      "Vérifiez votre appareil, ou demandez de l’aide à votre support informatique, avant d’envoyer un autre fichier.",
    ],
  }),
});
