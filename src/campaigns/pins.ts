import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type SignedIn, User } from "../accounts/index.ts";
import { tenantTable } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { Campaign } from "./campaign.ts";
import { holdPins, writePins } from "./queries/pins.ts";

export const MOST_PINS = 10;

/**
 * The campaigns a person keeps at hand, in the order they chose: one row a person, under their own id; written by the verbs
 * below. No foreign key to campaigns: one that is gone, or not theirs to see any more, is passed over and leaves with the next change.
 */
export const CampaignPinsSchema = defineEntity({
  name: "CampaignPins",
  tableName: "campaign_pins",
  ...tenantTable,
  checks: [{ name: "campaign_pins_few", expression: `cardinality(campaign_ids) <= ${MOST_PINS}` }],
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    user: () =>
      p
        .manyToOne(User)
        .joinColumns("tenant_id", "id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    campaignIds: p.array().columnType("uuid[]"),
  },
});

/** Last of this person's pins; one pinned already stays where it is. Refused past ten (CAM-27), of an archived campaign too (rulings 27). */
export async function pinCampaign(em: EntityManager, { id }: Pick<Campaign, "id">, user: SignedIn): Promise<void> {
  const pins = await holdPins(em, user);
  if (pins.includes(id)) return;
  if (pins.length >= MOST_PINS) {
    throw new RuleBroken(`Vous épinglez déjà ${MOST_PINS} campagnes, le plus possible\u00a0: détachez-en une d’abord.`);
  }
  await writePins(em, user, [...pins, id]);
}

/** No more of this person's pins (CAM-27). */
export async function unpinCampaign(em: EntityManager, { id }: Pick<Campaign, "id">, user: SignedIn): Promise<void> {
  const pins = await holdPins(em, user);
  await writePins(
    em,
    user,
    pins.filter((one) => one !== id),
  );
}

/** One place up or down among this person's pins (CAM-27). */
export async function movePin(
  em: EntityManager,
  { id }: Pick<Campaign, "id">,
  way: "up" | "down",
  user: SignedIn,
): Promise<void> {
  const pins = await holdPins(em, user);
  const from = pins.indexOf(id);
  const to = from + (way === "up" ? -1 : 1);
  if (from < 0) throw new RuleBroken("Cette campagne n’est pas épinglée.");
  if (to < 0 || to >= pins.length) throw new RuleBroken("Cette campagne est déjà au bout de la liste.");
  await writePins(em, user, pins.toSpliced(from, 1).toSpliced(to, 0, id));
}
