import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { SignedIn } from "../accounts/index.ts";
import { planOfChart } from "../platform/charts/index.ts";
import { NotFound } from "../platform/errors.ts";
import { type ExportAsked, type ExportProfile, fileNameAfter, saidOnce } from "../platform/sheets/export.ts";
import { aboutCampaign } from "./campaign.ts";
import { PERIODS } from "./curves.ts";
import { CHART_NAMES, CHARTS, drawableOf } from "./dashboard.ts";
import { campaignFor } from "./policy.ts";

const Wanted = z.object({
  graphique: z.enum(CHART_NAMES as [keyof typeof CHARTS]),
  pas: z.enum(PERIODS.map(({ value }) => value) as ["semaine"]).default("semaine"),
});

async function drawn(em: EntityManager, { user, scopeId, query, now }: ExportAsked) {
  const wanted = Wanted.safeParse(saidOnce(query));
  if (!z.uuid().safeParse(scopeId).success || !wanted.success) throw new NotFound();
  const { campaign } = await campaignFor(em, user as SignedIn, scopeId!, "rows.export");
  const { graphique, pas } = wanted.data;
  const drawable = await drawableOf(em, campaign, { now });
  return { campaign, chart: CHARTS[graphique](drawable, PERIODS.find(({ value }) => value === pas)!.by) };
}

/** The charts of a dashboard: the figures they draw as rows, or the drawing itself (DSH-5, UIX-9). */
export const chartsExport: ExportProfile = {
  kind: "graphiques",
  title: "Exporter un graphique",
  noun: ["ligne", "lignes"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, asked) {
    const { campaign, chart } = await drawn(em, asked);
    const place = { label: campaign.name, path: `/campagnes/${campaign.id}` };
    return { ...planOfChart(chart, { place, name: fileNameAfter(chart.title, campaign.name) }), said: chart.title };
  },
  picture: async (em, asked) => (await drawn(em, asked)).chart,
};
