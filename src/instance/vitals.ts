import { existsSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import path from "node:path";
import { closedBefore } from "../accounts/index.ts";
import { fr } from "../platform/text/index.ts";
import { VERSION } from "../platform/version.ts";
import type { Health, Looked, Vital, Vitals } from "../platform/vitals.ts";
import { databaseFacts, queueFacts } from "./queries.ts";

const MEGA = 1_000_000;

/** "3,2 Go", "812 Mo": as disks are sold. */
export const size = (bytes: number): string =>
  bytes >= 1000 * MEGA ? `${fr.number(bytes / MEGA / 1000, 1)}\u00a0Go` : `${fr.number(bytes / MEGA, 0)}\u00a0Mo`;

/** Free space against the floor; below it the day writes stop is near. */
export function diskVital(free: number, total: number, floor: number): Vital {
  const isLow = free < floor;
  return {
    label: "Place libre",
    state: isLow ? "failing" : free < floor * 2 ? "warning" : "ok",
    value: `${size(free)} sur ${size(total)}`,
    ...(free < floor * 2 && {
      remedy: `Le plancher est de ${size(floor)} (réglage DISK_FLOOR) : libérez de la place ou agrandissez le disque${isLow ? " sans attendre" : ""}.`,
    }),
  };
}

/** Nine connections in ten taken: the next process or the next backup may find none. */
export function connectionsVital(used: number, most: number): Vital {
  const isFull = used > most * 0.9;
  return {
    label: "Connexions",
    state: isFull ? "warning" : "ok",
    value: `${fr.number(used)} sur ${fr.number(most)}`,
    ...(isFull && { remedy: "Augmentez max_connections de PostgreSQL, ou lancez moins de processus." }),
  };
}

const programme: Vitals = {
  title: "Programme",
  order: 0,
  async look(_services, { now, zone }): Promise<Vital[]> {
    return [
      { label: "OpsTracker", state: "told", value: VERSION },
      { label: "Node", state: "told", value: process.versions.node },
      { label: "En marche depuis", state: "told", value: fr.dateTime(now.getTime() - process.uptime() * 1000, zone) },
      { label: "Mémoire du processus", state: "told", value: size(process.memoryUsage.rss()) },
    ];
  },
};

const database: Vitals = {
  title: "Base de données",
  order: 10,
  async look({ db }, { tenantId }): Promise<Vital[]> {
    const facts = await db.read(tenantId, databaseFacts);
    return [
      { label: "PostgreSQL", state: "told", value: facts.version },
      { label: "Taille", state: "told", value: size(facts.size) },
      connectionsVital(facts.used, facts.most),
    ];
  },
};

const sessions: Vitals = {
  title: "Sessions",
  order: 20,
  async look({ redis }): Promise<Vital[]> {
    if (!redis) return [{ label: "Contenu des sessions", state: "ok", value: "PostgreSQL" }];
    const isUp = await redis
      .ask((one) => one.ping())
      .then(
        () => true,
        () => false,
      );
    return [
      isUp
        ? { label: "Contenu des sessions", state: "ok", value: "Redis" }
        : {
            label: "Contenu des sessions",
            state: "failing",
            value: "Redis ne répond pas",
            remedy: "Relancez Redis, ou retirez REDIS_URL et redémarrez : les sessions reviendront dans PostgreSQL.",
          },
    ];
  },
};

/** A free worker takes a job within seconds; a long one may hold the next for a while. */
const UNTAKEN_MS = 15 * 60_000;

/** Work that nobody takes: where pages and jobs are apart, nothing else would say that the second have stopped. */
export function waitingVital(waiting: number, since: Date | null, { now, zone }: { now: Date; zone: string }): Vital {
  const isUntaken = since !== null && now.getTime() - since.getTime() > UNTAKEN_MS;
  return {
    label: "En attente",
    state: isUntaken ? "failing" : "told",
    value: fr.count(waiting, "tâche", "tâches"),
    ...(isUntaken && {
      remedy: `La plus ancienne attend depuis ${fr.dateTime(since, zone)}\u00a0: vérifiez que le processus des tâches tourne (ROLE=jobs ou all), et lisez son journal.`,
    }),
  };
}

const queue: Vitals = {
  title: "File des tâches",
  order: 25,
  async look({ db }, { tenantId, now, zone }): Promise<Vital[]> {
    const { waiting, waitingSince, failed } = await db.read(tenantId, queueFacts);
    const state: Health = failed > 0 ? "warning" : "ok";
    return [
      waitingVital(waiting, waitingSince, { now, zone }),
      {
        label: "En échec",
        state,
        value: fr.count(failed, "tâche", "tâches"),
        ...(failed > 0 && {
          remedy:
            "Ouvrez la page «\u00a0Tâches\u00a0» : chaque échec y est, avec son motif, à relancer ou à abandonner.",
        }),
      },
    ];
  },
};

const keys: Vitals = {
  title: "Clés",
  order: 45,
  async look({ db, secret }): Promise<Vital[]> {
    if (!secret) return [];
    const before = await closedBefore(db, secret);
    return [
      {
        label: "Fermées sous un ancien secret",
        state: before > 0 ? "warning" : "ok",
        value: before > 0 ? fr.count(before, "clé de téléphone", "clés de téléphone") : "aucune",
        ...(before > 0 && {
          remedy:
            "Gardez l’ancien secret dans SECRET_PREVIOUS et redémarrez le processus des tâches\u00a0: il les referme au démarrage. S’il est perdu, ces téléphones n’ouvrent plus\u00a0: retirez-les par «\u00a0npm run rescue\u00a0».",
        }),
      },
    ];
  },
};

const storage: Vitals = {
  title: "Stockage",
  order: 40,
  async look({ varDir, diskFloor = 0, files, backups }): Promise<Vital[]> {
    const folders = [varDir, files.store.folder, backups?.into].filter((one) => one !== undefined);
    return [
      { label: "Dossier", state: "told", value: varDir },
      ...(await disksOf(folders)).map(({ free, total, holds }) => {
        const line = diskVital(free, total, diskFloor);
        return holds === varDir ? line : { ...line, label: `${line.label} pour ${holds}` };
      }),
    ];
  },
};

interface Disk {
  free: number;
  total: number;
  /** The first of the folders it holds. */
  holds: string;
}

/** The disks these folders are on, each once; a folder not made yet is on that of the one above. */
export async function disksOf(folders: readonly string[]): Promise<Disk[]> {
  const disks = new Map<number, Disk>();
  for (const folder of folders) {
    let at = path.resolve(folder);
    while (!existsSync(at)) at = path.dirname(at);
    const { dev } = await stat(at);
    if (disks.has(dev)) continue;
    const { bavail, blocks, bsize } = await statfs(at);
    disks.set(dev, { free: bavail * bsize, total: blocks * bsize, holds: folder });
  }
  return [...disks.values()];
}

export const vitals: Vitals[] = [programme, database, sessions, queue, storage, keys];

export interface Section {
  title: string;
  lines: Vital[];
}

/** Every section, in order; one that cannot be looked at says so and hides no other. */
export function lookAll(all: readonly Vitals[], look: (one: Vitals) => Promise<Vital[]>): Promise<Section[]> {
  return Promise.all(
    all
      .toSorted((a, b) => a.order - b.order)
      .map(async (one) => ({
        title: one.title,
        lines: await look(one).catch((): Vital[] => [
          {
            label: one.title,
            state: "unknown",
            value: "impossible à lire",
            remedy: "Rechargez la page ; si cela dure, lisez le journal du processus.",
          },
        ]),
      })),
  );
}

export type { Looked };
