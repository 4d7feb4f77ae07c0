import { createHash } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { readFields } from "../../platform/http/fields.ts";
import { hit } from "../../platform/http/rate.ts";
import { goTo } from "../../platform/http/show.ts";
import { askReset, DEAD_RESET, resetPassword } from "../reset.ts";
import { tidyEmail } from "../user.ts";
import { passwordLink } from "./password-link.ts";

const ASK = { page: "accounts/resets/new" };
const ASKED = { page: "accounts/resets/asked" };

const PER_NETWORK = { limit: 20, windowSeconds: 900 };
/** Messages to one mailbox; beyond, nothing more is written and the answer stays the same. */
const MOST_PER_ADDRESS = 3;
const ADDRESS_SECONDS = 3_600;

export const new_: RequestHandler = (req, res) => showAsk(req, res, { values: {} });

function showAsk(req: Request, res: Response, form: object): void {
  res.show(ASK, { title: "Mot de passe oublié", sendsMail: req.config.sendsMail === true, form });
}

const AskForm = z.object({ email: z.string().describe("Adresse électronique") });

/** One answer for every address, after the same work [ACC-8]; no act: an account changes only when its link is used. */
export const create: RequestHandler = async (req, res) => {
  await hit(req, "reset", PER_NETWORK);
  const { typed, input } = readFields(AskForm, req.body);
  const email = typeof input.email === "string" ? tidyEmail(input.email) : "";
  const refuse = (errors: Record<string, string>) => showAsk(req, res, { values: typed, errors });
  if (!/^[^\s@]+@[^\s@]+$/.test(email) || email.length > 254) {
    return refuse({ email: "Écrivez votre adresse entière, par exemple prenom.nom@exemple.fr." });
  }
  const mailbox = createHash("sha256").update(email).digest("hex").slice(0, 32);
  const asked = await req.count(`reset-of:${mailbox}`, ADDRESS_SECONDS, req.now);
  if (asked <= MOST_PER_ADDRESS) await askReset(req.db, email, req);
  goTo(req, res, "/mot-de-passe-oublie/demande");
};

export const asked: RequestHandler = (req, res) => {
  res.show(ASKED, { title: "Demande reçue", sendsMail: req.config.sendsMail === true });
};

/** The page of the link that was sent: its form gives the account another password, and closes its sessions [ACC-8]. */
export const { show, update } = passwordLink({
  view: { page: "accounts/resets/show" },
  path: "/nouveau-mot-de-passe",
  purpose: "reset",
  settled: true,
  dead: DEAD_RESET,
  title: () => "Nouveau mot de passe",
  act: { code: "user.password_reset", label: "Mot de passe oublié, un nouveau est choisi" },
  kind: "password.reset",
  use: resetPassword,
  notice: "Votre mot de passe est changé et vos sessions sont fermées. Connectez-vous.",
});
