import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { ZodType, z } from "zod";
import { createdAt, lookedUpTable, tenantKey } from "../db/entity.ts";
import type { MailKind } from "./kinds.ts";
import { oneLine } from "./letter.ts";

export const MAIL_STATES = ["pending", "sending", "sent", "failed", "dropped", "unsent"] as const;
export type MailState = (typeof MAIL_STATES)[number];

/** How one attempt ended, as the page of a message tells it. */
export interface MailAnswer {
  at: string;
  result: "sent" | "permanent" | "temporary" | "unreachable" | "dropped";
  answer: string;
}

const schema = defineEntity({
  name: "OutboxMessage",
  tableName: "outbox",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "dedupeKey"] }],
  indexes: [
    { properties: ["tenantId", "state", "nextAttemptAt"] },
    { properties: ["tenantId", "address"] },
    { properties: ["tenantId", "actId"] },
    { properties: ["tenantId", "personId", "id"] },
    // What waits, oldest first, however much has left.
    { properties: ["tenantId", "id"], where: "state in ('pending', 'sending')" },
  ],
  properties: {
    ...tenantKey(),
    kind: p.text(),
    address: p.text(),
    personType: p.text().nullable(),
    personId: p.uuid().nullable(),
    subject: p.text(),
    payload: p.json<Record<string, unknown>>().columnType("jsonb"),
    // A job run twice sends once [MSG-7]; null: this cause cannot come twice.
    dedupeKey: p.text().nullable(),
    state: p.enum(MAIL_STATES).default("pending"),
    attempts: p.integer().default(0),
    nextAttemptAt: p.datetime().defaultRaw("app_now()"),
    firstAttemptAt: p.datetime().nullable(),
    claimedAt: p.datetime().nullable(),
    sentAt: p.datetime().nullable(),
    // The last attempt met no server at all: the message leaves as soon as there is one, whatever its turn.
    unreachable: p.boolean().default(false),
    lastAnswer: p.text().nullable(),
    messageId: p.text().nullable(),
    // The act it comes from, written by the database; null when it was no act, as a sign-in.
    actId: p.uuid().nullable().defaultRaw("(nullif(current_setting('app.act_id'::text, true), ''::text))::uuid"),
    answers: p.json<MailAnswer[]>().columnType("jsonb").defaultRaw("'[]'::jsonb"),
    ...createdAt(),
  },
});

/** One message to send: why and to whom, without any secret (rulings 16). A measure for history: who acts on it is an event. */
export class OutboxMessage extends schema.class {}
schema.setClass(OutboxMessage);
export const OutboxSchema = schema;

export interface Posted<P> {
  tenantId: string;
  to: { address: string; person?: { type: string; id: string } };
  payload: P;
  /** Unique in the organisation: the second message of the same key is not written [MSG-7]. */
  once?: string;
}

/** Writes a message in the transaction of its cause [MSG-1]; it leaves after the commit, or never if there is none. */
export async function sendMail<S extends ZodType>(
  em: EntityManager,
  kind: MailKind<S>,
  { tenantId, to, payload, once }: Posted<z.output<S>>,
): Promise<void> {
  const known = kind.payload.parse(payload) as z.output<S>;
  await sql`
    insert into outbox (tenant_id, id, kind, address, person_type, person_id, subject, payload, dedupe_key)
    values (${tenantId}, ${randomUUIDv7()}, ${kind.kind}, ${oneLine(to.address)}, ${to.person?.type ?? null}, ${to.person?.id ?? null},
      ${oneLine(kind.subject(known))}, ${JSON.stringify(known)}::jsonb, ${once ?? null})
    on conflict (tenant_id, dedupe_key) do nothing`.execute(em.getTransactionContext<Transaction<unknown>>()!);
}
