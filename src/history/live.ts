import type { EntityManager } from "@mikro-orm/postgresql";
import type { Clock } from "../platform/db/clock.ts";
import type { Database } from "../platform/db/index.ts";
import { EVERYTHING, type News, type Seals, type TopicSource } from "../platform/live/news.ts";
import { lastSequence, type SealedLine, sealedAfter, sealedSince } from "./queries.ts";

/** Missed events are kept this long (LIV-3): older ones are told as "everything". */
const KEPT_MS = 10 * 60_000;
/** More than this is told as "everything" too: the page asks again for what it shows, once. */
const MOST_SEALS = 1_000;

/** Each sealed changeset concerns those who follow history; `sources` say whom else. */
const HISTORY = "history";

/** What was sealed as the hub tells it: the same reading after a wake, a poll and a stream that comes back. */
export function liveSeals(db: Database, { sources, clock }: { sources: TopicSource[]; clock: Clock }): Seals {
  async function told(em: EntityManager, lines: SealedLine[]): Promise<News | null> {
    if (lines.length === 0) return null;
    const oldest = clock.now().getTime() - KEPT_MS;
    if (lines.length > MOST_SEALS || lines[0]!.at.getTime() < oldest) {
      return { sequence: await lastSequence(em), topics: new Set([EVERYTHING]) };
    }
    const ids = lines.map(({ changesetId }) => changesetId);
    const topics = new Set([HISTORY]);
    for (const source of sources) for (const topic of await source(em, ids)) topics.add(topic);
    return { sequence: lines.at(-1)!.sequence, topics };
  }

  return {
    last: (tenantId) => db.read(tenantId, lastSequence),
    after: (tenantId, from) =>
      db.read(tenantId, async (em) => {
        const lines =
          "sequence" in from
            ? await sealedAfter(em, from.sequence, MOST_SEALS + 1)
            : await sealedSince(em, from.at, MOST_SEALS + 1);
        return told(em, lines);
      }),
  };
}
