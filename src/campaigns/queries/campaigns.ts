import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { groupIdsOf, type SignedIn } from "../../accounts/index.ts";
import type { CampaignState } from "../campaign.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

/** Two campaigns named at once wait for each other, so that the second reads the first. */
export async function holdNames(em: EntityManager): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('campaign names ' || current_setting('app.tenant_id'), 0))`.execute(
    transaction(em),
  );
}

/** The live campaign of this name, whatever its case or accents (CAM-2). */
export async function campaignNamed(em: EntityManager, name: string): Promise<{ id: string; name: string } | null> {
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from campaign where folded(name) = folded(${name}) and state <> 'archived' and trashed_at is null`.execute(
    transaction(em),
  );
  return rows[0] ?? null;
}

/**
 * Keeps the field that names the operations of a campaign that has not said it yet (FLD-2). Its version stays: no form of its
 * settings is stale for that, and two first operations at once are both added.
 */
export async function keepTitleField(em: EntityManager, { id }: { id: string }, code: string): Promise<void> {
  await sql`update campaign set title_field = ${code} where id = ${id}::uuid and title_field is null`.execute(
    transaction(em),
  );
}

const hasRole = (user: SignedIn, ...roles: string[]) => user.roles.some((role) => roles.includes(role));

/**
 * SQL over `c`: the campaigns this person sees (CAM-23, CAM-24, PRM-1): where every list, count and search begins
 * (CAM-26). To keep in step with the line PRM-1 of the matrix, which decides for one campaign.
 */
export function visibleCampaigns(user: SignedIn): RawBuilder<SqlBool> {
  return sql<SqlBool>`(c.trashed_at is null and ${openCampaigns(user)})`;
}

function openCampaigns(user: SignedIn): RawBuilder<SqlBool> {
  if (hasRole(user, "admin")) return sql<SqlBool>`true`;
  const ways: RawBuilder<SqlBool>[] = [
    sql`exists (select from campaign_grant g where g.tenant_id = c.tenant_id and g.campaign_id = c.id
      and (g.user_id = ${user.id}::uuid or g.group_id in (${groupIdsOf(user.id)})))`,
  ];
  if (hasRole(user, "campaign_manager")) ways.push(sql`c.owner_id = ${user.id}::uuid`);
  if (hasRole(user, "campaign_manager", "viewer")) ways.push(sql`c.visibility = 'public'`);
  return sql<SqlBool>`(${sql.join(ways, sql` or `)})`;
}

export interface TrashedCampaign {
  id: string;
  name: string;
  state: CampaignState;
  trashedAt: Date;
  ownerName: string;
}

/** The campaigns of the trash that this person may take out of it: theirs, or all of them (CAM-11); the last first. */
export async function listTrashed(em: EntityManager, user: SignedIn): Promise<TrashedCampaign[]> {
  const { rows } = await sql<Omit<TrashedCampaign, "trashedAt"> & { trashedAt: string }>`
    select c.id, c.name, c.state, c.trashed_at as "trashedAt", u.given_name || ' ' || u.family_name as "ownerName"
    from campaign c join app_user u on u.tenant_id = c.tenant_id and u.id = c.owner_id
    where c.trashed_at is not null and ${hasRole(user, "admin") ? sql`true` : sql`c.owner_id = ${user.id}::uuid`}
    order by c.trashed_at desc, c.id`.execute(transaction(em));
  return rows.map((row) => ({ ...row, trashedAt: new Date(row.trashedAt) }));
}
