import type { EntityManager } from "@mikro-orm/postgresql";
import { record } from "../platform/events/record.ts";
import type { Services } from "../platform/services.ts";
import { failedToday } from "./queries.ts";

/** Failures come in flocks, as when a server changes its mind: one telling is enough for those of a minute. */
const WAIT_MS = 60_000;

export interface FailureTeller {
  /** To be called when messages of this organisation have just failed for good. */
  failed(tenantId: string): void;
  /** Tells at once what waited to be told. */
  stop(): Promise<void>;
}

/** Tells each organisation, as an act of its own that others react to, how many of its messages failed that day (ACT-5). */
export function tellFailures(
  { db, clock }: Pick<Services, "db" | "clock">,
  { waitMs = WAIT_MS, onError }: { waitMs?: number; onError(error: unknown): void },
): FailureTeller {
  const waiting = new Map<string, NodeJS.Timeout>();
  const tell = (tenantId: string): Promise<void> => {
    clearTimeout(waiting.get(tenantId));
    waiting.delete(tenantId);
    const subject = { type: "tenant", id: tenantId };
    const act = {
      tenantId,
      actorId: null,
      channel: "job" as const,
      code: "messages.failed",
      label: "Messages qui n’ont pas pu partir",
      subject,
      now: clock.now(),
    };
    const work = async (em: EntityManager) => {
      const count = await failedToday(em);
      if (count > 0) record(em, "messages.failed", subject, { count });
    };
    return db.act(act, work).catch(onError);
  };
  return {
    failed(tenantId) {
      if (!waiting.has(tenantId)) waiting.set(tenantId, setTimeout(() => void tell(tenantId), waitMs).unref());
    },
    async stop() {
      await Promise.all([...waiting.keys()].map(tell));
    },
  };
}
