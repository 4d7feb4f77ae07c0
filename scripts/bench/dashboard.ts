/** Campaigns halfway, published and worked on; what an open dashboard follows and asks, and what it counts. */
import pg from "pg";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { type Filled, fillCampaigns } from "./filled.ts";
import { type Person, submit } from "./people.ts";
import type { Server } from "./servers.ts";

/** What a page sends as it asks again for a part of itself (public/js/live/parts.js). */
export const LIVE = { "hx-request": "true", "hx-request-type": "partial", "live-refresh": "1" };

/** When each was entered and done, by whom, and why it is blocked: what figures and curves are made of. */
const WORKED_ON = `
  update operation set entered_at = least(planned_at, now()),
    completed_at = case when category = 'success' then least(planned_at, now() - abs(hashtext(title)) % 20000 * interval '1 minute') end,
    completed_by_id = case when category = 'success' then technician_id end,
    is_completed_by_technician = case when category = 'success' then abs(hashtext(title)) % 5 > 0 end,
    is_on_first_date = case when category = 'success' then abs(hashtext(title)) % 7 > 1 end,
    reason = case when category = 'problem' then (array['Accès refusé', 'Matériel manquant', 'Personne absente'])[abs(hashtext(title)) % 3 + 1] end
  where campaign_id = any ($1)`;

/** So many campaigns of so many operations, each published by its owner. */
export async function livingCampaigns(
  product: Server,
  { db, superUrl }: { db: Database; superUrl: string },
  { people, campaigns, each }: { people: Person[]; campaigns: number; each: number },
): Promise<(Filled & { at: string })[]> {
  const filled = await fillCampaigns(db, superUrl, { people, campaigns, each });
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  await root.connect();
  await root.query("set session_replication_role = replica");
  await root.query(WORKED_ON, [filled.map(({ campaignId }) => campaignId)]);
  await root.query("vacuum analyze");
  const owner = people.find(({ roles }) => roles.includes("campaign_manager"))!;
  const living = filled.map((one) => ({ ...one, at: `/campagnes/${one.campaignId}` }));
  for (const { at } of living) await submit(product, owner, `${at}/publication`, {});
  await root.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
  await root.end();
  return living;
}

export interface OpenPage {
  /** The address of its stream. */
  stream: string;
  /** The addresses it asks again when told of one of these topics, and how long it rests between two. */
  parts: { src: string; topics: string[]; restMs: number }[];
}

/** What the dashboard at this address follows, once open. */
export async function openPage(
  { origin }: Server,
  at: string,
  { headers }: Pick<Person, "headers">,
): Promise<OpenPage> {
  const html = (await (await fetch(origin + at, { headers })).text()).replaceAll("&amp;", "&");
  const stream = /<live-page src="([^"]+)"/.exec(html)?.[1];
  const parts = new Map<string, OpenPage["parts"][number]>();
  for (const [tag, src] of html.matchAll(/<[^<>]*\sdata-live-src="([^"]+)"[^<>]*>/g)) {
    const said = (name: string) => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
    const { topics = [], restMs = 0 } = parts.get(src!) ?? {};
    parts.set(src!, {
      src: src!,
      topics: [...topics, ...(said("data-live") ?? "").split(" ")],
      restMs: Math.max(restMs, Number(said("data-live-rest") ?? 0) * 1_000),
    });
  }
  if (!stream || parts.size === 0) throw new Error(`${at} ne suit rien : ${html.slice(0, 300)}`);
  return { stream, parts: [...parts.values()] };
}

/** The part that is asked at each change. */
export const boardOf = ({ parts }: OpenPage): string =>
  parts.find(({ src, restMs }) => src.startsWith("/campagnes/") && restMs === 0)!.src;

/** The number a widget shows of a category; throws on a board without it. */
export function shownOf(board: string, category: string): number {
  const [, figure] =
    new RegExp(`categorie=${category}"(?:(?!</a>)[\\s\\S])*?class="figure">([\\d\\s]+)<`).exec(
      board.replaceAll("&amp;", "&"),
    ) ?? [];
  if (figure === undefined) throw new Error(`Le tableau ne montre pas ${category} : ${board.slice(0, 300)}`);
  return Number(figure.replace(/\s/g, ""));
}

const WIDGETS = ["success", "running", "planned", "open", "deferred", "problem"];

/** Throws unless a board shows what the base counts now. */
export async function checkExact(root: pg.Client, campaignId: string, board: string): Promise<void> {
  const { rows } = await root.query<{ category: string; n: number }>(
    "select category, count(*)::int as n from operation where campaign_id = $1 and trashed_at is null group by 1",
    [campaignId],
  );
  const counted = new Map(rows.map(({ category, n }) => [category, n]));
  const wrong = WIDGETS.filter((category) => shownOf(board, category) !== (counted.get(category) ?? 0));
  if (wrong.length === 0) return;
  const told = wrong.map((one) => `${one} : ${shownOf(board, one)} au lieu de ${counted.get(one) ?? 0}`);
  throw new Error(`Le tableau n’est pas exact après le dernier changement : ${told.join(", ")}.`);
}
