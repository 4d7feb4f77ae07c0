import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, sql, type Transaction } from "kysely";
import { type Grant, groupIdsOf, User } from "../../accounts/index.ts";
import { askWithNext } from "../../platform/db/index.ts";
import { Campaign } from "../campaign.ts";
import { Operation } from "../operation.ts";
import { OperationType } from "../operation-type.ts";
import { Segment } from "../segment.ts";
import { heldBack } from "./prerequisites.ts";

/**
 * What every page and act of a campaign begins with: asked by hand and in one trip, since the ORM takes longer to write
 * these questions than PostgreSQL to answer them. The entities are the ORM's own.
 */

/** What was granted to this person on this campaign, by name or by group. */
const lettersWithNext = (em: EntityManager, campaignId: RawBuilder<unknown>, userId: string) =>
  askWithNext(
    em,
    sql<{ letter: Grant }>`
      select distinct unnest(letters) as letter from campaign_grant
      where campaign_id = ${campaignId} and (user_id = ${userId}::uuid or group_id in (${groupIdsOf(userId)}))`,
  );

/** The campaign, in the trash or not, with its owner and its type, and what this person holds on it; null when there is none. */
export async function readCampaign(
  em: EntityManager,
  id: string,
  userId: string,
  { isTrashed = false } = {},
): Promise<{ campaign: Campaign; letters: Set<Grant> } | null> {
  const here = sql`${id}::uuid`;
  const letters = await lettersWithNext(em, here, userId);
  const owner = await askWithNext(
    em,
    sql<object>`select * from app_user where id = (select owner_id from campaign where id = ${here})`,
  );
  const type = await askWithNext(
    em,
    sql<object>`select * from operation_type where id = (select operation_type_id from campaign where id = ${here})`,
  );
  const { rows } = await sql<object>`
    select * from campaign where id = ${here} and (trashed_at is not null) = ${isTrashed}::boolean`.execute(
    transaction(em),
  );
  if (!rows[0]) return null;
  for (const row of owner()) em.map(User, row);
  for (const row of type()) em.map(OperationType, row);
  return { campaign: em.map(Campaign, rows[0]), letters: lettersOf(letters()) };
}

/** Enough of a campaign to decide what a fragment of its page may show: asked three hundred times at each change of it. */
export type Glimpsed = Pick<Campaign, "tenantId" | "id" | "state" | "visibility" | "zone" | "isTimeTracked"> & {
  owner: { id: string };
};

/** The same as readCampaign, which the ORM does not hold. */
export async function glimpseCampaign(
  em: EntityManager,
  id: string,
  userId: string,
): Promise<{ campaign: Glimpsed; letters: Set<Grant> } | null> {
  const { rows } = await sql<Omit<Glimpsed, "owner"> & { ownerId: string; letters: Grant[] }>`
    select tenant_id as "tenantId", id, state, visibility, zone, is_time_tracked as "isTimeTracked", owner_id as "ownerId", array(
      select distinct unnest(g.letters) from campaign_grant g where g.campaign_id = ${id}::uuid
        and (g.user_id = ${userId}::uuid or g.group_id in (${groupIdsOf(userId)}))) as letters
    from campaign where id = ${id}::uuid and trashed_at is null`.execute(transaction(em));
  if (!rows[0]) return null;
  const { ownerId, letters, ...campaign } = rows[0];
  return { campaign: { ...campaign, owner: { id: ownerId } }, letters: new Set(letters) };
}

export interface Judged {
  rank: number;
  id: string;
  state: Campaign["state"];
  visibility: Campaign["visibility"];
  ownerId: string;
  letters: Grant[];
}

/** What rights on campaigns are decided on, person by person, by the rank of each asked; those that are gone or in the trash are left out. */
export async function readJudged(
  em: EntityManager,
  asked: readonly { userId: string; id: string }[],
): Promise<Judged[]> {
  const lines = JSON.stringify(asked.map((one, rank) => ({ ...one, rank })));
  const { rows } = await sql<Judged>`
    select a.rank, c.id, c.state, c.visibility, c.owner_id as "ownerId", array(
      select distinct unnest(g.letters) from campaign_grant g where g.campaign_id = c.id
        and (g.user_id = a."userId" or g.group_id in (${groupIdsOf(sql`a."userId"`)}))) as letters
    from jsonb_to_recordset(${lines}::jsonb) as a ("userId" uuid, id uuid, rank int)
    join campaign c on c.id = a.id and c.trashed_at is null`.execute(transaction(em));
  return rows;
}

/** The operation and its campaign, what this person holds on it, and whether its segment is not ready (PRE-3); null when there is none. */
export async function readOperation(
  em: EntityManager,
  id: string,
  userId: string,
): Promise<{ operation: Operation; letters: Set<Grant>; isHeldBack: boolean } | null> {
  const campaignId = sql`(select campaign_id from operation where id = ${id}::uuid)`;
  const letters = await lettersWithNext(em, campaignId, userId);
  const found = await askWithNext(em, sql<object>`select * from operation where id = ${id}::uuid`);
  const held = await askWithNext(
    em,
    sql<{ isHeldBack: boolean }>`
      select ${heldBack(sql`o.segment_id`)} as "isHeldBack" from operation o where o.id = ${id}::uuid`,
  );
  const { rows } = await sql<object>`
    select * from campaign where id = ${campaignId} and trashed_at is null`.execute(transaction(em));
  const [row] = found();
  if (!row || !rows[0]) return null;
  em.map(Campaign, rows[0]);
  const isHeldBack = held()[0]!.isHeldBack;
  return { operation: em.map(Operation, row), letters: lettersOf(letters()), isHeldBack };
}

/** The people and the segment its pages name, held by the ORM with it: owner of its campaign, technician, segment. */
export async function nameAround(em: EntityManager, { campaign, technician, segment }: Operation): Promise<void> {
  const placed = await askWithNext(em, sql<object>`select * from segment where id = ${segment?.id ?? null}::uuid`);
  const ids = [campaign.owner.id, technician?.id ?? null];
  const { rows } = await sql<object>`select * from app_user where id = any (${ids}::uuid[])`.execute(transaction(em));
  for (const row of placed()) em.map(Segment, row);
  for (const row of rows) em.map(User, row);
}

/** Whether an operation of this campaign is this person's. */
export async function hasWorkIn(em: EntityManager, campaignId: string, userId: string): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from operation where technician_id = ${userId}::uuid and campaign_id = ${campaignId}::uuid and trashed_at is null) as has`.execute(
    transaction(em),
  );
  return rows[0]!.has;
}

const lettersOf = (rows: { letter: Grant }[]) => new Set(rows.map(({ letter }) => letter));

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;
