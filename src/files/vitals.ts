import { fr } from "../platform/text/index.ts";
import type { Looked, Vital, Vitals } from "../platform/vitals.ts";
import { scannerAnswers } from "./scan.ts";

/** Where files are, how much they weigh, and whether something looks into them (INS-4). */
export const vitals: Vitals[] = [
  {
    title: "Fichiers",
    order: 45,
    async look({ db, files }, about): Promise<Vital[]> {
      const pending = await db.lookup<{ id: string }>("pending_files");
      return [
        { label: "Gardés dans", state: "told", value: files.store.name },
        await scannerLine(files),
        pendingLine(
          pending.map(({ id }) => id),
          about,
        ),
      ];
    },
  },
];

/** Some minutes are enough for the heaviest file; beyond, the scanner will not look into one of them. */
const STUCK_MS = 15 * 60_000;

export function pendingLine(ids: string[], { now, zone }: Pick<Looked, "now" | "zone">): Vital {
  const since = ids.length > 0 ? new Date(Math.min(...ids.map(bornAt))) : null;
  const isStuck = since !== null && now.getTime() - since.getTime() > STUCK_MS;
  return {
    label: "En attente de l’antivirus",
    state: isStuck ? "warning" : "told",
    value: fr.count(ids.length, "fichier", "fichiers"),
    ...(isStuck && {
      remedy: `Le plus ancien attend depuis ${fr.dateTime(since, zone)}\u00a0: lisez le journal de clamd. Son réglage StreamMaxLength doit dépasser les 50\u00a0Mo qu’un document peut peser.`,
    }),
  };
}

/** Identifiers begin with the instant they were drawn, in milliseconds (rulings 1). */
const bornAt = (id: string) => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);

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
