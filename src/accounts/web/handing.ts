import type { Request } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";

/** The field by which a form says how a link goes to its person. */
export const HANDED = z
  .enum(["courriel", "lien"], "Dites comment remettre le lien.")
  .optional()
  .describe("Remise du lien");

/** How a link goes to its person: by mail when this instance sends some, unless who asks wants to hand it over. */
export function goesByMail(req: Request, way: "courriel" | "lien" | undefined): boolean {
  const { sendsMail = false } = req.config;
  if (way === "courriel" && !sendsMail) {
    throw new RuleBroken("Cette instance n’envoie pas de courriel\u00a0: choisissez un lien à remettre.", "by");
  }
  return sendsMail && way !== "lien";
}
