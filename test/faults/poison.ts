/** The product with jobs that no product would have: run in place of src/start.mjs. */
import { z } from "zod";
import { modules } from "../../src/modules.ts";
import type { Subscription } from "../../src/platform/events/catalogue.ts";

export const QUEUES = {
  canary: "poison.canary",
  throwing: "poison.throw",
  endless: "poison.loop",
  greedy: "poison.eat",
};

const RUNS: Record<string, Subscription["run"]> = {
  [QUEUES.canary]: async () => {},
  [QUEUES.throwing]: async () => {
    throw new Error("Le relais a refusé la demande.");
  },
  [QUEUES.endless]: async () => {
    for (;;);
  },
  [QUEUES.greedy]: async () => {
    const kept: string[][] = [];
    for (;;) {
      kept.push(Array.from({ length: 100_000 }, (_, i) => `${i} ${kept.length}`));
      await new Promise(setImmediate);
    }
  },
};

modules.push({
  name: "poison",
  events: { "poison.taken": { label: "pris", payload: z.object({}) } },
  subscriptions: Object.entries(RUNS).map(([job, run]) => {
    const subscription: Subscription = { on: "poison.taken", job, label: "Essai", run };
    // What the queue does of a failure, as for the jobs of the product, with fewer tries.
    return Object.assign(subscription, { retry: { limit: job === QUEUES.throwing ? 1 : 0, delaySeconds: 0 } });
  }),
});

if (process.send) {
  await import("../../src/main.ts");
  process.send("ready");
}
