import { defineEntity, p } from "@mikro-orm/core";
import { type EntityManager, LockMode } from "@mikro-orm/postgresql";
import { createdAt, lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { inOrder, type Role } from "./roles.ts";

export const PASSWORD_PRESETS = ["robustesse", "composition"] as const;
export type PasswordPreset = (typeof PASSWORD_PRESETS)[number];

/** How long history is kept (HIS-17). */
export const LEAST_HISTORY_YEARS = 2;
export const MOST_HISTORY_YEARS = 10;

const schema = defineEntity({
  name: "Tenant",
  tableName: "tenant",
  ...lookedUpTable,
  checks: [
    { name: "tenant_is_its_own_tenant", expression: "tenant_id = id" },
    {
      name: "tenant_history_years_check",
      expression: `(history_years >= ${LEAST_HISTORY_YEARS}) AND (history_years <= ${MOST_HISTORY_YEARS})`,
    },
  ],
  properties: {
    ...tenantKey(),
    name: p.text(),
    // The one `instance` tenant holds the super-admins and the pages of the instance (rulings 1).
    kind: p.enum(["instance", "organisation"] as const),
    zone: p.text().default("Europe/Paris"),
    holidayZone: p.text().default("metropole"),
    passwordPreset: p.enum(PASSWORD_PRESETS).default("robustesse"),
    accent: p.text().nullable(),
    logoId: p.uuid().nullable(),
    stayConnectedDays: p.integer().default(30),
    // After that history is erased by whole days (HIS-17).
    historyYears: p.integer().default(LEAST_HISTORY_YEARS),
    // Null: whoever holds the keys, except in a demo (ACC-12).
    secondFactorRoles: p.array().$type<Role[]>().columnType("text[]").nullable(),
    demo: p.boolean().default(false),
    // Set by those who run the instance: nobody signs in, jobs wait.
    suspendedAt: p.datetime().nullable(),
    suspensionReason: p.text().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** One organisation on a shared instance: the boundary no data crosses (TEN-1). */
export class Tenant extends schema.class {
  isInstance() {
    return this.kind === "instance";
  }
  isSuspended() {
    return this.suspendedAt != null;
  }
  /** The role of which one active holder must remain [ROL-3]. */
  keeperRole(): Role {
    return this.isInstance() ? "super_admin" : "admin";
  }
  /** The roles that must have a second factor [ACC-12]. */
  guardedRoles(): readonly Role[] {
    return guardedRoles(this.secondFactorRoles ?? null, this.demo);
  }
}
schema.setClass(Tenant);
export const TenantSchema = schema;

const KEY_HOLDERS: readonly Role[] = ["super_admin", "admin"];

/** What was chosen, or by default those who hold the keys; nobody in a demo, which is of this machine only. */
export const guardedRoles = (chosen: readonly Role[] | null, demo: boolean): readonly Role[] =>
  chosen ?? (demo ? [] : KEY_HOLDERS);

/**
 * The reserved tenant of the instance (rulings 1). Its identifier is fixed, so that two processes that start at once
 * on an empty base cannot make two of them.
 */
export const INSTANCE_ID = "00000000-0000-7000-8000-000000000001";

/** Where public holidays differ [SLT-8]. */
export const HOLIDAY_ZONES = [
  { value: "metropole", label: "Métropole" },
  { value: "alsace-moselle", label: "Alsace-Moselle" },
  { value: "guadeloupe", label: "Guadeloupe" },
  { value: "guyane", label: "Guyane" },
  { value: "martinique", label: "Martinique" },
  { value: "mayotte", label: "Mayotte" },
  { value: "nouvelle-caledonie", label: "Nouvelle-Calédonie" },
  { value: "la-reunion", label: "La Réunion" },
  { value: "polynesie-francaise", label: "Polynésie française" },
  { value: "saint-barthelemy", label: "Saint-Barthélemy" },
  { value: "saint-martin", label: "Saint-Martin" },
  { value: "saint-pierre-et-miquelon", label: "Saint-Pierre-et-Miquelon" },
  { value: "wallis-et-futuna", label: "Wallis-et-Futuna" },
] as const;

/** "Europe/Paris" and the like; what the runtime cannot compute with is not offered. */
export const ZONES: readonly string[] = Intl.supportedValuesOf("timeZone");

export const MOST_STAY_DAYS = 30;
const LONGEST_NAME = 120;

export interface Founding {
  id: string;
  name: string;
  kind: "instance" | "organisation";
  zone?: string;
  demo?: boolean;
}

/** Opens an organisation, inside an act of that very tenant. The caller flushes. */
export function createTenant(
  em: EntityManager,
  { id, name, kind, zone, demo }: Founding,
  { now }: { now: Date },
): Tenant {
  const tenant = em.create(Tenant, {
    tenantId: id,
    id,
    name: tidyTenantName(name),
    kind,
    zone: zone ?? "Europe/Paris",
    accent: null,
    secondFactorRoles: null,
    suspendedAt: null,
    suspensionReason: null,
    logoId: null,
    demo: demo ?? false,
    createdAt: now,
  });
  em.persist(tenant);
  record(em, "tenant.created", aboutTenant(tenant), { name: tenant.name });
  return tenant;
}

export const aboutTenant = ({ id }: { id: string }) => ({ type: "tenant", id });

/** Reads the tenant and makes every other writer of its accounts wait until this transaction ends. */
export async function holdTenant(em: EntityManager, tenantId: string): Promise<Tenant> {
  return em.findOneOrFail(Tenant, { tenantId, id: tenantId }, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

export type TenantSettings = Pick<
  Tenant,
  "name" | "zone" | "holidayZone" | "passwordPreset" | "stayConnectedDays" | "historyYears"
> & {
  secondFactorRoles: readonly string[];
};

/** Settings of the organisation, those given. The caller flushes. */
export function editTenant(
  em: EntityManager,
  tenant: Tenant,
  settings: Partial<TenantSettings>,
  { by }: { by: { id: string } | null },
): void {
  const { secondFactorRoles, ...plain } = settings;
  const wanted: Partial<Tenant> = { ...plain };
  if (secondFactorRoles !== undefined) {
    const roles = inOrder(secondFactorRoles);
    if (roles.join() !== inOrder(tenant.guardedRoles()).join()) wanted.secondFactorRoles = roles;
  }
  if (wanted.name !== undefined) wanted.name = tidyTenantName(wanted.name);
  if (wanted.zone !== undefined && !ZONES.includes(wanted.zone)) {
    throw new RuleBroken("Choisissez un fuseau horaire de la liste.", "zone");
  }
  if (wanted.holidayZone !== undefined && !HOLIDAY_ZONES.some(({ value }) => value === wanted.holidayZone)) {
    throw new RuleBroken("Choisissez une zone de jours fériés de la liste.", "holidayZone");
  }
  const days = wanted.stayConnectedDays;
  if (days !== undefined && !(Number.isInteger(days) && days >= 0 && days <= MOST_STAY_DAYS)) {
    throw new RuleBroken(`Écrivez un nombre de jours de 0 à ${MOST_STAY_DAYS}.`, "stayConnectedDays");
  }
  const years = wanted.historyYears;
  if (
    years !== undefined &&
    !(Number.isInteger(years) && years >= LEAST_HISTORY_YEARS && years <= MOST_HISTORY_YEARS)
  ) {
    throw new RuleBroken(
      `Écrivez un nombre d’années de ${LEAST_HISTORY_YEARS} à ${MOST_HISTORY_YEARS}.`,
      "historyYears",
    );
  }
  change(em, tenant, wanted, by);
}

/** A colour already checked by the caller (accent.ts), or null for the product's own. The caller flushes. */
export function chooseAccent(
  em: EntityManager,
  tenant: Tenant,
  accent: string | null,
  { by }: { by: { id: string } | null },
): void {
  change(em, tenant, { accent }, by);
}

/** The file shown in the header of every page, or null for none. The caller flushes. */
export function chooseLogo(
  em: EntityManager,
  tenant: Tenant,
  logoId: string | null,
  { by }: { by: { id: string } | null },
): void {
  change(em, tenant, { logoId }, by);
}

function change(em: EntityManager, tenant: Tenant, wanted: Partial<Tenant>, by: { id: string } | null): void {
  const fields = (Object.keys(wanted) as (keyof Tenant)[]).filter(
    (name) => wanted[name] !== undefined && wanted[name] !== tenant[name],
  );
  if (fields.length === 0) return;
  for (const name of fields) Object.assign(tenant, { [name]: wanted[name] });
  record(em, "tenant.edited", aboutTenant(tenant), { fields, by: by?.id ?? null });
}

/** As it will be kept, or a refusal. */
export function tidyTenantName(name: string): string {
  const tidy = name.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (tidy === "") throw new RuleBroken("Écrivez le nom de l’organisation : il est en tête de chaque page.", "name");
  if (tidy.length > LONGEST_NAME) throw new RuleBroken(`Raccourcissez à ${LONGEST_NAME} caractères.`, "name");
  if (/[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u.test(tidy)) {
    throw new RuleBroken("Retirez les signes < et >, les retours à la ligne et les caractères invisibles.", "name");
  }
  return tidy;
}
