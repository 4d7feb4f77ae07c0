import type { EntityManager } from "@mikro-orm/postgresql";
import { sql, type Transaction } from "kysely";
import type { SignedIn } from "../../accounts/index.ts";
import { type Answer, askWithNext } from "../../platform/db/index.ts";
import type { CampaignState } from "../campaign.ts";
import { visibleCampaigns } from "./campaigns.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** SQL: this person's pins in their order, `c` being the campaign; those they do not see any more are left out (CAM-26). */
const pinnedBy = (user: SignedIn) => sql`
  from campaign_pins p cross join lateral unnest(p.campaign_ids) with ordinality as one (id, rank)
  join campaign c on c.tenant_id = p.tenant_id and c.id = one.id
  where p.id = ${user.id}::uuid and ${visibleCampaigns(user)} order by one.rank`;

/** What the side menu shows of them, asked along with the next question (CAM-27). */
export const pinsWithNext = (em: EntityManager, user: SignedIn): Promise<Answer<{ label: string; href: string }>> =>
  askWithNext(
    em,
    sql<{ label: string; href: string }>`select c.name as label, '/campagnes/' || c.id as href ${pinnedBy(user)}`,
  );

export interface Pin {
  id: string;
  name: string;
  state: CampaignState;
}

export async function listPins(em: EntityManager, user: SignedIn): Promise<Pin[]> {
  const { rows } = await sql<Pin>`select c.id, c.name, c.state ${pinnedBy(user)}`.execute(transaction(em));
  return rows;
}

/** The ids of their pins; two changes of one person's pins wait for each other. */
export async function holdPins(em: EntityManager, user: SignedIn): Promise<string[]> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`pins ${user.id}`}, 0))`.execute(transaction(em));
  return (await listPins(em, user)).map(({ id }) => id);
}

export async function writePins(
  em: EntityManager,
  { tenantId, id }: Pick<SignedIn, "tenantId" | "id">,
  campaignIds: readonly string[],
): Promise<void> {
  await sql`insert into campaign_pins (tenant_id, id, campaign_ids)
    values (${tenantId}::uuid, ${id}::uuid, ${[...campaignIds]}::uuid[])
    on conflict (tenant_id, id) do update set campaign_ids = excluded.campaign_ids`.execute(transaction(em));
}
