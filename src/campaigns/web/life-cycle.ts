import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import type { PermissionCode } from "../../accounts/index.ts";
import { asError, read, submit } from "../../platform/http/forms.ts";
import { aboutCampaign, type Campaign, STATES } from "../campaign.ts";
import { putBack, startEarly, whyNot } from "../life-cycle.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { wasStarted } from "../queries/life-cycle.ts";
import { holdWorkflow } from "../queries/statuses.ts";
import { addressOf, frameOf, listAt } from "./shown.ts";

const PAGE = { page: "campaigns/life-cycle/show" };
const GOVERN = "campaigns.govern";

/** What may become of a campaign, each act with what it does, and why it is not to be done where it is not (UIX-13). */
function actsOf({ campaign, may, explain }: Standing, { isStarted }: { isStarted: boolean }) {
  const at = addressOf(campaign);
  const archived = campaign.isArchived() ? "Campagne archivée, lecture seule. Restaurez-la d’abord." : null;
  const act = (
    label: string,
    { icon, does, to, isDirect = false }: { icon: string; does: string; to: string; isDirect?: boolean },
    why: string | null,
    right: PermissionCode = GOVERN,
  ) => ({
    label,
    icon,
    does,
    at: `${at}/${to}`,
    isDirect,
    why: archived ?? why ?? (may(right) ? null : explain(right)),
  });
  return [
    act(
      "Publier",
      {
        icon: "send",
        does: "Elle sort de la préparation\u00a0: à venir, ou en cours si son premier jour est arrivé.",
        to: "publication",
      },
      whyNot.publish(campaign),
      "campaigns.publish",
    ),
    act(
      "Démarrer dès maintenant",
      {
        icon: "play-circle",
        does: "Elle passe en cours sans attendre son premier jour ni sa première opération démarrée.",
        to: "demarrage",
        isDirect: true,
      },
      whyNot.start(campaign),
    ),
    act(
      "Remettre à venir",
      {
        icon: "calendar-clock",
        does: "Elle attend de nouveau son premier jour. S’il est passé, repoussez-le d’abord dans les réglages\u00a0: elle redémarrerait la nuit suivante.",
        to: "remise-a-venir",
        isDirect: true,
      },
      whyNot.putBack(campaign, { isStarted }),
    ),
    act(
      "Terminer",
      {
        icon: "flag",
        does: "Elle se termine d’elle-même avec sa dernière opération. À la main, vous décidez de ce qui reste ouvert.",
        to: "cloture",
      },
      whyNot.finish(campaign),
    ),
    {
      label: "Rouvrir",
      icon: "refresh",
      does: "Elle se rouvre d’elle-même dès qu’une de ses opérations est rouverte, ou qu’une nouvelle y entre.",
      at: listAt(campaign),
      isDirect: false,
      why:
        archived ??
        (campaign.state === "finished"
          ? "Cela ne se demande pas\u00a0: rouvrez ou ajoutez une opération, ou annulez la clôture depuis l’historique."
          : "Seule une campagne terminée se rouvre."),
    },
    {
      ...act(
        campaign.isArchived() ? "Restaurer" : "Archiver",
        {
          icon: "archive",
          does: campaign.isArchived()
            ? "Elle revient dans les listes, dans l’état qu’elle avait."
            : "Elle quitte les listes\u00a0; elle se lit et ne se modifie plus.",
          to: "archivage",
        },
        null,
      ),
      why: may(GOVERN) ? null : explain(GOVERN),
    },
    act(
      "Supprimer",
      { icon: "x-circle", does: "Elle attend trente jours à la corbeille, puis s’efface.", to: "suppression" },
      null,
    ),
  ];
}

export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { standing, isStarted } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id);
    return { standing: found, isStarted: found.campaign.state === "active" && (await wasStarted(em, req.params.id)) };
  });
  res.show(PAGE, {
    title: `État – ${standing.campaign.name}`,
    ...frameOf(req, standing, "dashboard", "État"),
    states: STATES.map((one) => ({ ...one, isPresent: one.code === standing.campaign.state })),
    acts: actsOf(standing, { isStarted }),
  });
};

/** One click that moves a campaign: its page says what came of it, or why nothing did. */
const moving =
  (
    code: string,
    label: (campaign: Campaign) => string,
    notice: string,
    verb: (em: EntityManager, campaign: Campaign, said: { by: { id: string } }) => void | Promise<void>,
  ): RequestHandler<{ id: string }> =>
  async (req: Request<{ id: string }>, res) => {
    const at = addressOf(req.params);
    const act = {
      code,
      label: (_values: object, campaign: Campaign) => label(campaign),
      subject: () => aboutCampaign(req.params),
      at,
    };
    const form = await submit(req, z.object({}), act, async (_values, em) => {
      await holdWorkflow(em, req.params.id);
      const { campaign } = await campaignFor(em, req.user!, req.params.id, GOVERN);
      await verb(em, campaign, { by: { id: req.user!.id } });
      return campaign;
    });
    if (form.errors) throw asError(form);
    res.saved(PAGE, {}, { at, notice, undo: true });
  };

export const start = moving(
  "campaign.started",
  ({ name }) => `Démarrage de la campagne «\u00a0${name}\u00a0» avant son premier jour`,
  "La campagne est en cours.",
  startEarly,
);

export const putOff = moving(
  "campaign.put_back",
  ({ name }) => `Campagne «\u00a0${name}\u00a0» remise à venir`,
  "La campagne est de nouveau à venir.",
  putBack,
);
