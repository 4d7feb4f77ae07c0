import type { EntityManager } from "@mikro-orm/postgresql";
import type { ZodType } from "zod";
import type { Services } from "../services.ts";

/** What a kind of event carries; the payload schema is the contract of everyone who reacts. */
export interface EventKind {
  /** French, past participle: "compte désactivé". */
  label: string;
  payload: ZodType;
  /** May come by itself of an act about something else: then its `by` is null, and the page of that act tells it (rulings 8). */
  mayFollow?: true;
  /** Why an act that changed no row and did this cannot be undone, in French (HIS-15). */
  beyond?: string;
}
export type EventCatalogue = Record<string, EventKind>;

/** A fact of the domain, as reactions and jobs receive it. */
export interface DomainEvent {
  id: string;
  tenantId: string;
  actId: string;
  name: string;
  subject: { type: string; id: string };
  payload: Record<string, unknown>;
  at: Date;
}

/** What must be true together with the event: runs in its transaction, and refuses it by throwing (rulings 13). */
export interface Reaction {
  on: string;
  run(em: EntityManager, event: DomainEvent): void | Promise<void>;
}

/** What may come later: a job enqueued in the event's transaction, gone if it rolls back. */
export interface Subscription {
  on: string;
  /** `module.verb_nouns`. */
  job: string;
  /** French, what the page of jobs calls it. */
  label: string;
  /** After this long the run counts as failed and is tried again; a quarter of an hour when not said. */
  limitSeconds?: number;
  run(event: DomainEvent, services: Services): Promise<void>;
  /** What becomes of it when every try failed; heard again each minute as long as nobody has decided of the job. */
  died?(event: DomainEvent, services: Services): Promise<void>;
}
