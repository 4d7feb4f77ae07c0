import type { Guards } from "../platform/http/types.ts";
import { explain, mayRoute } from "./permissions.ts";
import { provePassword } from "./sign-in.ts";

/** What the HTTP floor asks of rights: the gate of a route, why it is shut, and the password typed again. */
export const guards: Guards = {
  may: (user, right) => mayRoute(user.roles, right),
  explain: (user, right) => explain(user.roles, right),
  async confirm(req, password) {
    const user = req.user!;
    if (!(await provePassword(req.db, { tenantId: user.tenantId, userId: user.id }, password, req))) return false;
    user.authenticatedAt = req.now;
    req.session.authenticatedAt = req.now.toISOString();
    return true;
  },
};
