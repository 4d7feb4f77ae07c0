import type { Request, Response } from "express";
import { ownOrigins } from "./origin.ts";
import { ownPath, safePath } from "./safe-path.ts";
import type { Guards } from "./types.ts";

const RECENT_MS = 15 * 60_000;

/** How each proof is asked for again, and the sentence of its refusal. */
const PROOFS = {
  password: {
    field: "_password",
    title: "Confirmer votre mot de passe",
    problem: "Ce mot de passe n’est pas le bon. Vérifiez-le et tapez-le de nouveau.",
  },
  code: {
    field: "_code",
    title: "Confirmer avec votre téléphone",
    problem:
      "Ce code ne convient pas. Tapez celui qui s’affiche maintenant, s’il n’a pas déjà servi, ou un code de récupération.",
  },
};
const FIELDS: readonly string[] = ["_csrf", "_back", ...Object.values(PROOFS).map(({ field }) => field)];

/**
 * Lets through who typed their password or code in the last 15 minutes, or types it now (ACC-11). Otherwise shows one
 * page that carries the whole form, key included, to the same address: nothing typed is lost, and it works without script.
 */
export async function isRecentlyConfirmed(req: Request, res: Response, guards: Guards): Promise<boolean> {
  if (req.now.getTime() - req.user!.authenticatedAt.getTime() < RECENT_MS) return true;

  const proof = guards.proof(req.user!);
  const { field, title, problem } = PROOFS[proof];
  const sent: unknown = req.body?.[field];
  const typed = typeof sent === "string" && sent !== "";
  if (typed && (await guards.confirm(req, sent))) return true;

  res.show(
    { page: "/errors/confirmation" },
    {
      title,
      proof,
      action: req.originalUrl,
      // The page that held the form, kept through a second try.
      back: safePath(req.body?._back ?? ownPath(req.headers.referer, ownOrigins(req))),
      fields: sentFields(req.body ?? {}),
      form: { values: {}, ...(typed && { errors: { [field]: problem } }) },
    },
    { status: 403 },
  );
  return false;
}

/** Every field as it was sent, to be sent again; the token is the page's own. */
function sentFields(body: Record<string, unknown>): { name: string; value: string }[] {
  return Object.entries(body)
    .filter(([name]) => !FIELDS.includes(name))
    .flatMap(([name, sent]) => [sent].flat().map((value) => ({ name, value })))
    .filter((field): field is { name: string; value: string } => typeof field.value === "string");
}
