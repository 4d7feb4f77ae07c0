import { allows, explain, type Relation, type SignedIn } from "../accounts/index.ts";

const READ = "directory.read";

/** Which people of the directory an account may see [PRM-23]: what every question about them starts with. */
export interface Reach {
  userId: string;
  everybody: boolean;
  /** The active people whose manager link is the person this account is tied to [DIR-2, DIR-3]. */
  team: boolean;
  /** The people of the departments and sites of its scopes [TEA-2]. */
  scope: boolean;
}

export const reachOf = ({ id, roles }: Pick<SignedIn, "id" | "roles">): Reach => ({
  userId: id,
  everybody: allows(roles, READ),
  team: allows(roles, READ, { inTeam: true }),
  scope: allows(roles, READ, { inScope: true }),
});

/** Which people an account may take away in a file: all, its team or its scopes; null when none [PRM-19]. */
export function exportReachOf(user: Pick<SignedIn, "id" | "roles">): Reach | null {
  const { everybody, team, scope, userId } = reachOf(user);
  const may = (relation: Relation) => allows(user.roles, "rows.export", relation);
  const reach = {
    userId,
    everybody: everybody && may({}),
    team: team && may({ inTeam: true }),
    scope: scope && may({ inScope: true }),
  };
  return reach.everybody || reach.team || reach.scope ? reach : null;
}

export const mayEditDirectory = ({ roles }: Pick<SignedIn, "roles">): boolean => allows(roles, "directory.edit");
export const mayTieAccounts = ({ roles }: Pick<SignedIn, "roles">): boolean => allows(roles, "scopes.manage");
export const mayPlanTechnicians = ({ roles }: Pick<SignedIn, "roles">): boolean => allows(roles, "technicians.plan");

/** Why, in French, beside what is not there. */
export const explainDirectory = ({ roles }: Pick<SignedIn, "roles">): string => explain(roles, "directory.edit");
