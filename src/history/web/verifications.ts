import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { asDownload } from "../../platform/http/download.ts";
import { read, submit } from "../../platform/http/forms.ts";
import type { Services } from "../../platform/services.ts";
import { SYSTEM } from "../channels.ts";
import { Heads, headsFolder } from "../heads.ts";
import { lastSequence } from "../queries.ts";
import { askVerification, recentVerifications, stoppedAmong } from "../verification.ts";

const VIEW = { page: "history/verifications/index", part: "history/verifications/_list" };

/** What the last recomputations of the chain found (HIS-7). */
export const index: RequestHandler = async (req, res) => {
  const erased = (await headsOf(req).checkpoints(req.user!.tenantId)).at(-1) ?? null;
  const { verifications, total } = await read(req, async (em) => {
    const found = await recentVerifications(em);
    const stopped = await stoppedAmong(em, found, req.now);
    const names = await findUserNames(
      em,
      found.flatMap(({ askedById }) => askedById ?? []),
    );
    const verifications = found.map((one) => ({
      id: one.id,
      askedAt: one.createdAt,
      by: one.askedById ? (names.get(one.askedById) ?? "Compte inconnu") : SYSTEM,
      isRunning: one.isRunning() && !stopped.has(one.id),
      isStopped: stopped.has(one.id),
      isIntact: one.isIntact(),
      verified: one.verified,
      signedUpTo: one.signedUpTo,
      finishedAt: one.finishedAt ?? null,
      brokenNumber: one.brokenNumber ?? null,
      brokenReason: one.brokenReason ?? null,
    }));
    return { verifications, total: (await lastSequence(em)) - (erased?.upTo ?? 0) };
  });
  res.show(VIEW, { verifications, total, erased, running: verifications.find((one) => one.isRunning) ?? null });
};

/** The last signed head as a file to keep elsewhere: whoever has it can tell that what it covers was rewritten (HIS-7). */
export const attestation: RequestHandler = async (req, res) => {
  const found = await headsOf(req).attestation(req.user!.tenantId);
  if (!found) throw new NotFound("Aucun acte n’est encore scellé : revenez dans une seconde.");
  asDownload(res, `attestation-historique-${found.from + found.hashes.length - 1}.json`).json(found);
};

function headsOf(req: Request): Heads {
  const { varDir, historyKey, pastHistoryKeys } = req.app.locals.services as Services;
  return new Heads(headsFolder(varDir), historyKey, pastHistoryKeys);
}

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
    async (_values, em) => {
      const found = await recentVerifications(em);
      const stopped = await stoppedAmong(em, found, req.now);
      if (found.some((one) => one.isRunning() && !stopped.has(one.id))) {
        throw new RuleBroken(
          "Une vérification est déjà en cours\u00a0: revenez à sa page, son résultat s’y affichera.",
        );
      }
      return askVerification(em, { tenantId, by: id });
    },
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
