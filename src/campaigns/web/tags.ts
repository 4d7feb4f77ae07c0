import type { RequestHandler } from "express";
import { z } from "zod";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { goTo } from "../../platform/http/show.ts";
import { campaignFor } from "../policy.ts";
import { operationsTagged } from "../queries/tags.ts";
import { frameOf, listAt, operationAt, planOf } from "./shown.ts";

const PAGE = { page: "campaigns/tags/index" };

/** What a scanner reads leads straight to its operation; to the list when several answer (OPS-6). */
export const index: RequestHandler<{ id: string }> = async (req, res) => {
  const { etiquette = "" } = query(req, z.object({ etiquette: z.string().trim().max(255).optional() }));
  const tag = etiquette.normalize("NFC");
  const { standing, found } = await read(req, async (em) => {
    const seen = await campaignFor(em, req.user!, req.params.id, "operations.read");
    const { fields } = await planOf(em, req, seen.campaign);
    const keys = fields.filter(({ type, isUnique }) => isUnique && type === "short_text").map(({ code }) => code);
    return {
      standing: seen,
      found: tag === "" ? [] : await operationsTagged(em, seen.campaign.id, { tag, keys }),
    };
  });
  const [first, another] = found;
  if (first) return goTo(req, res, another ? withQuery(listAt(req.params), { q: tag }) : operationAt(first));
  res.show(PAGE, {
    title: "Chercher par étiquette",
    ...frameOf(req, standing, "operations", "Chercher par étiquette"),
    tag,
    listAt: listAt(req.params),
    searchAt: withQuery(listAt(req.params), { q: tag }),
  });
};
