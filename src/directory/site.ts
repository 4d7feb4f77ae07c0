import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { HOLIDAY_ZONES, ZONES } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import type { WeekHours } from "./hours.ts";
import { countPlace, findPlaceNamed, holdDirectory, movePlace } from "./queries/places.ts";
import type { Said } from "./said.ts";
import { tidyName } from "./wording.ts";

const schema = defineEntity({
  name: "Site",
  tableName: "site",
  ...tenantTable,
  indexes: [
    {
      name: "site_name_unique",
      expression: 'create unique index "site_name_unique" on "site" ("tenant_id", folded("name"))',
    },
  ],
  properties: {
    ...tenantKey(),
    name: p.text(),
    zone: p.text(),
    holidayZone: p.text(),
    hours: p.json<WeekHours>().columnType("jsonb"),
    ...createdAt(),
    ...versioned(),
  },
});

/** A place where people work and are received, with its time, its holidays and its opening hours (DIR-4). */
export class Site extends schema.class {}
schema.setClass(Site);
export const SiteSchema = schema;

export const aboutSite = ({ id }: { id: string }) => ({ type: "site", id });

export const LONGEST_SITE = 100;

export type SiteSettings = Pick<Site, "name" | "zone" | "holidayZone" | "hours">;

/** A new site. Refused under a name another has, whatever its case or accents [DIR-4]. The caller flushes. */
export async function createSite(em: EntityManager, settings: SiteSettings, { tenantId, by }: Said): Promise<Site> {
  await holdDirectory(em, tenantId);
  const site = em.create(Site, { tenantId, id: randomUUIDv7(), ...(await checked(em, settings)) });
  em.persist(site);
  record(em, "site.created", aboutSite(site), { by: by.id });
  return site;
}

/** Its name, time zone, holidays and hours, under the same rules. The caller flushes. */
export async function editSite(em: EntityManager, site: Site, settings: SiteSettings, { tenantId, by }: Said) {
  await holdDirectory(em, tenantId);
  const wanted = await checked(em, settings, site);
  const fields = (Object.keys(wanted) as (keyof SiteSettings)[]).filter(
    (name) => JSON.stringify(wanted[name]) !== JSON.stringify(site[name]),
  );
  if (fields.length === 0) return;
  Object.assign(site, Object.fromEntries(fields.map((name) => [name, wanted[name]])));
  record(em, "site.edited", aboutSite(site), { fields, by: by.id });
}

/** Everybody of `from` is of `into`, and `from` is no more [DIR-4]. Gives how many people moved. The caller flushes. */
export async function mergeSites(em: EntityManager, from: Site, into: Site, { tenantId, by }: Said): Promise<number> {
  await holdDirectory(em, tenantId);
  if (from.id === into.id) throw new RuleBroken("Choisissez un autre site que celui-ci.", "into");
  const people = await movePlace(em, "site", from.id, into.id);
  em.remove(from);
  record(em, "site.merged", aboutSite(into), { from: from.id, people, by: by.id });
  return people;
}

/** Takes away a site nobody works at. The caller flushes. */
export async function deleteSite(em: EntityManager, site: Site, { tenantId, by }: Said): Promise<void> {
  await holdDirectory(em, tenantId);
  const { people, scopes } = await countPlace(em, "site", site.id);
  if (people + scopes > 0) {
    throw new RuleBroken(
      `${people > 0 ? "Des agents sont" : "Le périmètre d’un coordinateur est"} de ce site\u00a0: fusionnez-le plutôt avec un autre.`,
    );
  }
  em.remove(site);
  record(em, "site.deleted", aboutSite(site), { by: by.id });
}

async function checked(em: EntityManager, settings: SiteSettings, but?: Site): Promise<SiteSettings> {
  const name = tidyName(settings.name, "name", LONGEST_SITE, "Écrivez le nom du site.");
  if (!ZONES.includes(settings.zone)) throw new RuleBroken("Choisissez un fuseau horaire de la liste.", "zone");
  if (!HOLIDAY_ZONES.some(({ value }) => value === settings.holidayZone)) {
    throw new RuleBroken("Choisissez une zone de jours fériés de la liste.", "holidayZone");
  }
  const taken = await findPlaceNamed(em, "site", name);
  if (taken && taken.id !== but?.id) {
    throw new RuleBroken(`Le site «\u00a0${taken.name}\u00a0» existe déjà. Choisissez un autre nom.`, "name");
  }
  return { name, zone: settings.zone, holidayZone: settings.holidayZone, hours: settings.hours };
}
