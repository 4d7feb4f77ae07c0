import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { submit } from "../../platform/http/forms.ts";
import { hashToken } from "../access-link.ts";
import { Credential } from "../credential.ts";
import { passwordHint } from "../password.ts";
import { noteSecurity, type SecurityKind } from "../security-event.ts";
import { Tenant } from "../tenant.ts";
import { aboutUser, User } from "../user.ts";
import { choosePassword } from "./new-password.ts";

/** A link whose page gives an account its password: the first one, or another. */
interface PasswordLink {
  view: { page: string };
  path: string;
  purpose: "invitation" | "reset";
  /** Whether the account has a password already; otherwise the link is dead. */
  settled: boolean;
  /** The one sentence for unknown, used, replaced and expired [P49]. */
  dead: string;
  title(tenant: Tenant): string;
  act: { code: string; label: string };
  kind: SecurityKind;
  use(em: EntityManager, link: string, chosen: { passwordHash: string; now: Date }): Promise<unknown>;
  notice: string;
}

type WithToken = Request<{ token: string }>;

interface Opened {
  link: string;
  user: User;
  tenant: Tenant;
}

const PasswordForm = z.object({ password: z.string().min(1, "Choisissez un mot de passe.").describe("Mot de passe") });

/** What mail scanners open changes nothing: the page only shows whose password it is, its form uses the link [ACC-9, P50]. */
export function passwordLink(of: PasswordLink): Record<"show" | "update", RequestHandler<{ token: string }>> {
  const shown = (req: WithToken, { user, tenant }: Opened, form: object) => ({
    title: of.title(tenant),
    action: `${of.path}/${req.params.token}`,
    name: user.name(),
    email: user.email,
    tenantName: tenant.name,
    hint: passwordHint(tenant.passwordPreset),
    form,
  });

  return {
    async show(req, res) {
      res.show(of.view, shown(req, await opened(req, of), { values: {} }));
    },

    async update(req, res) {
      const open = await opened(req, of);
      const { link, user, tenant } = open;
      const chosen = await choosePassword(req, "password", {
        preset: tenant.passwordPreset,
        names: [user.givenName, user.familyName],
        email: user.email,
        tenant: tenant.name,
      });
      const act = {
        ...of.act,
        subject: () => aboutUser(user),
        tenantId: tenant.id,
        actorId: user.id,
        at: "/connexion",
      };
      const form = await submit(req, PasswordForm, act, async (_values, em) => {
        if ("problem" in chosen) throw new RuleBroken(chosen.problem, "password");
        await of.use(em, link, { passwordHash: chosen.hash, now: req.now });
        noteSecurity(em, req, { kind: of.kind, userId: user.id, tenantId: tenant.id });
      });
      if (form.errors) return res.show(of.view, shown(req, open, form));
      res.saved(of.view, {}, { at: "/connexion", notice: of.notice });
    },
  };
}

/** Whose password the token opens; whatever else it is told the same [P49]. */
async function opened(req: WithToken, { purpose, settled, dead }: PasswordLink): Promise<Opened> {
  const [row] = await req.db.lookup<{
    tenant_id: string;
    id: string;
    user_id: string | null;
    purpose: string;
    open: boolean;
  }>("access_link", [hashToken(req.params.token)]);
  if (!row?.open || row.purpose !== purpose || row.user_id === null) throw new NotFound(dead);
  const { tenant_id: tenantId, user_id: id, id: link } = row;
  return req.db.read(tenantId, async (em) => {
    const user = await em.findOne(User, { tenantId, id });
    const has = (await em.count(Credential, { tenantId, id })) > 0;
    if (!user?.isActive() || has !== settled) throw new NotFound(dead);
    return { link, user, tenant: await em.findOneOrFail(Tenant, { tenantId, id: tenantId }) };
  });
}
