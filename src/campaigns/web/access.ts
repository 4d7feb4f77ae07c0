import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { allows, listGroups } from "../../accounts/index.ts";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import {
  aboutCampaign,
  type Campaign,
  setVisibility,
  transferCampaign,
  VISIBILITIES,
  type Visibility,
} from "../campaign.ts";
import { CampaignGrant, type Grantee, giveGrant, LETTERS, withdrawGrant } from "../grant.ts";
import { campaignFor } from "../policy.ts";
import { listGrants, listPeople } from "../queries/grants.ts";
import { current } from "./campaigns.ts";
import { addressOf, frameOf } from "./shown.ts";

const PAGE = { page: "campaigns/access/index" };
const UNTOUCHED = { values: {} };

type OfOne = Request<{ id: string }>;
interface Forms {
  grant: object;
  visibility: object;
  owner: object;
}

const by = (req: Request) => ({ by: { id: req.user!.id } });
const accessOf = ({ id }: { id: string }) => `${addressOf({ id })}/acces`;

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, {});

async function show(req: OfOne, res: Response, forms: Partial<Forms>): Promise<void> {
  const shown = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, "grants.edit");
    return {
      standing,
      grants: await listGrants(em, standing.campaign.id),
      people: await listPeople(em),
      owners: standing.may("campaigns.govern") ? await listPeople(em, { managing: true }) : [],
      groups: await listGroups(em),
    };
  });
  const { standing, grants, people, owners, groups } = shown;
  const { campaign, may, holds } = standing;
  const open = !campaign.isArchived();
  res.show(PAGE, {
    title: "Accès",
    ...frameOf(req, standing, "access", "Accès"),
    grants: grants.map((grant) => ({
      ...grant,
      words: fr.list(LETTERS.filter(({ value }) => grant.letters.includes(value)).map(({ label }) => label)),
      canWithdraw: open && (holds === null || grant.letters.every((letter) => holds.has(letter))),
    })),
    grantees: [
      { value: "", label: "Choisir…" },
      ...people
        .filter(({ value }) => value !== campaign.owner.id)
        .map(({ value, label }) => ({ value: `u.${value}`, label })),
      ...groups.map(({ id, name }) => ({ value: `g.${id}`, label: `Groupe ${name}` })),
    ],
    letters: LETTERS.map((letter) => ({ ...letter, disabled: holds !== null && !holds.has(letter.value) })),
    visibilities: VISIBILITIES,
    owners: owners.filter(({ value }) => value !== campaign.owner.id),
    owner: campaign.owner.name(),
    mayGrant: open && may("grants.edit"),
    visibility: VISIBILITIES.find(({ value }) => value === campaign.visibility)!,
    maySee: open && may("campaigns.visibility"),
    mayTransfer: open && may("campaigns.govern"),
    // Of an archived one, its head says that it is read-only.
    whyNotSee: may("campaigns.visibility") ? "" : standing.explain("campaigns.visibility"),
    whyNotTransfer: may("campaigns.govern") ? "" : standing.explain("campaigns.govern"),
    // Gives the page its status.
    form: forms.grant ?? forms.visibility ?? forms.owner ?? UNTOUCHED,
    forms: { grant: UNTOUCHED, visibility: UNTOUCHED, owner: UNTOUCHED, ...forms },
  });
}

const GrantForm = z.object({
  grantee: z
    .string()
    .regex(/^[ug]\.[0-9a-f-]{36}$/, "Choisissez une personne ou un groupe de la liste.")
    .describe("À qui"),
  letters: z
    .array(z.enum(LETTERS.map(({ value }) => value)))
    .max(LETTERS.length)
    .default([])
    .describe("Habilitations"),
});

const granteeOf = (text: string): Grantee => {
  const id = text.slice(2);
  if (!z.uuid().safeParse(id).success) {
    throw new RuleBroken("Choisissez une personne ou un groupe de la liste.", "grantee");
  }
  return text.startsWith("u.") ? { userId: id } : { groupId: id };
};

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = accessOf(req.params);
  const act = {
    code: "campaign.grant_given",
    label: (_values: object, { name }: Campaign) => `Habilitation sur la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, GrantForm, act, async ({ grantee, letters }, em) => {
    const { campaign, holds } = await campaignFor(em, req.user!, req.params.id, "grants.edit");
    await giveGrant(em, campaign, granteeOf(grantee), letters, { ...by(req), holds });
    return campaign;
  });
  if (form.errors) return show(req, res, { grant: form });
  res.saved(PAGE, {}, { at, notice: "L’habilitation est donnée\u00a0: elle vaut dès maintenant.", undo: true });
};

export const destroy: RequestHandler<{ id: string; grant: string }> = async (req, res) => {
  const at = accessOf(req.params);
  const act = {
    code: "campaign.grant_withdrawn",
    label: (_values: object, { name }: Campaign) => `Habilitation retirée sur la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const { campaign, holds } = await campaignFor(em, req.user!, req.params.id, "grants.edit");
    const grant = await em.findOne(CampaignGrant, { id: req.params.grant, campaign: { id: campaign.id } });
    if (!grant) throw new NotFound("Cette habilitation n’est plus là. Revenez à la page des accès.");
    withdrawGrant(em, campaign, grant, { ...by(req), holds });
    return campaign;
  });
  if (form.errors) return show(req, res, { grant: form });
  res.saved(PAGE, {}, { at, notice: "L’habilitation est retirée\u00a0: elle ne vaut plus.", undo: true });
};

const VisibilityForm = z.object({
  visibility: z
    .enum(VISIBILITIES.map(({ value }) => value) as [Visibility, ...Visibility[]], "Choisissez l’une des deux.")
    .describe("Visibilité"),
});

export const updateVisibility: RequestHandler<{ id: string }> = async (req, res) => {
  const at = accessOf(req.params);
  const act = {
    code: "campaign.visibility_changed",
    label: (_values: object, { name }: Campaign) => `Visibilité de la campagne «\u00a0${name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
    current: current(req, ({ visibility }) => ({
      visibility: VISIBILITIES.find(({ value }) => value === visibility)!.label,
    })),
  };
  const form = await submit(req, VisibilityForm, act, async ({ visibility }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.visibility");
    await atVersion(em, campaign, sent);
    setVisibility(em, campaign, visibility, by(req));
    return campaign;
  });
  if (form.errors) return show(req, res, { visibility: form });
  res.saved(PAGE, {}, { at, notice: "La visibilité est changée.", undo: true });
};

const OwnerForm = z.object({ owner: z.uuid("Choisissez une personne de la liste.").describe("Propriétaire") });

export const updateOwner: RequestHandler<{ id: string }> = async (req, res) => {
  const act = {
    code: "campaign.transferred",
    label: (_values: object, { name, owner }: Campaign) => `Campagne «\u00a0${name}\u00a0» transmise à ${owner.name()}`,
    subject: () => aboutCampaign(req.params),
    // Who gave it away may not see it any more (CAM-22).
    at: "/campagnes",
    current: current(req, ({ owner }) => ({ owner: owner.name() })),
  };
  const form = await submit(req, OwnerForm, act, async ({ owner }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.govern");
    await atVersion(em, campaign, sent);
    await transferCampaign(em, campaign, owner, by(req));
    return campaign;
  });
  if (form.errors) return show(req, res, { owner: form });
  const notice = `La campagne est transmise à ${form.result.owner.name()}. Vous ne gardez que ce qui vous est habilité.`;
  // Who gave it away takes it back only as an administrator.
  res.saved(PAGE, {}, { at: "/campagnes", notice, undo: allows(req.user!.roles, "campaigns.govern") });
};
