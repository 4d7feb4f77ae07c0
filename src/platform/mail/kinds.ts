import type { EntityManager } from "@mikro-orm/postgresql";
import type { ZodType, z } from "zod";

/** A message as a person reads it; the same words make its text and its HTML. */
export interface Letter {
  /** Paragraphs before the link. */
  lines: string[];
  /** What its one link is for; the address comes from `secret`, or from `href`, a path of ours. */
  action?: { label: string; href?: string };
  /** Paragraphs after the link. */
  after?: string[];
}

/** What a letter may say beside its own payload. */
export interface About {
  tenantName: string;
  zone: string;
}

/** One row of the outbox as kinds see it: whom it is for and why, never a secret (rulings 16). */
export interface Message<P = unknown> {
  tenantId: string;
  id: string;
  kind: string;
  address: string;
  person: { type: string; id: string } | null;
  payload: P;
  createdAt: Date;
}

/** A kind of message, declared in the manifest of the module that causes it. */
export interface MailKind<S extends ZodType = ZodType> {
  /** `module.purpose`. */
  kind: string;
  /** French: "Mot de passe oublié". */
  label: string;
  payload: S;
  subject(payload: z.output<S>): string;
  write(payload: z.output<S>, about: About): Letter;
  /** Asked again before each attempt [MSG-8]: why it must no longer leave, in French, or null. */
  notDue?(em: EntityManager, message: Message<z.output<S>>, now: Date): Promise<string | null>;
  /** Leaves even when those who run the instance have suspended the organisation, whose other messages wait [ROL-2]. */
  leavesDespiteHold?: true;
  /** The secret of its link: made at each attempt, kept nowhere but as a hash by who made it. */
  secret?: {
    /** Path before the token, "/invitation/". */
    path: string;
    mint(em: EntityManager, message: Message<z.output<S>>, now: Date): Promise<string>;
  };
}

/** Keeps the payload's type while kinds of all payloads stand in one list. */
export const mailKind = <S extends ZodType>(kind: MailKind<S>): MailKind<S> => kind;
