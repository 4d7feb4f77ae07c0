import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { noteSecurity } from "../security-event.ts";
import { closeSupport, findSupport, MOST_SUPPORT_HOURS, openSupport, SupportAccess } from "../support-access.ts";
import { aboutTenant } from "../tenant.ts";
import { User } from "../user.ts";

const VIEW = { page: "accounts/support-accesses/index" };
const AT = "/admin/acces-support";
const SHOWN = 20;
const HOURS = `Écrivez un nombre d’heures de 1 à ${MOST_SUPPORT_HOURS}.`;

const OpenForm = z.object({
  hours: z.coerce.number(HOURS).int(HOURS).min(1, HOURS).max(MOST_SUPPORT_HOURS, HOURS).describe("Durée, en heures"),
  reason: z
    .string()
    .trim()
    .min(3, "Indiquez le motif, en quelques mots.")
    .max(200, "Raccourcissez le motif à 200 caractères.")
    .describe("Motif"),
});

export const index: RequestHandler = async (req, res) => {
  res.show(VIEW, await page(req, { values: {} }));
};

/** Nothing of the organisation is seen by the instance without this [ROL-2]. */
export const create: RequestHandler = async (req, res) => {
  const { id, tenantId } = req.user!;
  const act = {
    code: "support.opened",
    label: ({ hours }: { hours: number }) => `Accès de support ouvert pour ${fr.count(hours, "heure", "heures")}`,
    subject: () => aboutTenant({ id: tenantId }),
    reason: ({ reason }: { reason: string }) => reason,
    at: AT,
  };
  const form = await submit(req, OpenForm, act, async ({ hours, reason }, em) => {
    await openSupport(em, await em.findOneOrFail(User, { id }), { hours, reason, now: req.now });
    noteSecurity(em, req, { kind: "support.opened", userId: id, detail: { hours, reason } });
  });
  if (form.errors) return res.show(VIEW, await page(req, form));
  res.saved(VIEW, {}, { at: AT, notice: "L’accès de support est ouvert. Fermez-le dès que c’est réglé." });
};

export const close: RequestHandler = async (req, res) => {
  const { id, tenantId } = req.user!;
  const act = {
    code: "support.closed",
    label: "Accès de support fermé",
    subject: () => aboutTenant({ id: tenantId }),
    at: AT,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    await closeSupport(em, tenantId, { now: req.now });
    noteSecurity(em, req, { kind: "support.closed", userId: id });
  });
  if (form.errors) return res.show(VIEW, await page(req, form));
  const gone = req.user!.support !== null;
  res.saved(VIEW, {}, { at: gone ? "/connexion" : AT, notice: "L’accès de support est fermé." });
};

async function page(req: Request, form: object) {
  const { open, accesses } = await read(req, async (em) => ({
    open: await findSupport(em, req.now),
    accesses: await em.find(SupportAccess, {}, { orderBy: { id: "desc" }, limit: SHOWN, populate: ["user"] }),
  }));
  return {
    title: "Accès de support",
    crumbs: [
      { label: "Accueil", href: "/" },
      { label: "Organisation", href: "/admin/organisation" },
      { label: "Accès de support" },
    ],
    most: MOST_SUPPORT_HOURS,
    open: open && { until: open.expiresAt, reason: open.reason, by: open.user.name() },
    accesses: accesses.map((one) => ({
      at: one.createdAt,
      end: one.closedAt ?? one.expiresAt,
      by: one.user.name(),
      reason: one.reason,
      badge: one.isOpen(req.now)
        ? { icon: "unlock", label: "Ouvert", tone: "warning" }
        : one.closedAt
          ? { icon: "lock", label: "Fermé", tone: "neutral" }
          : { icon: "clock", label: "Terminé", tone: "neutral" },
    })),
    form,
  };
}
