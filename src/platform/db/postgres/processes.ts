/** What the system says of a process; outside Linux only whether it answers. */
import { readFileSync } from "node:fs";
import { readdir, readlink } from "node:fs/promises";

/** Answers false for a zombie too: a killed postmaster stays one until the first process of the machine reaps it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return processState(pid) !== "Z";
}

function processFields(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  } catch {
    return []; // not Linux, or gone
  }
}
const processState = (pid: number) => processFields(pid)[0];
/** Numbers of processes come back: the time of birth tells two of them apart. */
const startedAt = (pid: number) => processFields(pid)[19] ?? "";

/** A mark to leave in a file, that `livesOn` later recognises. */
export const signature = (pid: number) => `${pid} ${startedAt(pid)}`;

export const livesOn = (mark: string) => {
  const pid = Number(mark.split(" ")[0]);
  return pid > 0 && isAlive(pid) && signature(pid) === mark;
};

/** Every PostgreSQL process works from its data folder: does one of them? Undefined where it cannot be told. */
export async function hasProcessIn(folder: string): Promise<boolean | undefined> {
  const pids = await readdir("/proc").catch(() => undefined);
  if (!pids) return undefined;
  for (const pid of pids) {
    if (/^\d+$/.test(pid) && (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === folder) return true;
  }
  return false;
}
