import type { RequestHandler } from "express";
import { z } from "zod";
import { HOLIDAY_ZONES, Tenant } from "../../accounts/index.ts";
import { withQuery } from "../../platform/http/addresses.ts";
import { query, read } from "../../platform/http/forms.ts";
import { holidaysOf, weekdayOf } from "../holidays.ts";
import { localMoment } from "../local.ts";
import { listSites } from "../queries/places.ts";
import { HOLIDAYS_AT as AT, DIRECTORY, HOME, tabsOf } from "./shown.ts";

const VIEW = { page: "directory/holidays/index", part: "directory/holidays/_list" };
const EARLIEST = 1900;
const LATEST = 2100;

const Filters = z.object({
  annee: z.coerce.number().int().min(EARLIEST).max(LATEST).optional().describe("Année"),
  zone: z.string().max(40).optional(),
});

/** The holidays of a year in a zone, as every date computed here takes them [SLT-8]. */
export const index: RequestHandler = async (req, res) => {
  const { annee, zone } = query(req, Filters);
  const { tenant, sites } = await read(req, async (em) => ({
    tenant: await em.findOneOrFail(Tenant, { id: req.user!.tenantId }),
    sites: await listSites(em),
  }));
  const year = annee ?? Number(localMoment(req.now, tenant.zone).day.slice(0, 4));
  const here = HOLIDAY_ZONES.find(({ value }) => value === (zone ?? tenant.holidayZone)) ?? HOLIDAY_ZONES[0];
  const holidays = holidaysOf(year, here.value);
  const own = tenant.holidayZone === here.value ? [tenant.name] : [];
  const at = (one: number) => (one < EARLIEST || one > LATEST ? null : withQuery(AT, { annee: String(one), zone }));
  res.show(VIEW, {
    title: "Jours fériés",
    crumbs: [HOME, DIRECTORY, { label: "Jours fériés" }],
    tabs: tabsOf(req, AT),
    year,
    zoneLabel: here.label,
    zones: HOLIDAY_ZONES,
    form: { values: { annee: String(year), zone: here.value } },
    holidays: holidays.map((one) => ({ ...one, isWeekend: weekdayOf(one.day) > 5 })),
    // Two of them may fall on one day: 1 May 2008 was Ascension too.
    workedOff: new Set(holidays.flatMap(({ day }) => (weekdayOf(day) < 6 ? day : []))).size,
    followers: [...own, ...sites.filter(({ holidayZone }) => holidayZone === here.value).map(({ name }) => name)],
    previous: at(year - 1),
    next: at(year + 1),
  });
};
