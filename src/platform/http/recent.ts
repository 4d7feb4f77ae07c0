import type { Request, Response } from "express";
import type { Guards } from "./types.ts";

const RECENT_MS = 15 * 60_000;

/**
 * Lets through who typed their password in the last 15 minutes, or types it now (ACC-11). Otherwise shows one page that
 * carries the whole form, key included, to the same address: nothing typed is lost, and it works without script.
 */
export async function isRecentlyConfirmed(req: Request, res: Response, guards: Guards): Promise<boolean> {
  if (req.now.getTime() - req.user!.authenticatedAt.getTime() < RECENT_MS) return true;

  const password: unknown = req.body?._password;
  const typed = typeof password === "string" && password !== "";
  if (typed && (await guards.confirm(req, password))) return true;

  const problem = "Ce mot de passe n’est pas le bon. Vérifiez-le et tapez-le de nouveau.";
  res.show(
    { page: "/errors/confirmation" },
    {
      title: "Confirmer votre mot de passe",
      action: req.originalUrl,
      fields: sentFields(req.body ?? {}),
      form: { values: {}, ...(typed && { errors: { _password: problem } }) },
    },
    { status: 403 },
  );
  return false;
}

/** Every field as it was sent, to be sent again; the token is the page's own. */
function sentFields(body: Record<string, unknown>): { name: string; value: string }[] {
  return Object.entries(body)
    .filter(([name]) => name !== "_csrf" && name !== "_password")
    .flatMap(([name, sent]) => [sent].flat().map((value) => ({ name, value })))
    .filter((field): field is { name: string; value: string } => typeof field.value === "string");
}
