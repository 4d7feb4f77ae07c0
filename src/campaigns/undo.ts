import { holdTenant } from "../accounts/index.ts";
import type { Undo } from "../platform/db/undo.ts";

/** Its owner's acts are undone by its owner, whatever became of their roles on other campaigns. */
const OWN = (campaign: string) => `${campaign}.owner_id = who.id`;
const ARCHIVED = "Campagne archivée, lecture seule. Restaurez-la d’abord.";

export const campaignUndo: Undo = {
  right: "campaigns.govern",
  unless: OWN("t"),
  created: "delete",
  rules: [
    // Coming back from the archive, or going to it, is what such an act did; anything else waits.
    { when: "t.state = 'archived' and w.state = 'archived'", why: ARCHIVED },
    {
      when: "w.state <> 'archived' and exists (select from campaign o where o.tenant_id = w.tenant_id and o.id <> w.id and o.state <> 'archived' and folded(o.name) = folded(w.name))",
      why: "Une autre campagne porte maintenant ce nom.",
    },
  ],
};

/** SQL: the campaign of a part, where `t` is the part now and `w` the part again. */
const CAMPAIGN = "(select c from campaign c where c.tenant_id = w.tenant_id and c.id = w.campaign_id)";

export const grantUndo: Undo = {
  right: "campaigns.govern",
  unless: `exists (select from campaign c where c.tenant_id = coalesce(w.tenant_id, t.tenant_id) and c.id = coalesce(w.campaign_id, t.campaign_id) and ${OWN("c")})`,
  created: "delete",
  rules: [{ when: `(${CAMPAIGN}).state = 'archived'`, why: ARCHIVED }],
};

/** A type comes back under the rule its own page follows: one name each [TYP-1]. */
export const typeUndo: Undo = {
  right: "catalogue.edit",
  created: "delete",
  rules: [
    {
      when: "exists (select from operation_type o where o.tenant_id = w.tenant_id and o.id <> w.id and public.folded(o.name) = public.folded(w.name))",
      why: "Un autre type d’opération a maintenant ce nom.",
    },
  ],
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
};
