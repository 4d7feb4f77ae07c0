import type { Request } from "express";
import { checkPassword, hashPassword, type PasswordPreset, wordsAbout } from "../password.ts";

export type ChosenPassword = { hash: string } | { problem: string };

/**
 * Judges and hashes a password as it arrives, before any transaction: both take a while. The same check serves every
 * place where one is chosen, with a sentence for each missing criterion [ACC-5].
 */
export async function choosePassword(
  req: Pick<Request, "body">,
  field: string,
  { preset, ...about }: { preset: PasswordPreset; names: string[]; email: string; tenant: string },
): Promise<ChosenPassword> {
  const typed: unknown = req.body?.[field];
  // Absent, repeated or unreadable: the form says so by its own rules.
  if (typeof typed !== "string" || typed === "") return { problem: "Choisissez un mot de passe." };
  const { ok, problems } = await checkPassword(typed, { preset, words: wordsAbout(about) });
  return ok ? { hash: await hashPassword(typed) } : { problem: problems.map(({ message }) => message).join(" ") };
}
