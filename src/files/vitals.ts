import { fr } from "../platform/text/index.ts";
import type { Vital, Vitals } from "../platform/vitals.ts";
import { scannerAnswers } from "./scan.ts";

/** Where files are, how much they weigh, and whether something looks into them (INS-4). */
export const vitals: Vitals[] = [
  {
    title: "Fichiers",
    order: 45,
    async look({ db, files }): Promise<Vital[]> {
      const pending = (await db.lookup("pending_files")).length;
      return [
        { label: "Gardés dans", state: "told", value: files.store.name },
        await scannerLine(files),
        {
          label: "En attente de l’antivirus",
          state: "told",
          value: fr.count(pending, "fichier", "fichiers"),
        },
      ];
    },
  },
];

async function scannerLine(files: Parameters<typeof scannerAnswers>[0]): Promise<Vital> {
  const label = "Antivirus";
  if (!files.scanner) {
    return {
      label,
      state: "told",
      value: "aucun",
      remedy:
        "Les fichiers sont servis sans être vérifiés. Pour qu’ils le soient, donnez l’adresse de clamd dans CLAMD_HOST.",
    };
  }
  const version = await scannerAnswers(files);
  if (version) return { label, state: "ok", value: version };
  return {
    label,
    state: "failing",
    value: "ne répond pas",
    remedy: "Relancez clamd. Les fichiers envoyés attendent, et personne ne peut les ouvrir jusque-là.",
  };
}
