import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { TYPE_LABELS } from "../../fields/index.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { acceptType, compareWithType, type FieldLine, isOfferedIn, refuseType } from "../type-offer.ts";
import { Replacements, replacementsOf } from "./campaign-workflows.ts";
import { addressOf, frameOf } from "./shown.ts";

/** What a type became since a campaign took it, to accept or to refuse (TYP-4). */

const PAGE = { page: "campaigns/type-offers/show" };
const CONFIGURE = "campaigns.configure";

type OfOne = Request<{ id: string }>;

const KINDS = {
  added: { label: "Ajouté", tone: "success", icon: "plus" },
  changed: { label: "Modifié", tone: "primary", icon: "pencil" },
  removed: { label: "Retiré", tone: "warning", icon: "archive" },
};

const zoneOf = (req: Request, campaign: Campaign) => campaign.zone ?? req.user!.tenant.zone;

export const show: RequestHandler<{ id: string }> = (req, res) => showOffer(req, res, { values: {} });

async function showOffer(req: OfOne, res: Response, form: { values: Record<string, unknown> }): Promise<void> {
  const { standing, offer } = await read(
    req,
    async (em) => {
      const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
      const { campaign } = found;
      return { standing: found, offer: await compareWithType(em, { campaign, zone: zoneOf(req, campaign) }) };
    },
    { isLong: true },
  );
  const { campaign } = standing;
  const chosen = replacementsOf(form.values);
  const statuses = campaign.type?.workflow.statuses ?? [];
  res.show(PAGE, {
    title: "Changements du type",
    ...frameOf(req, standing, "settings", "Changements du type"),
    // Said here in full.
    offerAt: null,
    isOpen: isOfferedIn(campaign),
    type: campaign.type,
    offer: offer && {
      ...offer,
      fields: offer.fields.map((line) => ({ ...line, badge: KINDS[line.kind], told: toldOf(line) })),
      isNothing: offer.fields.length === 0 && offer.workflow.length === 0 && !offer.duration,
      orphaned: offer.orphaned.map(({ status, count }) => ({
        ...status,
        count,
        chosen: chosen.get(status.code) ?? "",
        options: [{ value: "", label: "Choisir" }, ...statuses.map(({ code, label }) => ({ value: code, label }))],
      })),
    },
    form,
  });
}

function toldOf({ kind, to, words }: FieldLine): string {
  if (kind === "removed") return "Ses valeurs sont gardées trente jours pour qui annule.";
  return kind === "added" ? fr.list([TYPE_LABELS[to!.type], ...words]) : `${words.join("\u202f; ")}.`;
}

/** One form, two buttons: both send the same. */
const Answer = z.object({ seen: z.string().max(50).default("").describe("Comparaison"), ...Replacements });

const acting = (req: OfOne, code: string, words: string) => ({
  code,
  label: (_values: object, { campaign }: { campaign: Campaign }) =>
    `Changements du type «\u00a0${campaign.type!.name}\u00a0» ${words} dans «\u00a0${campaign.name}\u00a0»`,
  subject: () => aboutCampaign(req.params),
});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = { ...acting(req, "campaign.type_followed", "acceptés"), at, isLong: true as const };
  const form = await submit(req, Answer, act, async (sent, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const said = { by: { id: req.user!.id }, now: req.now };
    const replacements = replacementsOf(sent);
    const obeyed = { campaign, zone: zoneOf(req, campaign) };
    return { campaign, ...(await acceptType(em, obeyed, { seen: sent.seen, replacements, ...said })) };
  });
  if (form.errors) return showOffer(req, res, form);
  const { moved, refused } = form.result;
  const told = [
    moved > 0 && fr.count(moved, "opération a changé de statut", "opérations ont changé de statut"),
    refused > 0 && `${fr.count(refused, "valeur mise de côté", "valeurs mises de côté")} sur la page de son champ`,
  ].filter((words) => words !== false);
  const notice = `La campagne suit son type tel qu’il est${told.length > 0 ? `\u00a0: ${fr.list(told)}` : ""}.`;
  res.saved(PAGE, {}, { at, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const act = { ...acting(req, "campaign.type_refused", "refusés"), at };
  const form = await submit(req, Answer, act, async ({ seen }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    await refuseType(em, { campaign, zone: zoneOf(req, campaign) }, { seen, by: { id: req.user!.id } });
    return { campaign };
  });
  if (form.errors) return showOffer(req, res, form);
  const notice = "La campagne reste comme elle est\u00a0; un changement suivant du type sera proposé.";
  res.saved(PAGE, {}, { at, notice, undo: true });
};
