import type { EntityManager } from "@mikro-orm/postgresql";
import {
  allows,
  explain,
  type Grant,
  MANAGER_RIGHTS,
  type PermissionCode,
  type Relation,
  type Role,
  type SignedIn,
} from "../accounts/index.ts";
import type { Database } from "../platform/db/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import type { Followed } from "../platform/live/news.ts";
import type { ArrowRole } from "../workflow/index.ts";
import type { Campaign } from "./campaign.ts";
import type { Operation } from "./operation.ts";
import {
  type Glimpsed,
  glimpseCampaign,
  hasWorkIn,
  nameAround,
  readCampaign,
  readJudged,
  readOperation,
} from "./queries/standing.ts";
import { readForStep } from "./queries/steps.ts";

/** Whoever asks: the person behind a request, or the author of a job. */
export type Asking = Pick<SignedIn, "id" | "roles">;

/** What rights on a campaign are decided on. */
type Judged = Pick<Campaign, "id" | "state" | "visibility"> & { owner: { id: string } };

/** A campaign and what one person may do on it: the one function behind every page of a campaign (CAM-26). */
export interface Standing<C extends Judged = Campaign> {
  campaign: C;
  may(right: PermissionCode): boolean;
  explain(right: PermissionCode): string;
  /** The letters they hold, to give no more than that (CAM-24); null: all of them. */
  holds: ReadonlySet<Grant> | null;
}

const NO_CAMPAIGN = "Cette campagne n’existe pas, ou ne vous est pas ouverte. Revenez à la liste des campagnes.";
const NO_OPERATION = "Cette opération n’existe pas, ou ne vous est pas ouverte. Revenez à la liste des opérations.";

/** Throws NotFound when the campaign is not theirs to see, or in the trash, as when there is none (CAM-26); Forbidden without the right. */
export async function campaignFor(
  em: EntityManager,
  user: Asking,
  id: string,
  right: PermissionCode = "campaigns.see",
  where: { isTrashed?: boolean } = {},
): Promise<Standing> {
  const found = await readCampaign(em, id, user.id, where);
  const standing = found && standingOn(user, found.campaign, found.letters);
  if (!standing?.may("campaigns.see")) throw await hidden(em, user, standing, right, NO_CAMPAIGN);
  return allowed(standing, right);
}

/** The same for a fragment asked at each change: the campaign is not the ORM's. */
export async function campaignGlimpsed(em: EntityManager, user: Asking, id: string): Promise<Standing<Glimpsed>> {
  const found = await glimpseCampaign(em, id, user.id);
  const standing = found && standingOn(user, found.campaign, found.letters);
  return standing?.may("campaigns.see") ? standing : campaignFor(em, user, id);
}

/** Whether a page would show what was asked: what its history, or a link to it, then may too. */
export const isShown = (standing: Promise<unknown>): Promise<boolean> =>
  standing.then(
    () => true,
    (error: unknown) => {
      if (error instanceof NotFound || error instanceof Forbidden) return false;
      throw error;
    },
  );

/** What hides a campaign, or an operation of it: a refusal to whoever has work in it, who knows of it then (CAM-25, MYW-8). */
async function hidden(
  em: EntityManager,
  user: Asking,
  standing: Standing<Judged> | null,
  right: PermissionCode,
  absent: string,
): Promise<Error> {
  const isKnown =
    standing && standing.campaign.state !== "draft" && (await hasWorkIn(em, standing.campaign.id, user.id));
  return isKnown ? new Forbidden(standing.explain(right)) : new NotFound(absent);
}

/** The same of one operation, which its technician sees without seeing its campaign (CAM-25), once it is no draft (CAM-10). */
export async function operationFor(
  em: EntityManager,
  user: SignedIn,
  id: string,
  right: PermissionCode = "operations.read",
): Promise<OperationStanding> {
  const standing = await operationToChange(em, user, id, right);
  await nameAround(em, standing.operation);
  return standing;
}

export type OperationStanding = Standing & {
  operation: Operation;
  who: ArrowRole[];
  /** A blocking prerequisite of its segment is not done (PRE-3). */
  isHeldBack: boolean;
};

/** The same for an act on it, which names nobody: its people and its segment are known by their ids only. */
export async function operationToChange(
  em: EntityManager,
  user: SignedIn,
  id: string,
  right: PermissionCode,
): Promise<OperationStanding> {
  const found = await readOperation(em, id, user.id);
  if (!found) throw new NotFound(NO_OPERATION);
  const { operation, letters, isHeldBack } = found;
  const { campaign } = operation;
  return {
    operation,
    isHeldBack,
    ...(await standingOnOne(em, user, { campaign, letters, operation, technicianId: operation.technician?.id }, right)),
  };
}

/** Enough of it and of its campaign to change its status, which the ORM does not hold. */
export async function operationToStep(em: EntityManager, user: SignedIn, id: string) {
  const found = await readForStep(em, id, user.id);
  if (!found) throw new NotFound(NO_OPERATION);
  const { operation, isHeldBack } = found;
  return { operation, isHeldBack, ...(await standingOnOne(em, user, found, "operations.execute")) };
}

interface OfOne<C> {
  campaign: C;
  letters: Set<Grant>;
  operation: Pick<Operation, "isTrashed">;
  technicianId: string | null | undefined;
}

async function standingOnOne<C extends Judged>(
  em: EntityManager,
  user: SignedIn,
  one: OfOne<C>,
  right: PermissionCode,
) {
  const { campaign, letters, operation, technicianId } = one;
  const standing = standingOn(user, campaign, letters, technicianId === user.id && campaign.state !== "draft");
  if (operation.isTrashed() && !standing.may("operations.delete")) throw new NotFound(NO_OPERATION);
  if (!standing.may("operations.read")) throw await hidden(em, user, standing, right, NO_OPERATION);
  return { ...allowed(standing, right), who: whoOn(standing, user, technicianId) };
}

/** As what this person acts on an operation of the campaign: decides which arrows are theirs (WFL-3, CAM-10). */
export const whoOn = (
  { campaign, may }: Pick<Standing<Judged>, "campaign" | "may">,
  user: Pick<Asking, "id">,
  technicianId: string | null | undefined,
): ArrowRole[] => [
  ...(technicianId === user.id && campaign.state !== "draft" ? ["assignee" as const] : []),
  ...(may(MANAGER_RIGHTS.operations) ? ["manager" as const] : []),
];

/** What this person may do on a campaign whose grants to them are known already, as of each line of a list. */
export function standingOn<C extends Judged>(
  user: Asking,
  campaign: C,
  grants: Set<Grant>,
  assigned = false,
): Standing<C> {
  const relation: Relation = {
    owner: campaign.owner.id === user.id,
    visibility: campaign.visibility,
    grants,
    assigned,
  };
  const may = (code: PermissionCode) => allows(user.roles, code, relation);
  return {
    campaign,
    may,
    explain: (code) => explain(user.roles, code, relation),
    holds: may("campaigns.visibility") ? null : grants,
  };
}

/** Whether each of these people still sees the campaign they follow: one question an organisation, for all open pages (LIV-6, CAM-26). */
export async function stillSeen(db: Database, followed: readonly Followed[]): Promise<boolean[]> {
  const seen = new Set<Followed>();
  for (const [tenantId, some] of Map.groupBy(followed, ({ user }) => user.tenantId)) {
    const judged = await db.read(tenantId, (em) =>
      readJudged(
        em,
        some.map(({ user, id }) => ({ userId: user.id, id })),
      ),
    );
    for (const { rank, ownerId, letters, ...campaign } of judged) {
      const one = some[rank]!;
      const standing = standingOn(one.user as SignedIn, { ...campaign, owner: { id: ownerId } }, new Set(letters));
      if (standing.may("campaigns.see")) seen.add(one);
    }
  }
  return followed.map((one) => seen.has(one));
}

/** One way a campaign is open to somebody: the relation it stands on, alone; none of a role by itself. */
export interface Way {
  source: string;
  /** By one of their roles; any of them when not said. */
  role?: Role;
  relation: Relation | null;
}

/**
 * What comes to this person from each of these ways alone, asked of the function that decides: nothing here knows a right.
 * A role gives what it gives without them; each of the others, what it adds to their roles (CAM-26, UIX-13).
 */
export const givenBy = (user: Asking, { role, relation }: Way, codes: readonly PermissionCode[]): PermissionCode[] =>
  codes.filter(
    (code) =>
      allows(role ? [role] : user.roles, code, relation ?? {}) && (relation === null || !allows(user.roles, code)),
  );

function allowed<C extends Judged>(standing: Standing<C>, right: PermissionCode): Standing<C> {
  if (!standing.may(right)) throw new Forbidden(standing.explain(right));
  return standing;
}
