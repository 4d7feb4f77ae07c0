import type { EntityManager } from "@mikro-orm/postgresql";
import { INSTANCE_ID } from "../accounts/index.ts";
import { record } from "../platform/events/record.ts";
import { deadEvents } from "../platform/jobs/queries.ts";
import type { Registry } from "../platform/registry.ts";
import type { Services } from "../platform/services.ts";
import { holdTellings, untoldDeaths } from "./queries.ts";

const MINUTE_MS = 60_000;

/**
 * Looks each minute for jobs whose every try failed: each queue is told once a day to the instance, as an act of its own
 * that others react to (ACT-5), and the module of each job hears of it (`Subscription.died`). What died while no process
 * looked is told by the next one.
 */
export function startDeathWatch(
  services: Services,
  { schedules, subscriptions }: Pick<Registry, "schedules" | "subscriptions">,
  onError: (error: unknown) => void,
): { look(): Promise<void>; stop(): Promise<void> } {
  const { db, clock } = services;
  const labels = new Map([...schedules, ...subscriptions].map(({ job, label }) => [job, label]));
  const subject = { type: "tenant", id: INSTANCE_ID };
  const tell = async (queue: string) => {
    const label = labels.get(queue) ?? queue;
    const act = {
      tenantId: INSTANCE_ID,
      actorId: null,
      channel: "job" as const,
      code: "jobs.died",
      label: `Tâche en échec définitif\u00a0: ${label}`,
      subject,
      now: clock.now(),
    };
    await db.act(act, async (em: EntityManager) => {
      // Another process may be telling it.
      await holdTellings(em);
      const found = (await untoldDeaths(em)).find((one) => one.queue === queue);
      if (found) record(em, "jobs.died", subject, { ...found, label });
    });
  };
  const hear = async () => {
    for (const { job, died } of subscriptions) {
      if (!died) continue;
      const events = await db.read(INSTANCE_ID, (em) => deadEvents(em, job));
      for (const event of events) await died(event, services).catch(onError);
    }
  };
  const look = async () => {
    await hear();
    for (const { queue } of await db.read(INSTANCE_ID, untoldDeaths)) await tell(queue);
  };
  let running = look().catch(onError);
  const timer = setInterval(() => {
    running = running.then(look).catch(onError);
  }, MINUTE_MS);
  timer.unref();
  return {
    look,
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
