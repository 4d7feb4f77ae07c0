import { randomUUIDv7 } from "node:crypto";
import { LockMode, OptimisticLockError } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import type { z } from "zod";
import { type ActInput, type Channel, KeyReused } from "../db/index.ts";
import { Conflict, NoRoom, RuleBroken, TooLarge } from "../errors.ts";
import { readFields, type Typed } from "./fields.ts";
import { ownOrigins } from "./origin.ts";
import { isPartial } from "./partial.ts";
import { frenchProblem } from "./problems.ts";
import { ownPath } from "./safe-path.ts";
import { askShortcuts } from "./shortcuts.ts";
import { sign } from "./signature.ts";

/** What the object is now, for the person whose version was stale (GEN-8). */
export interface Current {
  values: Record<string, string>;
  version: number;
  by?: string;
  at?: Date;
}

/** What history will say of a form, and where its success leads. */
export interface ActOf<S, R> {
  /** `noun.past_participle`, as the event. */
  code: string;
  label: string | ((values: S, result: R) => string);
  subject?: (values: S, result: R) => { type: string; id: string } | undefined;
  reason?: (values: S, result: R) => string | undefined;
  channel?: Channel;
  /** The act this one takes back (HIS-14). */
  undoes?: string;
  /** The page that shows the result, the same as `res.saved` is given: a form sent twice leads there the second time. */
  at?: string | ((values: S, result: R) => string);
  /** Before sign-in, the tenant a link belongs to; otherwise the person's own. */
  tenantId?: string;
  actorId?: string | null;
  /** Long by nature, as what touches ten thousand rows: given the time of work instead of that of a page (F07). */
  isLong?: true;
  /** A proof to be asked for once the form is well made, outside the transaction: its failure counts though nothing is saved. */
  before?: (values: S) => Promise<void>;
  /** For a stale version: the present values, to be shown beside the typed ones. */
  current?: (em: EntityManager) => Promise<Current | null>;
}

/** Given to the verb beside the values: the version the form was drawn from. */
export interface Sent {
  version: number | undefined;
}

export interface Refused {
  values: Typed;
  errors: Record<string, string>;
  status: 422 | 409 | 413 | 507;
  /** What the form drawn again starts from: what this one said, so that a refusal never hides what somebody else wrote meanwhile (GEN-8). */
  version: number | undefined;
  /** Present when somebody else wrote meanwhile; sending again, with the new version, applies the typed values. */
  stale?: Current | null;
  result?: undefined;
}

export interface Accepted<R> {
  values: Typed;
  errors?: undefined;
  result: R;
}

export type Form<R> = Refused | Accepted<R>;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const refusals = new WeakMap<Request, Refused>();

const acts = new WeakMap<Request, string>();

/** The act this request's form became. */
export const actOf = (req: Request): string | undefined => acts.get(req);

/** A refusal as the error it was, for a form that is not drawn again: a page says it. */
export function asError({ errors, status }: Refused): Error {
  const sentence = Object.values(errors)[0] ?? "";
  if (status === 413) return new TooLarge(sentence);
  if (status === 507) return new NoRoom();
  return status === 409 ? new Conflict(sentence) : new RuleBroken(sentence);
}

/** The refusal of this request's form that its handler did not show. */
export const refusalOf = (req: Request): Refused | undefined => refusals.get(req);

/** One short read transaction in the person's tenant, where the menu of their page is asked too; `isLong` gives it the time of work (F07). */
export function read<T>(
  req: Request,
  questions: (em: EntityManager) => Promise<T>,
  { isLong = false } = {},
): Promise<T> {
  return (isLong ? req.db.patiently() : req.db).read(tenantOf(req), async (em) => {
    // A fragment has no menu.
    if (!isPartial(req)) await askShortcuts(req, em);
    return questions(em);
  });
}

/**
 * Reads the form, then carries out one act: verb, flush, history, all or nothing. What the person can mend comes back
 * in `errors`; everything else goes up to the error middleware. The same form sent twice acts once (GEN-6).
 */
export async function submit<S extends z.ZodObject, R>(
  req: Request,
  schema: S,
  act: ActOf<z.output<S>, R>,
  verb: (values: z.output<S>, em: EntityManager, sent: Sent) => R | Promise<R>,
): Promise<Form<R>> {
  const { typed, input, problems } = readFields(schema, req.body);
  refusals.delete(req);
  const refuse = (refused: Refused): Refused => {
    refusals.set(req, refused);
    return refused;
  };
  const sent: Sent = { version: sentVersion(req.body?.version) };
  const refused = (errors: Record<string, string>, status: Refused["status"] = 422) =>
    refuse({ values: typed, errors, status, ...sent });

  const parsed = schema.safeParse(input, { error: frenchProblem });
  const errors = { ...issuesByField(parsed.error), ...problems };
  if (!parsed.success || Object.keys(problems).length > 0) return refused(errors);

  const key: unknown = req.body?._key;
  if (req.user && (typeof key !== "string" || !UUID.test(key))) {
    return refused({
      form: "Cette page est trop ancienne pour être envoyée. Vérifiez vos valeurs, puis envoyez de nouveau.",
    });
  }

  const values = parsed.data;
  const at = act.at ?? pageOf(req);
  let result!: R;
  const id = randomUUIDv7();
  const said: ActInput = {
    id,
    tenantId: act.tenantId ?? tenantOf(req),
    actorId: act.actorId === undefined ? (req.user?.id ?? null) : act.actorId,
    channel: act.channel ?? "page",
    ...(act.undoes !== undefined && { undoesId: act.undoes }),
    code: act.code,
    label: () => given(act.label, values, result),
    subject: () => act.subject?.(values, result),
    reason: () => act.reason?.(values, result),
    requestId: req.id,
    now: req.now,
    ...(req.user && {
      idempotency: {
        key: key as string,
        route: `${req.method} ${req.path}`,
        digest: digestOf(req, input, sent),
        result:
          typeof at === "string"
            ? { status: 303, location: at }
            : () => ({ status: 303, location: given(at, values, result) }),
      },
    }),
  };

  try {
    await act.before?.(values);
    await (act.isLong ? req.db.patiently() : req.db).act(said, async (em) => {
      result = await verb(values, em, sent);
    });
  } catch (error) {
    if (error instanceof RuleBroken) return refused({ [error.field ?? "form"]: error.message }, statusOf(error));
    if (error instanceof KeyReused) {
      return refused({
        form: "Ce formulaire a déjà été envoyé, avec d’autres valeurs. Vérifiez celles-ci, puis envoyez de nouveau.",
      });
    }
    if (error instanceof OptimisticLockError) {
      const stale = (await (act.current && req.db.read(said.tenantId, act.current))) ?? null;
      return refuse({
        values: typed,
        errors: { version: staleSentence(stale) },
        status: 409,
        version: stale?.version,
        stale,
      });
    }
    throw error;
  }
  acts.set(req, id);
  return { values: typed, result };
}

/** Stops a write made on what somebody else has changed since (GEN-8). Called by handlers before their verb. */
export async function atVersion(em: EntityManager, entity: object, { version }: Sent): Promise<void> {
  if (version === undefined)
    throw new RuleBroken("Rechargez la page avant d’enregistrer : sa version n’est pas connue.");
  await em.lock(entity, LockMode.OPTIMISTIC, version);
}

/** The same where a form may be sent without its page, as a status changed by one click: the version it gives, if any, must hold. */
export function sinceVersion(row: { version: number }, { version }: Sent): void {
  if (version !== undefined && version !== row.version) throw OptimisticLockError.lockFailed(row);
}

/** The same strictness for what an address carries: filters, page marks. A refusal is a page that says so. */
export function query<S extends z.ZodObject>(req: Request, schema: S): z.output<S> {
  const { input, problems } = readFields(schema, req.query);
  const parsed = schema.safeParse(input, { error: frenchProblem });
  const [problem] = Object.values({ ...issuesByField(parsed.error), ...problems });
  if (!parsed.success || problem !== undefined) {
    throw new RuleBroken(`Cette adresse n’a pas la forme attendue. ${problem ?? ""}`.trim());
  }
  return parsed.data;
}

const statusOf = (error: RuleBroken) => (error instanceof TooLarge ? 413 : error instanceof NoRoom ? 507 : 422);

/** The first sentence of each field the schema refused. */
export function issuesByField(error: z.ZodError | undefined): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const { path, message } of error?.issues ?? []) errors[String(path[0] ?? "form")] ??= message;
  return errors;
}

function staleSentence(stale: Current | null): string {
  const who = stale?.by ? `${stale.by} a` : "Quelqu’un a";
  return `${who} modifié ces données pendant votre saisie ; rien n’a été enregistré. Vos valeurs sont gardées : comparez-les aux valeurs actuelles, puis envoyez de nouveau pour les appliquer, ou rechargez la page pour y renoncer.`;
}

function tenantOf(req: Request): string {
  if (!req.user) throw new Error("Nobody is signed in: give the act its tenant.");
  return req.user.tenantId;
}

const given = <S, R, V>(value: V | ((values: S, result: R) => V), values: S, result: R): V =>
  typeof value === "function" ? (value as (values: S, result: R) => V)(values, result) : value;

/** The page the form was on. */
export const pageOf = (req: Request) => ownPath(req.headers.referer, ownOrigins(req)) ?? "/";

const sentVersion = (sent: unknown) => (typeof sent === "string" && /^\d{1,9}$/.test(sent) ? Number(sent) : undefined);

/** Of what was asked, whatever the order of the fields. Keyed, because a form may hold a password. */
function digestOf(req: Request, input: Record<string, unknown>, { version }: Sent): Buffer {
  const fields = Object.keys(input)
    .sort()
    .map((name) => [name, input[name]]);
  return Buffer.from(sign(req.config.secret, "idempotency", JSON.stringify([fields, version ?? null])), "base64url");
}
