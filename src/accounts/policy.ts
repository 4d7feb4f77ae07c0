import type { FilterQuery } from "@mikro-orm/core";
import { explain, mayRoute } from "./permissions.ts";
import type { SignedIn } from "./signed-in.ts";
import type { User } from "./user.ts";

const MANAGE = "accounts.manage";

/** The accounts this person may see: everybody of their tenant for those who manage them, its support apart, else themself. */
export const visibleUsers = (by: SignedIn): FilterQuery<User> =>
  mayRoute(by.roles, MANAGE) ? { tenantId: by.tenantId, supportOf: null } : { tenantId: by.tenantId, id: by.id };

export const canManageUsers = (by: SignedIn): boolean => mayRoute(by.roles, MANAGE);

/** Whether to offer it; the verb refuses it anyway [ROL-3]. */
export const canDeactivate = (by: SignedIn, user: Pick<User, "id">): boolean => canManageUsers(by) && by.id !== user.id;

/** Why, in French, beside a button that is not there. */
export function explainUser(by: SignedIn, user: Pick<User, "id">): string {
  if (by.id === user.id) {
    return "C’est votre propre compte : une autre personne qui administre l’organisation peut le désactiver ou vous retirer ce rôle.";
  }
  return explain(by.roles, MANAGE);
}
