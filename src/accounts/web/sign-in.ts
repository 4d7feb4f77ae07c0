import type { Request, RequestHandler, Response } from "express";
import { Strategy } from "passport-local";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { cookieName, cookieOf } from "../../platform/http/cookies.ts";
import { readFields } from "../../platform/http/fields.ts";
import { frenchProblem } from "../../platform/http/problems.ts";
import { hit } from "../../platform/http/rate.ts";
import { safePath } from "../../platform/http/safe-path.ts";
import { passport } from "../../platform/http/sessions.ts";
import { goTo } from "../../platform/http/show.ts";
import { isSigned, sign } from "../../platform/http/signature.ts";
import { ROLES } from "../roles.ts";
import { type Proved, proveSignIn, REFUSED, stayDaysFor, welcome } from "../sign-in.ts";
import type { SignedIn } from "../signed-in.ts";

const PAGE = { page: "accounts/sign-in/new" };
const CHOICE = { page: "accounts/sign-in/choice" };

const SignInForm = z.object({
  email: z.string().min(1, "Écrivez votre adresse électronique.").describe("Adresse électronique"),
  password: z.string().min(1, "Écrivez votre mot de passe.").describe("Mot de passe"),
  stay: z.boolean().describe("Rester connecté"),
  retour: z.string().optional(),
});

const PER_ADDRESS = { limit: 100, windowSeconds: 60 };
const CHOICE_MS = 5 * 60_000;
const USE = "sign-in-choice";

// What passport's strategy gives back is every account the password opens: which one is chosen comes after.
passport.use(
  new Strategy({ usernameField: "email", passReqToCallback: true }, (req, email, password, done) => {
    proveSignIn(req.db, { email, password }, req, req.now).then((proved) => done(null, proved as never), done);
  }),
);

const prove = (req: Request, res: Response) =>
  new Promise<Proved[]>((resolve, reject) => {
    passport.authenticate("local", (error: unknown, proved: Proved[] | false) =>
      error ? reject(error) : resolve(proved || []),
    )(req, res, reject);
  });

export const show: RequestHandler = async (req, res) => {
  const retour = safePath(req.query.retour);
  res.show(PAGE, { title: "Connexion", form: { values: {} }, retour, personas: await personasFor(req) });
};

/** One sentence for every refusal, one count for every try [ACC-2, ACC-4]. */
export const create: RequestHandler = async (req, res) => {
  await hit(req, "sign-in", PER_ADDRESS);
  const { typed, input, problems } = readFields(SignInForm, req.body);
  const parsed = SignInForm.safeParse(input, { error: frenchProblem });
  const retour = safePath(input.retour);
  const refuse = async (errors: Record<string, string>) =>
    res.show(PAGE, { title: "Connexion", form: { values: typed, errors }, retour, personas: await personasFor(req) });
  if (!parsed.success || Object.keys(problems).length > 0) {
    const missing = parsed.error?.issues.map(({ path, message }) => [String(path[0]), message] as const) ?? [];
    return refuse({ ...Object.fromEntries(missing), ...problems });
  }
  const proved = await prove(req, res);
  const [only, another] = proved;
  if (!only) return refuse({ form: REFUSED });
  if (!another) return open(req, res, only, { stay: parsed.data.stay, retour });
  res.show(CHOICE, {
    title: "Choisir une organisation",
    accounts: proved,
    retour,
    ticket: ticketFor(req, proved, parsed.data.stay),
  });
};

/** The organisation chosen by who has an account in several [TEN-3]. */
export const choose: RequestHandler = async (req, res) => {
  await hit(req, "sign-in", PER_ADDRESS);
  const { proved, stay } = readTicket(req);
  const chosen = proved.find(({ tenantId }) => tenantId === req.body?.organisation);
  if (!chosen) throw new NotFound("Ce choix n’est plus valable. Revenez à la page de connexion et recommencez.");
  await open(req, res, chosen, { stay, retour: safePath(req.body?.retour) });
};

/** One click as any persona of a demo, from this very machine only (rulings 26). */
export const demo: RequestHandler = async (req, res) => {
  const persona = (await personasFor(req))
    .flatMap((one) => one.people)
    .find(({ userId }) => userId === req.body?.persona);
  if (!persona) throw new NotFound();
  await open(req, res, persona, { stay: false, retour: "/", method: "demo" });
};

interface Opening {
  stay: boolean;
  retour: string;
  method?: "password" | "demo";
}

/** A new identifier, a new anti-forgery secret, nothing of whatever session was there before [P18]. */
async function open(req: Request, res: Response, account: Proved, { stay, retour, method = "password" }: Opening) {
  const { tenantId, userId } = account;
  const stayDays = await stayDaysFor(req.db, account, stay);
  const { session } = req;
  Reflect.deleteProperty(session, "csrfSecret");
  session.opening = { stayDays };
  session.authenticatedAt = req.now.toISOString();
  session.rights = account.roles.join();
  if (stayDays > 0) session.cookie.maxAge = stayDays * 24 * 3_600_000;
  // The next request loads the whole person with the session; until then their key is all passport keeps.
  const key = { tenantId, id: userId } as SignedIn;
  await new Promise<void>((resolve, reject) => {
    req.logIn(key, { session: true, keepSessionInfo: true }, (error: unknown) => (error ? reject(error) : resolve()));
  });
  await welcome(req.db, account, req, { method, stayDays, now: req.now });
  goTo(req, res, /^\/(?:connexion|deconnexion|session|installation|invitation)(?:\/|\?|$)/.test(retour) ? "/" : retour);
}

interface Ticket {
  proved: Proved[];
  stay: boolean;
  until: number;
}

// Bound to the visit's cookie, so that the page alone is not enough.
const visitOf = (req: Request) => cookieOf(req, cookieName(req.config, "-visite")) ?? "";

function ticketFor(req: Request, proved: Proved[], stay: boolean): string {
  const ticket: Ticket = { proved, stay, until: req.now.getTime() + CHOICE_MS };
  const value = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${value}.${sign(req.config.secret, USE, `${value}.${visitOf(req)}`)}`;
}

function readTicket(req: Request): Pick<Ticket, "proved" | "stay"> {
  const sent: unknown = req.body?.ticket;
  const [value = "", signature = ""] = typeof sent === "string" ? sent.split(".") : [];
  if (!isSigned(req.config.secret, USE, `${value}.${visitOf(req)}`, signature)) return { proved: [], stay: false };
  const ticket = JSON.parse(Buffer.from(value, "base64url").toString()) as Ticket;
  return ticket.until > req.now.getTime() ? ticket : { proved: [], stay: false };
}

interface Persona extends Proved {
  name: string;
  email: string;
  role: string;
}

interface PersonaRow {
  tenant_id: string;
  tenant_name: string;
  user_id: string;
  given_name: string;
  family_name: string;
  email: string;
  roles: Proved["roles"];
}

async function personasFor(req: Request): Promise<{ tenant: string; people: Persona[] }[]> {
  if (!req.config.demo || !isThisMachine(req)) return [];
  const rows = await req.db.lookup<PersonaRow>("personas");
  const people = rows.map(
    (row): Persona => ({
      tenantId: row.tenant_id,
      tenantName: row.tenant_name,
      userId: row.user_id,
      givenName: row.given_name,
      familyName: row.family_name,
      name: `${row.given_name} ${row.family_name}`,
      email: row.email,
      roles: row.roles,
      role: ROLES.filter(({ code }) => row.roles.includes(code))
        .map(({ label }) => label)
        .join(", "),
    }),
  );
  return [...Map.groupBy(people, ({ tenantName }) => tenantName)].map(([tenant, found]) => ({ tenant, people: found }));
}

const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** A browser on this machine that spoke to us without a relay. */
const isThisMachine = (req: Request) =>
  LOOPBACK.test(req.headers.host ?? "") &&
  /^(?:(?:::ffff:)?127\.|::1$)/.test(req.socket.remoteAddress ?? "") &&
  FORWARDED.every((name) => req.headers[name] === undefined);
