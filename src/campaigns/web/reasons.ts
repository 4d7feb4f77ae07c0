import type { Request, RequestHandler } from "express";
import { type PermissionCode, rightInWords, roleLabel } from "../../accounts/index.ts";
import { read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { LETTERS } from "../grant.ts";
import { campaignFor, givenBy, type Standing, type Way } from "../policy.ts";
import { type HeldGrant, heldOn } from "../queries/grants.ts";
import { frameOf } from "./shown.ts";

const PAGE = { page: "campaigns/reasons/show" };

/** The rights a campaign's pages ask for, in the order one meets them. */
export const CAMPAIGN_RIGHTS: readonly PermissionCode[] = [
  "campaigns.see",
  "operations.read",
  "operations.execute",
  "operations.manage",
  "operations.delete",
  "bookings.place",
  "rows.export",
  "campaigns.configure",
  "campaigns.publish",
  "campaigns.clone",
  "grants.edit",
  "campaigns.visibility",
  "campaigns.govern",
  "campaigns.undo",
];

/** « Pourquoi je vois cette campagne ? » : what whoever reads may do here, and where each right comes from (UIX-13). */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const user = req.user!;
  const { standing, held } = await read(req, async (em) => ({
    standing: await campaignFor(em, user, req.params.id),
    held: await heldOn(em, req.params.id, user.id),
  }));
  const ways = waysOf(req, standing, held)
    .map((way) => ({ ...way, rights: givenBy(user, way, CAMPAIGN_RIGHTS) }))
    .filter(({ rights }) => rights.length > 0);
  res.show(PAGE, {
    title: "Pourquoi je vois cette campagne",
    ...frameOf(req, standing, standing.may("grants.edit") ? "access" : "dashboard", "Pourquoi je la vois"),
    ways: ways.map(({ source, rights }) => ({ source, count: rights.length })),
    rights: CAMPAIGN_RIGHTS.map((code) => {
      const { label, holders } = rightInWords(code);
      const from = ways.flatMap(({ source, rights }) => (rights.includes(code) ? source : [])).join("\u00a0; ");
      return { label: `${label[0]!.toUpperCase()}${label.slice(1)}`, isHeld: from !== "", from, holders };
    }),
  });
};

/** All that may open a campaign to its reader, whatever it gives. */
function waysOf(req: Request, { campaign }: Standing, held: { grants: HeldGrant[]; assigned: number }): Way[] {
  const { roles, id } = req.user!;
  const words = (letters: HeldGrant["letters"]) =>
    fr.list(LETTERS.filter(({ value }) => letters.includes(value)).map(({ label }) => `«\u00a0${label}\u00a0»`));
  const ways: Way[] = roles.map((role) => ({
    source: `votre rôle, ${roleLabel(role).toLowerCase()}`,
    role,
    relation: null,
  }));
  if (campaign.owner.id === id) {
    ways.push({ source: "vous en êtes propriétaire", relation: { owner: true } });
  }
  for (const role of roles) {
    const source = `campagne publique, et vous êtes ${roleLabel(role).toLowerCase()}`;
    ways.push({ source, role, relation: { visibility: campaign.visibility } });
  }
  for (const { group, letters } of held.grants) {
    const to = group === null ? "une habilitation à votre nom" : `une habilitation du groupe ${group}`;
    ways.push({ source: `${to}, ${words(letters)}`, relation: { grants: new Set(letters) } });
  }
  if (held.assigned > 0 && campaign.state !== "draft") {
    const source = fr.count(held.assigned, "opération vous est affectée", "opérations vous sont affectées");
    ways.push({ source, relation: { assigned: true } });
  }
  return ways;
}
