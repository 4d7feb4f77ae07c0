/** A real clamd of the test's own, with one signature: that of the EICAR test file. No official database. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { clamdAt } from "../../src/platform/storage/clamd.ts";

/** Harmless by agreement of all scanners; in two parts, so that none takes this file for it. */
export const EICAR = `${String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR`}-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;

export interface ClamdServer {
  /** As CLAMD_HOST. */
  address: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export async function startClamd(): Promise<ClamdServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "clamd-"));
  await chmod(folder, 0o755);
  const address = path.join(folder, "clamd.sock");
  await writeFile(path.join(folder, "essai.ndb"), `Essai.Eicar:0:*:${Buffer.from(EICAR).toString("hex")}\n`);
  const settings = {
    DatabaseDirectory: folder,
    LocalSocket: address,
    FixStaleSocket: "yes",
    Foreground: "yes",
    TemporaryDirectory: folder,
    ConcurrentDatabaseReload: "no",
    StreamMaxLength: "4M",
  };
  const file = path.join(folder, "clamd.conf");
  await writeFile(
    file,
    Object.entries(settings)
      .map((pair) => `${pair.join(" ")}\n`)
      .join(""),
  );
  let child: ChildProcess | undefined;
  const PATH = `${process.env.PATH}:/usr/sbin`;

  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const start = async () => {
    child = spawn("clamd", ["--config-file", file], { stdio: "ignore", env: { ...process.env, PATH } });
    for (let tries = 0; ; tries++) {
      if (
        await clamdAt(address)
          .version()
          .catch(() => null)
      )
        return;
      if (tries > 400) throw new Error("clamd ne répond pas.");
      await pause(50);
    }
  };
  await start();
  after(async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  return { address, start, kill };
}
