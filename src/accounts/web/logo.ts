import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { read, submit } from "../../platform/http/forms.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { notServed } from "../../platform/storage/file.ts";
import { acceptOf, kindList } from "../../platform/storage/kinds.ts";
import { weight } from "../../platform/storage/store.ts";
import { allows } from "../permissions.ts";
import { TENANT_LOGO } from "../pictures.ts";
import { aboutTenant, chooseLogo, Tenant } from "../tenant.ts";

const VIEW = { page: "accounts/organisation/logo" };
const AT = "/admin/organisation/logo";

export const edit: RequestHandler = async (req, res) => {
  res.show(VIEW, await page(req, { values: {} }));
};

export const update: RequestHandler = async (req, res) => {
  const { id: by, tenantId: id } = req.user!;
  const form = await submitFile(req, TENANT_LOGO, said(req, "Logo de l’organisation"), async (file, em) => {
    chooseLogo(em, await em.findOneOrFail(Tenant, { id }), file.id, { by: { id: by } });
  });
  if (form.errors) return res.show(VIEW, await page(req, form));
  res.saved(VIEW, {}, { at: AT, notice: "Le logo est enregistré, pour tout le monde.", undo: true });
};

export const destroy: RequestHandler = async (req, res) => {
  const { id: by, tenantId: id } = req.user!;
  await submit(req, z.object({}), said(req, "Retrait du logo de l’organisation"), async (_values, em) => {
    chooseLogo(em, await em.findOneOrFail(Tenant, { id }), null, { by: { id: by } });
  });
  res.saved(VIEW, {}, { at: AT, notice: "Le logo est retiré. Le nom de l’organisation le remplace.", undo: true });
};

const said = (req: Request, label: string) => ({
  code: "tenant.logo_changed",
  label,
  subject: () => aboutTenant({ id: req.user!.tenantId }),
  at: AT,
});

const page = async (req: Request, form: object) => ({
  title: "Logo",
  crumbs: [{ label: "Accueil", href: "/" }, { label: "Organisation", href: "/admin/organisation" }, { label: "Logo" }],
  accept: acceptOf(TENANT_LOGO.kinds),
  kinds: kindList(TENANT_LOGO.kinds),
  most: weight(TENANT_LOGO.most),
  purpose: TENANT_LOGO,
  mayUndo: allows(req.user!.roles, "acts.undo_own"),
  form,
  waiting: await read(req, async (em) =>
    notServed(em, (await em.findOneOrFail(Tenant, { id: req.user!.tenantId })).logoId),
  ),
});
