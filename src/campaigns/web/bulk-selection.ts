import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { type Bulk, chooseBulk, MOST_TICKED, NOTHING_TICKED, rightFor } from "../bulk.ts";
import { BULK_ACTIONS, BULK_CODES, BulkWish } from "../bulk-wish.ts";
import type { OperationFilters } from "../operation-filter.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { asksNothing, bulkAt, freeze, VIEW } from "./one-bulk.ts";
import { listAt } from "./shown.ts";

/** What the list of operations sends of a bulk action: which rows, and what to do with them. */

const MANAGE = "operations.manage";
const LONGEST_FILTER = 8_000;
/** Changes nothing, and so is no act: its page is that of exports. */
const EXPORT = "export";

/** What a list offers this person to do with its rows, and its filter as a form repeats it; null for nothing (OPS-13). */
export function bulkOf(
  { campaign, may }: Standing,
  { kept, isFiltered }: Pick<OperationFilters, "kept" | "isFiltered">,
) {
  const open = campaign.isArchived() ? [] : BULK_CODES.filter((action) => may(rightFor(action)));
  if (open.length === 0) return null;
  const filter = new URLSearchParams();
  for (const [name, texts] of Object.entries(kept)) for (const text of texts) filter.append(name, text);
  return {
    actions: [
      ...open.map((value): { value: string; label: string } => ({ value, label: BULK_ACTIONS[value].label })),
      ...(may("rows.export") ? [{ value: EXPORT, label: "Exporter" }] : []),
    ],
    filter: filter.toString(),
    isFiltered,
  };
}

const Selected = z.object({
  action: z.enum(BULK_CODES, "Choisissez une action.").describe("Action"),
  scope: z.enum(["ticked", "shown", "filter"]).default("ticked").describe("Opérations"),
  filter: z.string().max(LONGEST_FILTER).default("").describe("Filtre"),
  row: z
    .array(z.uuid("Une des «\u00a0opérations cochées\u00a0» n’existe pas\u00a0: rechargez la liste."))
    .max(MOST_TICKED)
    .default([])
    .describe("Opérations cochées"),
  shown: z
    .string()
    .max(MOST_TICKED * 40)
    .default("")
    .describe("Opérations affichées"),
});

/** What the list sends: which operations, and what to do with them (OPS-13). */
export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  if (req.body?.action === EXPORT) return void res.redirect(303, await exportAt(req));
  const act = {
    code: "bulk.chosen",
    label: "Sélection d’opérations",
    at: (_values: object, bulk: Bulk) => bulkAt({ id, lot: bulk.id }),
  };
  // Before its form is read: what does not exist for this person has nothing to refuse.
  await read(req, (em) => campaignFor(em, req.user!, id, MANAGE));
  const form = await submit(req, Selected, act, async ({ action, scope, row, shown, filter }, em) => {
    const standing = await campaignFor(em, req.user!, id, rightFor(action));
    const selection = scope === "filter" ? { filter } : { ids: scope === "shown" ? idsIn(shown) : row };
    const bulk = chooseBulk(em, standing.campaign, { action, selection }, { by: { id: req.user!.id } });
    if (asksNothing(action, standing.campaign)) await freeze(em, req, standing, bulk, BulkWish.parse({ action }));
    return bulk;
  });
  res.saved(
    VIEW,
    {},
    { at: form.result ? bulkAt({ id, lot: form.result.id }) : listAt({ id }), notice: "Rien n’est encore changé." },
  );
};

/** Where the rows selected are exported, named by the address of a list of them (OPS-13, EXP-2). */
async function exportAt(req: Request<{ id: string }>): Promise<string> {
  const { id } = req.params;
  await read(req, (em) => campaignFor(em, req.user!, id, "rows.export"));
  const sent = Selected.omit({ action: true }).safeParse({ ...req.body, row: [req.body.row ?? []].flat() });
  if (!sent.success) throw new RuleBroken("Rechargez la liste, puis recommencez.");
  const { scope, row, shown, filter } = sent.data;
  const ids = scope === "shown" ? idsIn(shown) : row;
  if (scope !== "filter" && ids.length === 0) throw new RuleBroken(NOTHING_TICKED);
  const list =
    scope === "filter" ? filter : new URLSearchParams(ids.map((one): [string, string] => ["op", one])).toString();
  return withQuery(`/exports/operations/${id}/nouveau`, { liste: list || undefined });
}

function idsIn(shown: string): string[] {
  const read = z.array(z.uuid()).max(MOST_TICKED).safeParse(shown.split(",").filter(Boolean));
  if (!read.success) throw new RuleBroken("Rechargez la liste, puis recommencez.", "shown");
  return read.data;
}
