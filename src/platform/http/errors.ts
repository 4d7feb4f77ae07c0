import { NotFoundError, OptimisticLockError } from "@mikro-orm/core";
import type { ErrorRequestHandler, Request, Response } from "express";
import { AlreadyDone, KeyReused } from "../db/index.ts";
import { Conflict, Forbidden, NoRoom, NotFound, RuleBroken, TooLarge, TooMany, Unavailable } from "../errors.ts";
import type { Log } from "../log.ts";
import { isPartial } from "./partial.ts";
import { Refusal } from "./refusal.ts";
import { safePath } from "./safe-path.ts";
import { goTo, type Render } from "./show.ts";
import { sign } from "./signature.ts";

/** What the person is told: what happened, what to do now. Nothing of how the program is made (P58). */
export interface Told {
  status: number;
  heading: string;
  sentence: string;
  remedy: string;
  retryAfter?: number;
}

const told = (status: number, heading: string, sentence: string, remedy: string, retryAfter?: number): Told => ({
  status,
  heading,
  sentence,
  remedy,
  ...(retryAfter !== undefined && { retryAfter }),
});

const unavailable = (sentence = "Le service ne répond pas pour l’instant ; rien n’a été enregistré.") =>
  told(503, "Service indisponible", sentence, "Réessayez dans quelques secondes.", 5);

/** Waiting mends nothing by itself: somebody has to make room (F18). */
const fullDisk = () =>
  told(
    503,
    "Plus de place",
    "Le disque de la base de données est plein ; rien n’a été enregistré. Ce qui s’y trouve se lit toujours.",
    "Prévenez la personne qui administre l’instance : tout repart dès que de la place est faite.",
    60,
  );

const stale = (sentence = "Quelqu’un a changé ces données pendant que vous les lisiez ; rien n’a été enregistré.") =>
  told(409, "Modifié entre-temps", sentence, "Rechargez la page, vérifiez, puis recommencez.");

/** What to say of an error, whoever threw it. */
export function explain(error: unknown): Told {
  if (error instanceof Refusal) return told(error.status, error.heading, error.message, error.remedy);
  if (error instanceof TooLarge) return told(413, "Envoi trop lourd", error.message, "Puis recommencez.");
  if (error instanceof NoRoom) return told(507, "Plus assez de place", error.message, "Rien d’autre n’est touché.");
  if (error instanceof RuleBroken) {
    return told(422, "Demande refusée", error.message, "Revenez à la page précédente et corrigez-la.");
  }
  if (error instanceof KeyReused) {
    return told(
      422,
      "Demande refusée",
      "Ce formulaire a déjà été envoyé, avec d’autres valeurs.",
      "Rechargez la page, puis recommencez.",
    );
  }
  if (error instanceof NotFound) return { ...explain(Refusal.notFound()), sentence: error.message };
  if (error instanceof NotFoundError || error instanceof URIError) return explain(Refusal.notFound());
  if (error instanceof Forbidden) {
    return told(403, "Accès refusé", error.message, "Demandez-le à une personne qui administre votre organisation.");
  }
  if (error instanceof Conflict) return stale(error.message);
  if (error instanceof OptimisticLockError) return stale();
  if (error instanceof Unavailable) return unavailable(error.message);
  if (error instanceof TooMany) {
    const { retryAfterSeconds: seconds } = error;
    return told(429, "Trop d’essais", error.message, `Attendez ${wait(seconds)}, puis recommencez.`, seconds);
  }
  return explainParser(error) ?? explainDatabase(error) ?? breakdown();
}

const wait = (seconds: number) =>
  seconds < 120 ? (seconds < 2 ? "une seconde" : `${seconds} secondes`) : `${Math.ceil(seconds / 60)} minutes`;

const breakdown = () =>
  told(
    500,
    "Panne de notre côté",
    "Le serveur n’a pas pu finir ; rien n’a été enregistré.",
    "Réessayez dans une minute. Si cela continue, donnez la référence à la personne qui administre l’instance.",
  );

/** Files that are not there, bodies the parser would not read: Express marks its errors with a status. */
function explainParser(error: unknown): Told | null {
  const { status } = (error ?? {}) as { status?: unknown };
  if (status === 404) return explain(Refusal.notFound());
  if (typeof status !== "number" || status < 400 || status >= 500) return null;
  if (status === 413) {
    return told(
      413,
      "Envoi trop lourd",
      "Ce que vous envoyez dépasse la taille permise.",
      "Réduisez le texte, puis recommencez.",
    );
  }
  if (status === 415) return explain(Refusal.unreadable());
  return told(
    422,
    "Demande illisible",
    "Le serveur n’a pas pu lire cet envoi ; rien n’a été enregistré.",
    "Rechargez la page, puis recommencez.",
  );
}

/** Codes of PostgreSQL and of the network that mean "not now": nothing was written, trying again may work. */
const NOT_NOW =
  /^(?:08\w{3}|53\w{3}|57P0\d|57014|55P03|40001|40P01|25P0[34]|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
const LOST =
  /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|pool (?:is )?(?:draining|destroyed|after calling end)/i;

function explainDatabase(error: unknown): Told | null {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code } = cause as { code?: unknown };
    if (code === "53100") return fullDisk();
    if ((typeof code === "string" && NOT_NOW.test(code)) || LOST.test(cause.message)) return unavailable();
    // No history, no change (P55). A refusal by row is something else: a fault of ours, to be seen.
    if (code === "42501" && !cause.message.includes("row-level security")) return unavailable();
    if (code === "23505")
      return stale("Une autre personne vient d’enregistrer la même chose ; rien n’a été enregistré deux fois.");
    if (cause instanceof AggregateError && cause.errors.length > 0) return explainDatabase(cause.errors[0]);
  }
  return null;
}

/** The last middleware: log, then say. A page for a page, one alert for a fragment, JSON for a probe. */
export function handleErrors(render: Render, log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    if (error instanceof AlreadyDone) return goTo(req, res, safePath(error.location));
    const said = explain(error);
    note(log, req, error, said);
    if (res.headersSent) return void res.destroy();
    // The visitor gave up while sending: there is nobody to answer.
    if (req.destroyed && !req.complete) return void res.destroy();

    if (said.retryAfter !== undefined) res.setHeader("Retry-After", String(said.retryAfter));
    res.status(said.status);
    if (req.path.startsWith("/health/")) return void res.json({ status: "error", reference: req.reference });
    res.vary("HX-Request-Type");
    res.setHeader("Content-Type", "text/html; charset=utf-8");
    res.end(isPartial(req) ? alert(req, said) : wholePage(render, log, req, res, said));
  };
}

function wholePage(render: Render, log: Log, req: Request, res: Response, said: Told): string {
  try {
    const { heading: title, remedy: todo, ...rest } = said;
    return render(req, res, "/errors/error", {
      ...rest,
      title,
      heading: title,
      todo,
      remedy: todo,
      reference: req.reference,
      // Its help is that of errors, not of the screen that failed.
      screen: "/erreur",
    });
  } catch (error) {
    log.error("error page failed", { id: req.id, reference: req.reference, ...namesOf(error) });
    return plainPage(req, said);
  }
}

/** Fills the alert region and leaves the target as it is: an error is never shown inside a cell (rulings 23). */
const alert = (req: Request, { sentence, remedy }: Told) =>
  `<div id="alertes" hx-swap-oob="innerHTML"><div class="toast tone-danger"><p>${escaped(sentence)} <span>${escaped(remedy)}</span></p><p class="ref">Référence ${req.reference}</p></div></div>`;

/** When even the view fails: no style, all the words. */
const plainPage = (req: Request, { heading, sentence, remedy }: Told) => `<!doctype html>
<html lang="fr">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(heading)} – OpsTracker</title></head>
<body><main><h1>${escaped(heading)}</h1><p>${escaped(sentence)}</p><p>${escaped(remedy)}</p><p>Référence <strong>${req.reference}</strong>, à donner si vous demandez de l’aide.</p><p><a href="/">Revenir à l’accueil</a></p></main></body>
</html>
`;

const escaped = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

function note(log: Log, req: Request, error: unknown, { status }: Told): void {
  const fields = {
    id: req.id,
    reference: req.reference,
    method: req.method,
    path: loggedPath(req),
    user: loggedUser(req),
    status,
  };
  if (status >= 500) log.error("request failed", { ...fields, ...namesOf(error) });
  else if (status === 403 || status === 421 || status === 429)
    log.warn("request refused", { ...fields, error: nameOf(error) });
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error);

/** Where it broke, without what it held: a driver's message quotes values, a template's quotes what it shows (P56). */
function namesOf(error: unknown) {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code, table, constraint } = error as { code?: unknown; table?: unknown; constraint?: unknown };
  const where = error.stack
    ?.split("\n")
    .filter((line) => line.trimStart().startsWith("at "))
    .slice(0, 12);
  return {
    error: error.name,
    ...(typeof code === "string" ? { code, table, constraint } : { message: error.message.slice(0, 300) }),
    where: where?.map((line) => line.trim()),
    ...(error.cause instanceof Error && { cause: nameOf(error.cause) }),
  };
}

/**
 * The person under a name of the log's own: the same from line to line, nothing to whoever has the log alone. The
 * secret of the instance makes it, and finds it again (P56).
 */
export function loggedUser({ user, config }: Request): string | undefined {
  return user && sign(config.secret, "log", user.id).slice(0, 12);
}

/** The declared path where one was met; else the path, long pieces hidden: a mistyped link still holds its token. */
export function loggedPath(req: Request): string {
  const route: unknown = req.res?.locals.route;
  if (typeof route === "string") return route;
  return req.path.replace(/[^/]{20,}/g, (piece) => (/^[0-9a-f-]{36}$/.test(piece) ? piece : "…"));
}
