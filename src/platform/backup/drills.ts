import { appendFile, readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Beside the backups: each time one was read again or restored, a line. */
const FILE = "epreuves.jsonl";
const NAME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z$/;

export interface Drill {
  at: Date;
  kind: "verify" | "restore";
  backup: string;
}

/** Notes that a backup was proved, where who runs the instance will read it. False when that folder cannot be written. */
export async function noteDrill(backup: string, kind: Drill["kind"], at: Date): Promise<boolean> {
  const folder = path.resolve(backup);
  const line = JSON.stringify({ at: at.toISOString(), kind, backup: path.basename(folder) });
  return appendFile(path.join(path.dirname(folder), FILE), `${line}\n`, { mode: 0o600 }).then(
    () => true,
    () => false,
  );
}

/** The last proof of each kind of a backup of this folder: one read again is not one restored. */
export async function lastDrills(into: string): Promise<Record<Drill["kind"], Drill | null>> {
  const text = await readFile(path.join(into, FILE), "utf8").catch(() => "");
  const drills = text.split("\n").flatMap(drillOf);
  const last = (kind: Drill["kind"]) =>
    drills.filter((one) => one.kind === kind).reduce<Drill | null>((a, b) => (a && a.at > b.at ? a : b), null);
  return { verify: last("verify"), restore: last("restore") };
}

/** None for a line cut short by a full disk. */
function drillOf(line: string): Drill[] {
  try {
    const { at, kind, backup } = JSON.parse(line) as { at: string; kind: Drill["kind"]; backup: string };
    return [{ at: new Date(at), kind, backup }];
  } catch {
    return [];
  }
}

/** The instant of the newest whole backup of this folder: a folder that bears its final name is whole. */
export async function lastBackup(into: string): Promise<Date | null> {
  const names = await readdir(into).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const newest = names
    .filter((name) => NAME.test(name))
    .sort()
    .at(-1);
  return newest ? new Date(newest.replace(NAME, "$1T$2:$3:$4Z")) : null;
}
