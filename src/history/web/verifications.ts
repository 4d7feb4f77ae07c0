import type { RequestHandler } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { asDownload } from "../../platform/http/download.ts";
import { read, submit } from "../../platform/http/forms.ts";
import type { Services } from "../../platform/services.ts";
import { SYSTEM } from "../channels.ts";
import { Heads, headsFolder } from "../heads.ts";
import { askVerification, recentVerifications } from "../verification.ts";

const VIEW = { page: "history/verifications/index", part: "history/verifications/_list" };

/** What the last recomputations of the chain found (HIS-7). */
export const index: RequestHandler = async (req, res) => {
  const verifications = await read(req, async (em) => {
    const found = await recentVerifications(em);
    const names = await findUserNames(
      em,
      found.flatMap(({ askedById }) => askedById ?? []),
    );
    return found.map((one) => ({
      id: one.id,
      askedAt: one.createdAt,
      by: one.askedById ? (names.get(one.askedById) ?? "Compte inconnu") : SYSTEM,
      isRunning: one.isRunning(),
      isIntact: one.isIntact(),
      verified: one.verified,
      signedUpTo: one.signedUpTo,
      finishedAt: one.finishedAt ?? null,
      brokenNumber: one.brokenNumber ?? null,
      brokenReason: one.brokenReason ?? null,
    }));
  });
  res.show(VIEW, { verifications, isRunning: verifications.some((one) => one.isRunning) });
};

/** The last signed head as a file to keep elsewhere: whoever has it can tell that what it covers was rewritten (HIS-7). */
export const attestation: RequestHandler = async (req, res) => {
  const { varDir, historyKey, pastHistoryKeys } = req.app.locals.services as Services;
  const found = await new Heads(headsFolder(varDir), historyKey, pastHistoryKeys).attestation(req.user!.tenantId);
  if (!found) throw new NotFound("Aucun acte n’est encore scellé : revenez dans une seconde.");
  asDownload(res, `attestation-historique-${found.from + found.hashes.length - 1}.json`).json(found);
};

export const create: RequestHandler = async (req, res) => {
  const { tenantId, id } = req.user!;
  await submit(
    req,
    z.object({}),
    {
      code: "history.verification_asked",
      label: "Vérification de l’historique demandée",
      subject: (_values, asked: { id: string }) => ({ type: "verification", id: asked.id }),
    },
    (_values, em) => askVerification(em, { tenantId, by: id }),
  );
  res.saved(
    { page: VIEW.page },
    {},
    {
      at: "/admin/historique/verification",
      notice: "La vérification a commencé. Vous pouvez quitter cette page, le résultat y restera.",
    },
  );
};
