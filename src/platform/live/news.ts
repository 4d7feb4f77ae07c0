import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { Database } from "../db/index.ts";
import type { Principal } from "../http/types.ts";

/** The channel on which hubs are woken; what it says is a tenant, and at most a topic, never content (rulings 14). */
export const LIVE_CHANNEL = "opstracker_live";

/**
 * Tells who follows a topic, once this transaction is committed, what no seal will: those who listen at that instant, and
 * nobody later.
 */
export async function announce(em: EntityManager, tenantId: string, topic: string): Promise<void> {
  await sql`select pg_notify(${LIVE_CHANNEL}, ${`${tenantId} ${topic}`})`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
}

/** Told instead of topics when too much was missed to name it: whoever follows anything asks again. */
export const EVERYTHING = "*";

/** What was sealed, as streams learn it: names and a number, never content (LIV-3). */
export interface News {
  sequence: number;
  topics: ReadonlySet<string>;
}

/** One object that somebody follows. */
export interface Followed {
  user: Principal;
  id: string;
}

/** What a page may follow, under the word its address says. */
export interface LiveTopic {
  right: string;
  /** The hub's own name for it, for this person; by default the word itself. */
  of?(user: Principal): string;
  /**
   * Its word is followed by the id of one object, as in "campagne:…": whether each of these may still be read by who follows
   * it. One question for all the open pages, since it is asked again every three seconds (LIV-6).
   */
  open?(db: Database, followed: readonly Followed[]): Promise<boolean[]>;
  /** A mark of what no act tells, so that no seal does: looked at each second while somebody follows it. */
  watch?(db: Database): Promise<string>;
}

/** The topics that are watched, by name. */
export const watchesOf = (live: Map<string, LiveTopic>, db: Database): Map<string, () => Promise<string>> =>
  new Map([...live].flatMap(([name, { watch }]) => (watch ? [[name, () => watch(db)]] : [])));

/** Whether objects may still be read, by the word of their topic. */
export type Openings = Map<string, (followed: readonly Followed[]) => Promise<boolean[]>>;

export const openingsOf = (live: Map<string, LiveTopic>, db: Database): Openings =>
  new Map([...live].flatMap(([name, { open }]) => (open ? [[name, (followed) => open(db, followed)]] : [])));

/** The topics of changesets just sealed: one question for all of them. */
export type TopicSource = (em: EntityManager, changesetIds: string[]) => Promise<string[]>;

/** Where the hub reads what was sealed; history answers. */
export interface Seals {
  last(tenantId: string): Promise<number>;
  /** After a number or an instant, at most ten minutes back; null when nothing was sealed since. */
  after(tenantId: string, from: { sequence: number } | { at: Date }): Promise<News | null>;
}

export const concerns = (topics: ReadonlySet<string>, news: ReadonlySet<string>): boolean =>
  news.has(EVERYTHING) || !topics.isDisjointFrom(news);
