import type { Views } from "../http/views.ts";
import type { Services } from "../services.ts";
import type { MailKind } from "./kinds.ts";
import { renderLetter } from "./letter.ts";
import {
  type Claimed,
  claimDue,
  keepClaims,
  LEASE_SECONDS,
  markUnsent,
  type Outcome,
  releaseUnreachable,
  settle,
} from "./queries.ts";
import { CONNECTIONS, type Transport } from "./transport.ts";

/** Messages in hand at once: enough to keep each connection busy, few enough for a process killed with them to double little. */
export const IN_HAND = CONNECTIONS * 8;
const PROBE_MS = 60_000;
const STOP_MS = 10_000;
/** How often it says that what it holds is held: a quarter of the time after which another takes it. */
const KEEP_MS = (LEASE_SECONDS * 1_000) / 4;

export interface SenderParts {
  kinds: ReadonlyMap<string, MailKind>;
  /** null: no server is configured, or this is a demo [MSG-14]. */
  transport: Transport | null;
  views: Views;
  publicUrl: string;
  /** Right of the `@` in Message-ID. */
  domain: string;
  everyMs?: number;
  /** How often messages in hand are said to be. */
  keepMs?: number;
  /** Messages of this organisation have just failed for good. */
  onFailed?(tenantId: string): void;
  onError(error: unknown): void;
}

interface Due {
  tenant_id: string;
  name: string;
  zone: string;
}

export interface Sender {
  /** Takes what is due and gives when it has been answered for; the process calls it each second. */
  sweep(): Promise<void>;
  /** Takes nothing more, lets what is in hand end. */
  stop(): Promise<void>;
}

/**
 * Sends the outbox: each message is taken in a short transaction, sent outside of any, and settled in another. A process
 * killed between the two leaves it to the next one a minute later, under the same Message-ID (F03).
 */
export function startSender({ db, clock }: Pick<Services, "db" | "clock">, parts: SenderParts): Sender {
  const { kinds, transport, views, publicUrl, domain, everyMs = 1_000, keepMs = KEEP_MS, onFailed, onError } = parts;
  const despiteHold = [...kinds.values()].filter((kind) => kind.leavesDespiteHold).map(({ kind }) => kind);
  const inHand = new Map<Promise<void>, Claimed & { since: number }>();
  const outcomes: Outcome[] = [];
  let settling: Promise<void> | undefined;
  let stopped = false;
  /** When to ask a silent server again; null while it answers. */
  let probeAt: number | null = null;

  const flush = async () => {
    // What ended in the same instant goes in one statement.
    await new Promise(setImmediate);
    while (outcomes.length > 0) {
      for (const [tenantId, ended] of Map.groupBy(outcomes.splice(0), (one) => one.tenantId)) {
        if ((await db.note(tenantId, (em) => settle(em, ended))) > 0) onFailed?.(tenantId);
      }
    }
  };
  const end = (outcome: Outcome): Promise<void> => {
    outcomes.push(outcome);
    settling ??= flush().finally(() => {
      settling = undefined;
    });
    return settling;
  };

  const attempt = async (message: Claimed, tenant: { name: string; zone: string }): Promise<Outcome> => {
    const { tenantId, id, attempt, payload, subject, person } = message;
    const ended = (result: Outcome["result"], answer: string): Outcome => ({ tenantId, id, attempt, result, answer });
    if (message.isUndone) return ended("dropped", "L’acte qui l’a causé est annulé.");
    const kind = kinds.get(message.kind);
    if (!kind) return ended("permanent", "Ce genre de message n’existe plus dans cette version.");
    let token: string | null = null;
    if (kind.notDue || kind.secret) {
      const act = {
        tenantId,
        actorId: null,
        channel: "job" as const,
        code: "mail.prepared",
        label: `Lien préparé pour le message «\u00a0${kind.label}\u00a0»`,
        subject: person ?? undefined,
        now: clock.now(),
      };
      const reason = await db.act(act, async (em) => {
        const why = (await kind.notDue?.(em, message, act.now)) ?? null;
        if (why === null && kind.secret) token = await kind.secret.mint(em, message, act.now);
        return why;
      });
      if (reason !== null) return ended("dropped", reason);
    }
    const about = { tenantName: tenant.name, zone: tenant.zone };
    const letter = renderLetter(views, kind, { subject, payload, about, publicUrl, token });
    const envelope = { to: message.address, senderName: tenant.name, messageId: message.messageId };
    const { result, answer } = await transport!.send(letter, envelope);
    if (result === "unreachable") probeAt ??= clock.now().getTime() + PROBE_MS;
    return ended(result, answer);
  };

  const deliver = async (message: Claimed, tenant: { name: string; zone: string }): Promise<void> => {
    const outcome = await attempt(message, tenant).catch((error: unknown): Outcome => {
      onError(error);
      const { tenantId, id, attempt } = message;
      return { tenantId, id, attempt, result: "temporary", answer: "Une panne de l’application a empêché cet envoi." };
    });
    await end(outcome);
  };

  const probe = async () => {
    if (probeAt === null || clock.now().getTime() < probeAt || !transport) return;
    const { result } = await transport.check();
    if (result !== "sent") {
      probeAt = clock.now().getTime() + PROBE_MS;
      return;
    }
    probeAt = null;
    for (const { id } of await db.lookup<{ id: string }>("tenants")) await db.note(id, releaseUnreachable);
  };

  /** Organisations that had more to send than there was room for, in turn; asked again once they are served. */
  let due: Due[] = [];

  /** Gives how many it began. */
  const take = async (): Promise<number> => {
    let begun = 0;
    await probe();
    if (due.length === 0) due = await db.lookup<Due>("due_mail", [despiteHold]);
    while (due.length > 0) {
      const tenant = due[0]!;
      const { tenant_id: tenantId } = tenant;
      if (!transport) {
        await db.note(tenantId, markUnsent);
        due.shift();
        continue;
      }
      const room = IN_HAND - inHand.size;
      if (room <= 0 || stopped) return begun;
      const taken = await db.note(tenantId, (em) => claimDue(em, { tenantId, room, domain, despiteHold }));
      // Whoever has more goes behind the others.
      due.shift();
      if (taken.length === room) due.push(tenant);
      begun += taken.length;
      for (const message of taken) {
        const sending: Promise<void> = deliver(message, tenant)
          .catch(onError)
          .finally(() => {
            inHand.delete(sending);
            // Half of the places at once: each look costs the database as much for one message as for twenty.
            if (running && inHand.size <= IN_HAND / 2) wake();
          });
        inHand.set(sending, { ...message, since: performance.now() });
      }
    }
    return begun;
  };

  /** Most messages are sent before it is time to say they are held: a slow server's alone cost this. */
  const keep = async () => {
    const held = [...inHand.values()].filter(({ since }) => since <= performance.now() - keepMs);
    for (const [tenantId, kept] of Map.groupBy(held, (one) => one.tenantId)) {
      await db.note(tenantId, (em) =>
        keepClaims(
          em,
          kept.map(({ id }) => id),
        ),
      );
    }
  };
  const keeping = setInterval(() => keep().catch(onError), keepMs).unref();

  // One pass at a time; what frees a place asks for another.
  let passing: Promise<unknown> | undefined;
  let again = false;
  const wake = () => {
    if (stopped) return;
    if (passing) {
      again = true;
      return;
    }
    passing = take()
      .catch(onError)
      .finally(() => {
        passing = undefined;
        if (again) {
          again = false;
          wake();
        }
      });
  };
  const running = Number.isFinite(everyMs);
  const timer = running ? setInterval(wake, everyMs) : undefined;
  timer?.unref();

  return {
    async sweep() {
      // What ends while the next is looked for makes place too: only a look that finds nothing, with nothing in hand, is the end.
      for (;;) {
        const begun = await take();
        if (begun === 0 && inHand.size === 0) return;
        await Promise.all(inHand.keys());
      }
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await passing;
      let late: NodeJS.Timeout | undefined;
      await Promise.race([
        Promise.all(inHand.keys()),
        new Promise((resolve) => {
          late = setTimeout(resolve, STOP_MS);
        }),
      ]);
      clearTimeout(late);
      clearInterval(keeping);
      transport?.close();
    },
  };
}
