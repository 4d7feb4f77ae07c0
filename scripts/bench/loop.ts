/** A product that tells how late its loop runs. */
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Server, startProduct } from "./servers.ts";

export interface Watched extends Server {
  /** How late its loop ran since the time before, at the 99th percentile, in milliseconds. */
  loopP99Ms(): Promise<number>;
}

export async function startWatched(folder: string): Promise<Watched> {
  const file = path.join(folder, "boucle.json");
  const probe = path.join(import.meta.dirname, "loop-probe.mjs");
  const product = await startProduct(folder, ["--import", probe], { LOOP_FILE: file });
  return {
    ...product,
    async loopP99Ms() {
      await rm(file, { force: true });
      process.kill(product.pid, "SIGUSR2");
      for (;;) {
        const text = await readFile(file, "utf8").catch(() => "");
        if (text.endsWith("}")) return JSON.parse(text).p99;
        await pause(5);
      }
    },
  };
}
