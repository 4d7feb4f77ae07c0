import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { fr } from "../platform/text/index.ts";
import type { Vital, Vitals } from "../platform/vitals.ts";
import { headsFolder } from "./heads.ts";

/** The sealer goes round five times a second: beyond this it is stopped or overwhelmed. */
const LATE_MS = 60_000;
/** Every chain is recomputed each night. */
const STALE_MS = 26 * 3_600_000;

interface HistoryHealth {
  waiting: number;
  waiting_since: string | null;
  verified_at: string | null;
  broken: number;
}

/** Whether acts are sealed in time, heads signed, chains verified and whole; figures of all organisations together. */
export const vitals: Vitals = {
  title: "Historique",
  order: 30,
  async look({ db, varDir }, { now, zone }): Promise<Vital[]> {
    const [health] = await db.lookup<HistoryHealth>("history_health");
    const { waiting, waiting_since, verified_at, broken } = health!;
    const since = waiting_since ? new Date(waiting_since) : null;
    const isLate = since !== null && now.getTime() - since.getTime() > LATE_MS;
    const signed = await lastSigned(headsFolder(varDir));
    const verified = verified_at ? new Date(verified_at) : null;
    return [
      {
        label: "Scellement",
        state: isLate ? "failing" : "ok",
        value: since
          ? `${fr.count(waiting, "modification attend", "modifications attendent")} son sceau depuis ${fr.dateTime(since, zone)}`.replace(
              "attendent son",
              "attendent leur",
            )
          : "à jour",
        ...(isLate && {
          remedy: `Lisez le journal du processus : le dossier ${headsFolder(varDir)} doit être accessible en écriture.`,
        }),
      },
      signed
        ? { label: "Dernière tête signée", state: "ok", value: fr.dateTime(signed, zone) }
        : {
            label: "Dernière tête signée",
            state: "warning",
            value: "aucune",
            remedy:
              "Elle vient avec le premier acte. Si des actes existent, remettez en place le dossier heads/ sauvegardé.",
          },
      verdict(verified, broken, { now, zone }),
    ];
  },
};

function verdict(verified: Date | null, broken: number, { now, zone }: { now: Date; zone: string }): Vital {
  const label = "Dernière vérification";
  if (broken > 0) {
    return {
      label,
      state: "failing",
      value: `${fr.count(broken, "organisation a un historique rompu", "organisations ont un historique rompu")}`,
      remedy:
        "Lancez « npm run verify-history » sur la machine : la commande nomme l’organisation et le premier numéro faux.",
    };
  }
  if (!verified) {
    return {
      label,
      state: "warning",
      value: "jamais",
      remedy:
        "Elle a lieu chaque nuit à 02:15 tant que le processus tourne ; « npm run verify-history » la fait maintenant.",
    };
  }
  const isStale = now.getTime() - verified.getTime() > STALE_MS;
  return {
    label,
    state: isStale ? "warning" : "ok",
    value: `${fr.dateTime(verified, zone)}, historiques intacts`,
    ...(isStale && { remedy: "Vérifiez que le processus des tâches tourne la nuit : elle a lieu à 02:15." }),
  };
}

/** When a file of heads was last written, whichever it is. */
async function lastSigned(folder: string): Promise<Date | null> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).mtime));
  return times.reduce<Date | null>((last, one) => (last && last > one ? last : one), null);
}
