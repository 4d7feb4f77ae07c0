import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { withQuery } from "../../platform/http/addresses.ts";
import { pageOf, query, read, submit } from "../../platform/http/forms.ts";
import { shortcutsOf } from "../../platform/http/shortcuts.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { MOST_PINS, movePin, pinCampaign, unpinCampaign } from "../pins.ts";
import { campaignFor } from "../policy.ts";
import { listPins } from "../queries/pins.ts";
import { AT, addressOf, badgeOf, CAMPAIGNS, HOME } from "./shown.ts";

const PAGE = { page: "campaigns/pins/index" };
export const PINS_AT = `${AT}/epinglees`;

type OfOne = Request<{ id: string }>;
const Way = z.enum(["up", "down"], "Choisissez monter ou descendre.").describe("Place");
/** What has just moved, for the next press of the same button. */
const Moved = z.object({ deplacee: z.uuid().optional(), sens: Way.optional() });

export const index: RequestHandler = (req, res) => show(req, res, { values: {} });

/** The pins of whoever reads, in the order of their menu (CAM-27). */
async function show(req: Request, res: Response, form: object): Promise<void> {
  const { deplacee, sens } = query(req, Moved);
  const pins = await read(req, (em) => listPins(em, req.user!));
  res.show(PAGE, {
    title: "Campagnes épinglées",
    crumbs: [HOME, CAMPAIGNS, { label: "Épinglées" }],
    most: MOST_PINS,
    pins: pins.map((pin, rank) => {
      const [isFirst, isLast] = [rank === 0, rank === pins.length - 1];
      return {
        ...pin,
        href: addressOf(pin),
        badge: badgeOf(pin),
        ways: [...(isFirst ? [] : [UP]), ...(isLast ? [] : [DOWN])].map((way) => ({
          ...way,
          isNext: pin.id === deplacee && (way.value === sens || isFirst || isLast),
        })),
      };
    }),
    form,
  });
}

const UP = { value: "up", label: "Monter", icon: "arrow-up" };
const DOWN = { value: "down", label: "Descendre", icon: "arrow-down" };

/** Whether whoever reads this page has it pinned, as its menu says. */
export const isPinned = (req: Request, campaign: { id: string }): boolean =>
  shortcutsOf(req).some(({ entries }) => entries.some(({ href }) => href === addressOf(campaign)));

/** Back to where the button was, when it is a page that has one. */
function backOf(req: OfOne): string {
  const page = pageOf(req);
  return page === addressOf(req.params) || page === AT || page.startsWith(`${AT}?`) ? page : PINS_AT;
}

const act = (req: OfOne, code: string, label: string, at = backOf(req)) => ({
  code,
  label,
  subject: () => aboutCampaign(req.params),
  at,
});

const campaignOf = async (em: EntityManager, req: OfOne): Promise<Campaign> =>
  (await campaignFor(em, req.user!, req.params.id)).campaign;

/** After a refusal, to whoever may know of this campaign. */
async function showAgain(req: OfOne, res: Response, form: object): Promise<void> {
  await read(req as unknown as Request, (em) => campaignOf(em, req));
  await show(req as unknown as Request, res, form);
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const said = act(req, "campaign.pinned", "Campagne épinglée");
  const form = await submit(req, z.object({}), said, async (_values, em) => {
    const campaign = await campaignOf(em, req);
    await pinCampaign(em, campaign, req.user!);
    return campaign.name;
  });
  if (form.errors) return showAgain(req, res, form);
  res.saved(PAGE, {}, { at: said.at, notice: `${form.result} est épinglée\u00a0: elle est dans votre menu.` });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const said = act(req, "campaign.unpinned", "Campagne détachée");
  const form = await submit(req, z.object({}), said, async (_values, em) => {
    const campaign = await campaignOf(em, req);
    await unpinCampaign(em, campaign, req.user!);
    return campaign.name;
  });
  if (form.errors) return showAgain(req, res, form);
  res.saved(PAGE, {}, { at: said.at, notice: `${form.result} n’est plus dans votre menu.` });
};

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const moved = (way?: "up" | "down") => withQuery(PINS_AT, { deplacee: req.params.id, sens: way });
  const said = { ...act(req, "campaign.pin_moved", "Campagnes épinglées rangées"), at: PINS_AT };
  const form = await submit(req, z.object({ way: Way }), said, async ({ way }, em) => {
    await movePin(em, await campaignOf(em, req), way, req.user!);
    return way;
  });
  if (form.errors) return showAgain(req, res, form);
  res.saved(PAGE, {}, { at: moved(form.result), notice: "Votre menu suit cet ordre." });
};
