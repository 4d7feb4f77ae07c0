import type { Request, RequestHandler, Response } from "express";
import { Strategy } from "passport-local";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { cookieName, cookieOf } from "../../platform/http/cookies.ts";
import { readFields } from "../../platform/http/fields.ts";
import { issuesByField } from "../../platform/http/forms.ts";
import { leaveNotice } from "../../platform/http/notice.ts";
import { frenchProblem } from "../../platform/http/problems.ts";
import { hit } from "../../platform/http/rate.ts";
import { safePath } from "../../platform/http/safe-path.ts";
import { passport } from "../../platform/http/sessions.ts";
import { goTo } from "../../platform/http/show.ts";
import { isSigned, sign } from "../../platform/http/signature.ts";
import { fr } from "../../platform/text/index.ts";
import { countRecoveryCodes, isRecoveryCode } from "../recovery-code.ts";
import { ROLES } from "../roles.ts";
import { hasSecondFactor, isTelephoneCode } from "../second-factor.ts";
import { rightsOf } from "../session-rows.ts";
import { type Proved, proveSignIn, REFUSED, type SignInMethod, stayDaysFor, welcome } from "../sign-in.ts";
import { CODE_REFUSED, CODE_SHAPES, proveCode } from "../sign-in-code.ts";
import type { SignedIn } from "../signed-in.ts";
import { findHold } from "../suspension.ts";
import { publicLogo } from "./public-logo.ts";

const PAGE = { page: "accounts/sign-in/new" };
const CHOICE = { page: "accounts/sign-in/choice" };
const HOLD = { page: "accounts/sign-in/suspended" };
const CODE = { page: "accounts/sign-in/code" };

const SignInForm = z.object({
  email: z.string().min(1, "Écrivez votre adresse électronique.").describe("Adresse électronique"),
  password: z.string().min(1, "Écrivez votre mot de passe.").describe("Mot de passe"),
  stay: z.boolean().describe("Rester connecté"),
  retour: z.string().optional(),
});

const PER_ADDRESS = { limit: 100, windowSeconds: 60 };
const TICKET_MS = 5 * 60_000;
/** What a ticket is good for; each is signed apart, so that one never serves as the other. */
type Step = "sign-in-choice" | "sign-in-code";

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
  res.show(PAGE, await page(req, { form: { values: {} }, retour }));
};

const page = async (req: Request, shown: { form: object; retour: string }) => ({
  title: "Connexion",
  ...shown,
  personas: await personasFor(req),
  logo: await publicLogo(req),
});

/** One sentence for every refusal, one count for every try [ACC-2, ACC-4]. */
export const create: RequestHandler = async (req, res) => {
  await hit(req, "sign-in", PER_ADDRESS);
  const { typed, input, problems } = readFields(SignInForm, req.body);
  const parsed = SignInForm.safeParse(input, { error: frenchProblem });
  const retour = safePath(input.retour);
  const refuse = async (errors: Record<string, string>) =>
    res.show(PAGE, await page(req, { form: { values: typed, errors }, retour }));
  if (!parsed.success || Object.keys(problems).length > 0) {
    return refuse({ ...issuesByField(parsed.error), ...problems });
  }
  const proved = await prove(req, res);
  const [only, another] = proved;
  if (!only) return refuse({ form: REFUSED });
  if (!another) return enter(req, res, only, { stay: parsed.data.stay, retour });
  res.show(CHOICE, {
    title: "Choisir une organisation",
    accounts: proved,
    retour,
    ticket: ticketFor(req, "sign-in-choice", proved, parsed.data.stay),
  });
};

/** The organisation chosen by who has an account in several [TEN-3]. */
export const choose: RequestHandler = async (req, res) => {
  await hit(req, "sign-in", PER_ADDRESS);
  const { proved, stay } = readTicket(req, "sign-in-choice");
  const chosen = proved.find(({ tenantId }) => tenantId === req.body?.organisation);
  if (!chosen) throw new NotFound("Ce choix n’est plus valable. Revenez à la page de connexion et recommencez.");
  await enter(req, res, chosen, { stay, retour: safePath(req.body?.retour) });
};

/** Signed in at once, or asked for a code first: until it is right there is no session [ACC-12]. */
async function enter(req: Request, res: Response, account: Proved, opening: Opening) {
  if (await isOnHold(req, res, account)) return;
  if (await hasSecondFactor(req.db, account)) return showCode(req, res, account, opening, { values: {} });
  await open(req, res, account, opening);
}

/** Said to who has proved their password only: a stranger learns nothing of an organisation. */
async function isOnHold(req: Request, res: Response, { tenantId, tenantName }: Proved): Promise<boolean> {
  const hold = await findHold(req.db, tenantId);
  if (!hold) return false;
  const { contact } = req.config;
  const link = contact && { label: contact, href: contact.includes("@") ? `mailto:${contact}` : contact };
  const page = { title: "Organisation suspendue", tenantName, ...hold, contact: link || null };
  res.show(HOLD, page, { status: 403 });
  return true;
}

function showCode(req: Request, res: Response, account: Proved, { stay, retour }: Opening, form: object) {
  const ticket = ticketFor(req, "sign-in-code", [account], stay);
  res.show(CODE, { title: "Code de connexion", form, retour, ticket, tenantName: account.tenantName });
}

const CodeForm = z.object({
  code: z
    .string()
    .refine(isTelephoneCode, "Écrivez les six chiffres affichés par votre application.")
    .optional()
    .describe("Code à six chiffres"),
  recovery: z
    .string()
    .refine(isRecoveryCode, "Écrivez les seize lettres et chiffres d’un de vos dix codes.")
    .optional()
    .describe("Code de récupération"),
});

/** The code of the telephone, or one of the recovery codes, after the password [ACC-12, ACC-13]. */
export const confirm: RequestHandler = async (req, res) => {
  await hit(req, "sign-in", PER_ADDRESS);
  const {
    proved: [account],
    stay,
  } = readTicket(req, "sign-in-code");
  if (!account) throw new NotFound("Cette connexion a trop attendu. Revenez à la page de connexion et recommencez.");
  const opening = { stay, retour: safePath(req.body?.retour) };
  const { input, problems } = readFields(CodeForm, req.body);
  const parsed = CodeForm.safeParse(input, { error: frenchProblem });
  const { code, recovery } = parsed.data ?? {};
  const refuse = (errors: Record<string, string>) => showCode(req, res, account, opening, { values: {}, errors });
  // A slip is not a guess: nothing is counted before the fields have the shape of a code.
  const slips = { ...issuesByField(parsed.error), ...problems };
  if (Object.keys(slips).length > 0) return refuse(slips);
  if (!code && !recovery) return refuse({ code: CODE_SHAPES });
  const typed = recovery ? { recovery } : { code: code! };
  const proof = await proveCode(req.db, account, typed, req, { secret: req.config.secret, now: req.now }).catch(
    (error: unknown) => {
      if (error instanceof RuleBroken) return error;
      throw error;
    },
  );
  if (proof instanceof RuleBroken) return refuse({ code: proof.message });
  if (!proof) return refuse({ [recovery ? "recovery" : "code"]: CODE_REFUSED });
  if (await isOnHold(req, res, account)) return;
  await open(req, res, account, { ...opening, method: recovery ? "password_recovery" : "password_code" });
};

/** One click as any persona of a demo, from this very machine only (rulings 26). */
export const demo: RequestHandler = async (req, res) => {
  const persona = (await personasFor(req))
    .flatMap((one) => one.people)
    .find(({ userId }) => userId === req.body?.persona);
  if (!persona) throw new NotFound();
  if (await isOnHold(req, res, persona)) return;
  await open(req, res, persona, { stay: false, retour: "/", method: "demo" });
};

interface Opening {
  stay: boolean;
  retour: string;
  method?: SignInMethod;
}

/** A new identifier, a new anti-forgery secret, nothing of whatever session was there before [P18]. */
async function open(req: Request, res: Response, account: Proved, { stay, retour, method = "password" }: Opening) {
  const { tenantId, userId } = account;
  const stayDays = await stayDaysFor(req.db, account, stay);
  const { session } = req;
  session.opening = { stayDays };
  session.authenticatedAt = req.now.toISOString();
  session.rights = rightsOf(account.roles, method === "password_code" || method === "password_recovery");
  if (stayDays > 0) session.cookie.maxAge = stayDays * 24 * 3_600_000;
  await changeSession(req, { tenantId, id: userId });
  await welcome(req.db, account, req, { method, stayDays, now: req.now });
  if (method === "password_recovery") await tellCodesLeft(req, res, account);
  goTo(
    req,
    res,
    /^\/(?:connexion|deconnexion|session|installation|invitation|mot-de-passe-oublie|nouveau-mot-de-passe)(?:\/|\?|$)/.test(
      retour,
    )
      ? "/"
      : retour,
  );
}

/** Who signs in without their telephone has perhaps lost it: what is left, and where another takes its place [ACC-12]. */
async function tellCodesLeft(req: Request, res: Response, { tenantId, userId }: Proved): Promise<void> {
  const left = await req.db.read(tenantId, (em) => countRecoveryCodes(em, userId));
  const rest = left === 0 ? "C’était le dernier" : `Il vous en reste ${fr.number(left)}`;
  leaveNotice(req, res, {
    text: `Ce code de récupération ne servira plus. ${rest}. Si le téléphone est perdu, activez-en un autre dès maintenant.`,
    tone: "warning",
    action: { href: "/compte/double-authentification", label: "Changer de téléphone" },
  });
}

/** A new identifier and a new anti-forgery secret for this account; what the session already says of it is kept [P18]. */
export async function changeSession(req: Request, account: { tenantId: string; id: string }): Promise<void> {
  Reflect.deleteProperty(req.session, "csrfSecret");
  // The next request loads the whole person with the session; until then their key is all passport keeps.
  const key = account as SignedIn;
  await new Promise<void>((resolve, reject) => {
    req.logIn(key, { session: true, keepSessionInfo: true }, (error: unknown) => (error ? reject(error) : resolve()));
  });
}

interface Ticket {
  proved: Proved[];
  stay: boolean;
  until: number;
}

// Bound to the visit's cookie, so that the page alone is not enough.
const visitOf = (req: Request) => cookieOf(req, cookieName(req.config, "-visite")) ?? "";

function ticketFor(req: Request, step: Step, proved: Proved[], stay: boolean): string {
  const ticket: Ticket = { proved, stay, until: req.now.getTime() + TICKET_MS };
  const value = Buffer.from(JSON.stringify(ticket)).toString("base64url");
  return `${value}.${sign(req.config.secret, step, `${value}.${visitOf(req)}`)}`;
}

function readTicket(req: Request, step: Step): Pick<Ticket, "proved" | "stay"> {
  const sent: unknown = req.body?.ticket;
  const [value = "", signature = ""] = typeof sent === "string" ? sent.split(".") : [];
  if (!isSigned(req.config.secret, step, `${value}.${visitOf(req)}`, signature)) return { proved: [], stay: false };
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
