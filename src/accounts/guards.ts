import { RuleBroken } from "../platform/errors.ts";
import type { Guards } from "../platform/http/types.ts";
import { explain, mayRoute } from "./permissions.ts";
import { writeReading } from "./queries/readings.ts";
import { provePassword } from "./sign-in.ts";
import { proveCode, readCode } from "./sign-in-code.ts";
import { INSTANCE_ID } from "./tenant.ts";

/** What the HTTP floor asks of rights: the gate of a route, why it is shut, and the password or code typed again. */
export const guards: Guards = {
  may: (user, right) => mayRoute(user.roles, right),
  explain: (user, right) => explain(user.roles, right),
  detour: (user) => (user.secondFactor === "missing" ? "/compte/double-authentification/activation" : null),
  proof: (user) => user.support?.proof ?? (user.secondFactor === "active" ? "code" : "password"),
  noteReading(req, page) {
    const { id: userId, tenantId } = req.user!;
    const { id = null } = req.params as { id?: string };
    return req.db.note(tenantId, (em) =>
      writeReading(em, { tenantId, userId, page, subjectId: id, address: req.ip ?? "" }),
    );
  },
  async confirm(req, typed) {
    const user = req.user!;
    // In a support access it is still the person of the instance who proves themself.
    const { support } = user;
    const account = support
      ? { tenantId: INSTANCE_ID, userId: support.of }
      : { tenantId: user.tenantId, userId: user.id };
    if (guards.proof(user) === "code") {
      const code = readCode(typed);
      if (!code) return false;
      const { secret } = req.config;
      const proved = await proveCode(req.db, account, code, req, { secret, now: req.now, isStepUp: true }).catch(
        (error: unknown) => {
          if (error instanceof RuleBroken) return false; // its page names the recovery codes
          throw error;
        },
      );
      if (!proved) return false;
    } else if (!(await provePassword(req.db, account, typed, req))) return false;
    user.authenticatedAt = req.now;
    req.session.authenticatedAt = req.now.toISOString();
    return true;
  },
};
