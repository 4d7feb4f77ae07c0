import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { tidyAddress } from "../accounts/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { MailKind } from "../platform/mail/kinds.ts";
import { OutboxMessage } from "../platform/mail/outbox.ts";
import { type MessageFilter, requeueStopped } from "./queries.ts";

type State = Pick<OutboxMessage, "state">;

export const aboutMessage = ({ id }: { id: string }) => ({ type: "message", id });

const waits = ({ state }: State) => state === "pending" || state === "sending";
export const canResend = (message: State) => !waits(message);
export const canDrop = ({ state }: State) => state === "pending" || state === "failed" || state === "unsent";
/** What bears a personal link goes to the address of the account, and to no other. */
export const canReaddress = (message: State, kind: MailKind | undefined) =>
  message.state !== "sent" && message.state !== "sending" && !kind?.secret;

/**
 * Puts a message that stopped back in line, from its first attempt; of one that left, writes the same anew [MSG-5]. Gives
 * the message that waits now. The caller flushes.
 */
export function resendMessage(
  em: EntityManager,
  message: OutboxMessage,
  { by, now }: { by: string; now: Date },
): OutboxMessage {
  if (waits(message)) throw new RuleBroken("Ce message attend déjà son envoi\u00a0: il n’y a rien à faire.");
  const again = message.state === "sent" ? copyOf(em, message, now) : requeued(message, now);
  record(em, "message.resent", aboutMessage(message), { by, copy: again === message ? null : again.id });
  return again;
}

function requeued(message: OutboxMessage, now: Date): OutboxMessage {
  return Object.assign(message, {
    state: "pending",
    attempts: 0,
    firstAttemptAt: null,
    nextAttemptAt: now,
    claimedAt: null,
    unreachable: false,
  });
}

/** Another message with its own Message-ID: under the same, mailboxes would take it for a double. */
function copyOf(em: EntityManager, message: OutboxMessage, now: Date): OutboxMessage {
  const { tenantId, kind, address, personType, personId, subject, payload } = message;
  const copy = em.create(OutboxMessage, {
    ...{ tenantId, kind, address, personType, personId, subject, payload },
    id: randomUUIDv7(),
    state: "pending",
    attempts: 0,
    nextAttemptAt: now,
    unreachable: false,
    createdAt: now,
  } as never);
  em.persist(copy);
  return copy;
}

/**
 * The same for all those of a filter that failed, or that no server could take; what no longer has a cause is dropped as
 * it comes up [MSG-5, MSG-8]. Gives how many. Throws RuleBroken when there is none.
 */
export async function resendMessages(
  em: EntityManager,
  filter: MessageFilter,
  { by, tenantId, now }: { by: string; tenantId: string; now: Date },
): Promise<number> {
  const count = await requeueStopped(em, filter, now);
  if (count === 0) throw new RuleBroken("Aucun de ces messages n’est à renvoyer\u00a0: ils attendent, ou sont partis.");
  record(em, "messages.resent", { type: "tenant", id: tenantId }, { by, count });
  return count;
}

/** Gives up a message that has not left [MSG-5]. The caller flushes. */
export function dropMessage(em: EntityManager, message: OutboxMessage, { by }: { by: string }): void {
  if (message.state === "dropped") throw new RuleBroken("Ce message est déjà abandonné\u00a0: il n’y a rien à faire.");
  if (!canDrop(message)) {
    throw new RuleBroken("Ce message est parti, ou part à l’instant\u00a0: il ne peut plus être abandonné.");
  }
  message.state = "dropped";
  record(em, "message.dropped", aboutMessage(message), { by });
}

/** Sends to another address a message that could not leave [MSG-5]; its person keeps theirs. The caller flushes. */
export function readdressMessage(
  em: EntityManager,
  message: OutboxMessage,
  address: string,
  { by, now, kind }: { by: string; now: Date; kind: MailKind | undefined },
): void {
  if (kind?.secret) {
    throw new RuleBroken(
      "Ce message porte un lien personnel\u00a0: corrigez l’adresse sur la fiche de la personne, puis envoyez-lui un nouveau lien.",
      "address",
    );
  }
  if (!canReaddress(message, kind)) {
    throw new RuleBroken("Ce message est parti, ou part à l’instant\u00a0: son adresse ne se corrige plus.", "address");
  }
  const corrected = tidyAddress(address);
  if (corrected === message.address) throw new RuleBroken("C’est déjà l’adresse de ce message.", "address");
  requeued(message, now);
  message.address = corrected;
  record(em, "message.readdressed", aboutMessage(message), { by });
}
