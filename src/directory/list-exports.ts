import { explain, HOLIDAY_ZONES, mayRoute } from "../accounts/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { type ExportAsked, type ExportProfile, planOfFew } from "../platform/sheets/export.ts";
import { saidPeriod } from "./absence.ts";
import { toldWeek } from "./hours.ts";
import { localMoment } from "./local.ts";
import { listDepartments, listSites } from "./queries/places.ts";
import { listTechnicians } from "./queries/technicians.ts";

/** The short lists of the directory, whole (EXP-1), to whoever opens their page (PRM-23). */

function refuseOthers({ user, scopeId }: ExportAsked, right: string): void {
  if (scopeId !== null) throw new NotFound();
  if (!mayRoute(user.roles, right)) throw new Forbidden(explain(user.roles, right));
}

const ofTenant: ExportProfile["about"] = (_scopeId, tenantId) => ({ type: "tenant", id: tenantId });

export const departmentsExport: ExportProfile = {
  kind: "services",
  title: "Exporter les services",
  noun: ["service", "services"],
  about: ofTenant,
  async open(em, asked) {
    refuseOthers(asked, "directory.read");
    return planOfFew(
      await listDepartments(em),
      [
        { head: "Nom", cell: ({ name }) => name },
        { head: "Sites", cell: ({ sites }) => sites.join(", ") || null },
        { head: "Agents", cell: ({ active }) => active },
      ],
      { place: { label: "Services", path: "/admin/annuaire/services" }, name: "services" },
    );
  },
};

export const sitesExport: ExportProfile = {
  kind: "sites",
  title: "Exporter les sites",
  noun: ["site", "sites"],
  about: ofTenant,
  async open(em, asked) {
    refuseOthers(asked, "directory.read");
    return planOfFew(
      await listSites(em),
      [
        { head: "Nom", cell: ({ name }) => name },
        { head: "Fuseau horaire", cell: ({ zone }) => zone },
        {
          head: "Jours fériés",
          cell: ({ holidayZone }) => HOLIDAY_ZONES.find(({ value }) => value === holidayZone)?.label ?? holidayZone,
        },
        { head: "Heures d’ouverture", cell: ({ hours }) => toldWeek(hours) },
        { head: "Agents", cell: ({ active }) => active },
      ],
      { place: { label: "Sites", path: "/admin/annuaire/sites" }, name: "sites" },
    );
  },
};

/** The active technicians with their hours and the absences to come. */
export const techniciansExport: ExportProfile = {
  kind: "techniciens",
  title: "Exporter les techniciens",
  noun: ["technicien", "techniciens"],
  about: ofTenant,
  async open(em, asked) {
    refuseOthers(asked, "technicians.plan");
    const { day: from } = localMoment(asked.now, asked.zone);
    return planOfFew(
      await listTechnicians(em, { from }),
      [
        { head: "Nom", cell: ({ name }) => name },
        { head: "Fuseau horaire", cell: ({ zone }) => zone },
        { head: "Horaires", cell: ({ hours }) => hours && toldWeek(hours) },
        {
          head: "Absences en cours et à venir",
          cell: ({ absences }) => absences.map((one) => `${saidPeriod(one)}, ${one.reason}`).join("\u202f; ") || null,
        },
      ],
      {
        place: { label: "Techniciens", path: "/admin/annuaire/techniciens" },
        name: "techniciens",
        holdsPeople: true,
      },
    );
  },
};
