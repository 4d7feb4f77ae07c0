import { TENANT_LOGO } from "../pictures.ts";
import { aboutTenant, chooseLogo, Tenant } from "../tenant.ts";
import { picturePage } from "./picture-page.ts";

/** The logo of the organisation, at the head of each page. */
export const { edit, update, destroy } = picturePage({
  view: { page: "accounts/organisation/logo" },
  at: "/admin/organisation/logo",
  title: "Logo",
  from: { label: "Organisation", href: "/admin/organisation" },
  purpose: TENANT_LOGO,
  code: "tenant.logo_changed",
  subject: ({ user }) => aboutTenant({ id: user!.tenantId }),
  chosen: { label: () => "Logo de l’organisation", notice: "Le logo est enregistré, pour tout le monde." },
  withdrawn: {
    label: () => "Retrait du logo de l’organisation",
    notice: "Le logo est retiré. Le nom de l’organisation le remplace.",
  },
  current: async ({ user }, em) => (await em.findOneOrFail(Tenant, { id: user!.tenantId })).logoId ?? null,
  async choose({ user }, em, fileId) {
    chooseLogo(em, await em.findOneOrFail(Tenant, { id: user!.tenantId }), fileId, { by: { id: user!.id } });
  },
});
