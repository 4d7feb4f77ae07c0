import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { DomainEvent, EventCatalogue, Reaction } from "./catalogue.ts";

interface Recorder {
  tenantId: string;
  actId: string;
  now: Date;
  catalogue: EventCatalogue;
  events: DomainEvent[];
}

const recorders = new WeakMap<EntityManager, Recorder>();

/** Lets verbs record on `em` for the length of one changeset. */
export function openRecorder(em: EntityManager, about: Omit<Recorder, "events">): DomainEvent[] {
  const events: DomainEvent[] = [];
  recorders.set(em, { ...about, events });
  return events;
}

/**
 * Records what has just happened: its reactions run in this transaction, its jobs are enqueued with it. One event per
 * act, with ids or a count in the payload, never one per row (rulings 13). Throws outside an act, or when the
 * catalogue does not know the name or refuses the payload.
 */
export function record(
  em: EntityManager,
  name: string,
  subject: { type: string; id: string },
  payload: Record<string, unknown> = {},
): void {
  const recorder = recorders.get(em);
  if (!recorder) throw new Error(`record("${name}") outside an act: verbs run inside db.act().`);
  const kind = recorder.catalogue[name];
  if (!kind) throw new Error(`Unknown event "${name}": declare it in its module's events.ts.`);
  recorder.events.push({
    id: randomUUIDv7(),
    tenantId: recorder.tenantId,
    actId: recorder.actId,
    name,
    subject: { type: subject.type, id: subject.id },
    payload: kind.payload.parse(payload) as Record<string, unknown>,
    at: recorder.now,
  });
}

// A chain of reactions this long is a loop, not a consequence.
const MOST_EVENTS = 100;

/** Runs reactions until none is left, flushing after each event so that the next one reads what the last one wrote. */
export async function react(em: EntityManager, events: DomainEvent[], reactions: Reaction[]): Promise<void> {
  for (let i = 0; i < events.length; i++) {
    if (i > MOST_EVENTS)
      throw new Error(`More than ${MOST_EVENTS} events in one changeset: reactions feed each other.`);
    const event = events[i]!;
    const concerned = reactions.filter((reaction) => reaction.on === event.name);
    for (const reaction of concerned) await reaction.run(em, event);
    if (concerned.length > 0) await em.flush();
  }
}
