import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { SignedIn } from "../accounts/index.ts";
import { NotFound } from "../platform/errors.ts";
import { type Cell, type ExportPlan, type ExportProfile, fileNameAfter } from "../platform/sheets/export.ts";
import { aboutBulk, Bulk, rightFor } from "./bulk.ts";
import { BULK_ACTIONS } from "./bulk-wish.ts";
import { campaignFor } from "./policy.ts";
import { type BulkResult, bulkResults } from "./queries/bulks.ts";

const HEADS = ["Cible", "Résultat", "Cause"];

/** In a word, what came of one row of it, or would. */
function toldResult({ isOver }: { isOver: boolean }, { outcome, isPassed }: BulkResult): string {
  if (outcome === "refused") return "Refusée";
  if (outcome === "missed") return "Écartée";
  if (outcome === "same") return "Déjà dans cet état";
  if (isPassed) return "Changée";
  return isOver ? "Laissée" : "À changer";
}

/** Every row of a bulk action with what came of it, those refused first: more than its page can name (OPS-15, EXP-1). */
export const bulkExport: ExportProfile = {
  kind: "lots",
  title: "Exporter le détail d’une action groupée",
  noun: ["opération", "opérations"],
  about: (scopeId) => aboutBulk({ id: scopeId! }),
  async open(em: EntityManager, { user, scopeId }): Promise<ExportPlan> {
    if (!z.uuid().safeParse(scopeId).success) throw new NotFound();
    const bulk = (await em.findOne(Bulk, { id: scopeId! } as never)) as Bulk | null;
    if (!bulk?.counts) throw new NotFound();
    await campaignFor(em, user as SignedIn, bulk.campaign.id, rightFor(bulk.action));
    const { campaign } = await campaignFor(em, user as SignedIn, bulk.campaign.id, "rows.export");
    const { label } = BULK_ACTIONS[bulk.action];
    const { change, same, refused } = bulk.counts;
    const state = { isOver: bulk.isOver() };
    return {
      place: { label, path: `/campagnes/${campaign.id}/operations/lots/${bulk.id}` },
      name: fileNameAfter("action-groupee", campaign.name, label),
      said: label,
      heads: HEADS,
      wholeHeads: HEADS,
      count: change + same + refused,
      holdsPeople: false,
      async *rows(): AsyncGenerator<Cell[][]> {
        for await (const bundle of bulkResults(em, bulk)) {
          yield bundle.map((row) => [row.title, toldResult(state, row), row.why]);
        }
      },
    };
  },
};
