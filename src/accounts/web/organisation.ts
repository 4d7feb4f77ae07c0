import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { RuleBroken } from "../../platform/errors.ts";
import { atVersion, type Current, read, submit } from "../../platform/http/forms.ts";
import { accentStylesheet, judgeAccent } from "../accent.ts";
import { lastChange } from "../queries/users.ts";
import { roleLabel } from "../roles.ts";
import { noteSecurity } from "../security-event.ts";
import {
  aboutTenant,
  chooseAccent,
  editTenant,
  HOLIDAY_ZONES,
  LEAST_HISTORY_YEARS,
  MOST_HISTORY_YEARS,
  MOST_STAY_DAYS,
  PASSWORD_PRESETS,
  Tenant,
  ZONES,
} from "../tenant.ts";
import { rolesHere } from "./users.ts";

const VIEW = { page: "accounts/organisation/edit" };
const AT = "/admin/organisation";

const YEARS_ASKED = `Écrivez un nombre d’années de ${LEAST_HISTORY_YEARS} à ${MOST_HISTORY_YEARS}.`;

const General = z.object({
  name: z.string().trim().min(1, "Écrivez le nom de l’organisation.").max(120).describe("Nom"),
  zone: z.enum(ZONES as [string, ...string[]], "Choisissez un fuseau horaire de la liste.").describe("Fuseau horaire"),
  holidayZone: z.string().max(40).describe("Jours fériés"),
});
const Security = z.object({
  passwordPreset: z.enum(PASSWORD_PRESETS, "Choisissez une des deux règles.").describe("Règle des mots de passe"),
  stayConnectedDays: z
    .int(`Écrivez un nombre de jours de 0 à ${MOST_STAY_DAYS}.`)
    .min(0, `Écrivez un nombre de jours de 0 à ${MOST_STAY_DAYS}.`)
    .max(MOST_STAY_DAYS, `Écrivez un nombre de jours de 0 à ${MOST_STAY_DAYS}.`)
    .describe("Durée de « Rester connecté »"),
  secondFactorRoles: z.array(z.string()).describe("Double authentification exigée"),
  historyYears: z
    .int(YEARS_ASKED)
    .min(LEAST_HISTORY_YEARS, YEARS_ASKED)
    .max(MOST_HISTORY_YEARS, YEARS_ASKED)
    .describe("Durée de conservation de l’historique"),
});
const Accent = z.object({
  accent: z.string().trim().max(9).optional().describe("Couleur"),
  reset: z.string().optional(),
});

const ownTenant = (em: EntityManager, { user }: Request) =>
  em.findOneOrFail(Tenant, { tenantId: user!.tenantId, id: user!.tenantId });

export const edit: RequestHandler = async (req, res) => {
  res.show(VIEW, await page(req, {}));
};

export const update: RequestHandler = async (req, res) => {
  const form = await submit(
    req,
    General,
    said(req, "Réglages généraux de l’organisation"),
    async (values, em, sent) => {
      const tenant = await ownTenant(em, req);
      await atVersion(em, tenant, sent);
      editTenant(em, tenant, values, { by: req.user! });
    },
  );
  if (form.errors) return res.show(VIEW, await page(req, { form }));
  res.saved(VIEW, {}, { at: AT, notice: "Les réglages de l’organisation sont enregistrés.", undo: true });
};

/** Rules of passwords and sessions: the password is asked again first [ACC-11]. */
export const updateSecurity: RequestHandler = async (req, res) => {
  const act = said(req, "Réglages de sécurité de l’organisation");
  const form = await submit(req, Security, act, async (values, em, sent) => {
    const tenant = await ownTenant(em, req);
    await atVersion(em, tenant, sent);
    const rules = () => ({
      preset: tenant.passwordPreset,
      days: tenant.stayConnectedDays,
      secondFactor: tenant.guardedRoles(),
      historyYears: tenant.historyYears,
    });
    const before = rules();
    editTenant(em, tenant, values, { by: req.user! });
    const after = rules();
    if (JSON.stringify(before) !== JSON.stringify(after)) {
      noteSecurity(em, req, { kind: "settings.changed", userId: req.user!.id, detail: { before, after } });
    }
  });
  if (form.errors) return res.show(VIEW, await page(req, { security: form }));
  res.saved(VIEW, {}, { at: AT, notice: "Les réglages de sécurité sont enregistrés.", undo: true });
};

/** A colour that would make a text hard to read is refused, and the nearest that holds is one click away. */
export const updateAccent: RequestHandler = async (req, res) => {
  let proposal: string | null = null;
  const form = await submit(req, Accent, said(req, "Couleur de l’organisation"), async (values, em) => {
    const tenant = await ownTenant(em, req);
    if (values.reset !== undefined || !values.accent) return chooseAccent(em, tenant, null, { by: req.user! });
    const verdict = judgeAccent(values.accent);
    if (!verdict.accepted) {
      proposal = verdict.proposal;
      throw new RuleBroken(verdict.sentence, "accent");
    }
    chooseAccent(em, tenant, verdict.accent, { by: req.user! });
  });
  if (form.errors) return res.show(VIEW, await page(req, { colour: form, proposal }));
  res.saved(
    VIEW,
    {},
    { at: AT, notice: "La couleur de l’organisation est enregistrée, pour tout le monde.", undo: true },
  );
};

/** The organisation's colour over the product's own. The version in the address is the colour itself. */
export const stylesheet: RequestHandler = (req, res) => {
  const { accent } = req.user!.tenant;
  const asked = req.query.v;
  const isThisOne = accent !== null && asked === accent.replace("#", "");
  // Private: another organisation on the same browser has another colour under another version.
  res.setHeader("Cache-Control", isThisOne ? "private, max-age=31536000, immutable" : "no-store");
  res.type("text/css").send(accent === null ? "" : accentStylesheet(accent));
};

const said = (req: Request, label: string) => ({
  code: "tenant.edited",
  label,
  subject: () => aboutTenant({ id: req.user!.tenantId }),
  at: AT,
  current: async (em: EntityManager): Promise<Current> => {
    const tenant = await ownTenant(em, req);
    const { name, zone, holidayZone, passwordPreset, stayConnectedDays, historyYears, version, id } = tenant;
    const secondFactorRoles = tenant.guardedRoles().map(roleLabel).join(", ");
    const values = {
      name,
      zone,
      holidayZone,
      passwordPreset,
      stayConnectedDays: String(stayConnectedDays),
      secondFactorRoles,
      historyYears: String(historyYears),
    };
    return { values, version, ...(await lastChange(em, "tenant", id)) };
  },
});

interface Forms {
  form?: object;
  security?: object;
  colour?: object;
  proposal?: string | null;
}

/** Three forms on one page: the refused one keeps what was typed, and gives the page its status. */
async function page(req: Request, { form, security, colour, proposal = null }: Forms) {
  const tenant = await read(req, (em) => ownTenant(em, req));
  const empty = { values: {} };
  return {
    title: "Organisation",
    crumbs: [{ label: "Accueil", href: "/" }, { label: "Organisation" }],
    tenant,
    zones: ZONES.map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") })),
    holidayZones: HOLIDAY_ZONES,
    mostDays: MOST_STAY_DAYS,
    historyYears: { least: LEAST_HISTORY_YEARS, most: MOST_HISTORY_YEARS },
    roles: rolesHere(req).map(({ code, label }) => ({ value: code, label })),
    guarded: (security as { values?: Record<string, unknown> } | undefined)?.values?.secondFactorRoles ?? [
      ...tenant.guardedRoles(),
    ],
    general: form ?? empty,
    security: security ?? empty,
    colour: colour ?? empty,
    proposal,
    // What `res.show` looks at for the status and the "Erreur :" of the title.
    form: form ?? security ?? colour ?? empty,
  };
}
