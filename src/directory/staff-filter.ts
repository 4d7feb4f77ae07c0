import { z } from "zod";
import { isStaffOrder, type StaffFilter, type StaffOrder } from "./queries/staff.ts";

/** What the address of the list of people says: read here for the page and for an export of it. */

export const NONE = "aucun";
const place = () => z.union([z.uuid(), z.literal(NONE)]).optional();

export const StaffAddress = z.object({
  q: z.string().max(200).optional(),
  service: place(),
  site: place(),
  responsable: place(),
  etat: z.enum(["inactives", "toutes"]).optional(),
  tri: z.string().max(10).optional(),
  sens: z.enum(["croissant", "decroissant"]).optional(),
  page: z.string().max(600).optional(),
});

/** The filter and the order an address says. */
export function staffAsked({ q, service, site, responsable, etat, tri, sens }: z.output<typeof StaffAddress>): {
  filter: StaffFilter;
  order: StaffOrder;
  descending: boolean;
} {
  const named = (value: string | undefined) => (value === NONE ? "none" : value);
  return {
    filter: {
      q,
      department: named(service),
      site: named(site),
      manager: named(responsable),
      state: etat === "toutes" ? undefined : etat === "inactives" ? "inactive" : "active",
    },
    order: isStaffOrder(tri) ? tri : "name",
    descending: sens === "decroissant",
  };
}
