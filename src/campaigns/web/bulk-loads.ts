import type { EntityManager } from "@mikro-orm/postgresql";
import { absenceOn, listTechnicians, minutesOn } from "../../directory/index.ts";
import { dayOf, localOf } from "../../fields/index.ts";
import { fr } from "../../platform/text/index.ts";
import { type Load, toldMinutes } from "../balance.ts";
import type { BulkWish } from "../bulk-wish.ts";
import { dealtBy, frozenIn, loadsOf } from "../queries/loads.ts";
import type { decidingOf } from "./one-bulk.ts";

/** Days whose load is shown one by one. */
const MOST_DAYS = 31;

/** What each technician would have to do, day after day, with what they have already in the campaigns this person sees (OPS-3, CAM-26). */
export async function loadTable(
  em: EntityManager,
  bulkId: string,
  { technicians: chosen, minutes }: Extract<BulkWish, { action: "balance" }>,
  { plan: { zone }, user, now }: Awaited<ReturnType<typeof decidingOf>>,
) {
  const dealt = await dealtBy(em, bulkId, { zone, minutes });
  const present = await loadsOf(em, chosen, { zone, minutes, except: frozenIn(bulkId), seenBy: user });
  const technicians = (await listTechnicians(em, { from: dayOf(localOf(now, zone)) })).filter(({ id }) =>
    chosen.includes(id),
  );
  const of = (loads: Load[], id: string, day: string | null) =>
    loads.find((one) => one.technicianId === id && one.day === day) ?? { minutes: 0, operations: 0 };
  const days = [...new Set(dealt.map(({ day }) => day))].sort((a, b) => ((a ?? "9") < (b ?? "9") ? -1 : 1));
  return {
    technicians: technicians.map(({ id, name }) => ({
      name,
      operations: dealt.filter((one) => one.technicianId === id).reduce((sum, one) => sum + one.operations, 0),
    })),
    more: Math.max(0, days.length - MOST_DAYS),
    days: days.slice(0, MOST_DAYS).map((day) => ({
      label: day === null ? "Sans date" : fr.date(`${day}T12:00:00Z`, "UTC"),
      cells: technicians.map((technician) => {
        const [added, before] = [of(dealt, technician.id, day), of(present, technician.id, day)];
        const hours = day === null ? 0 : minutesOn(technician, day);
        const total = added.minutes + before.minutes;
        return {
          name: technician.name,
          absence: (day !== null && absenceOn(technician, day)?.reason) || null,
          isOff: day !== null && hours === 0,
          operations: added.operations,
          told: day === null ? toldMinutes(total) : `${toldMinutes(total)} sur ${toldMinutes(hours)}`,
          before: before.operations,
          minutes: total,
          hours,
        };
      }),
    })),
  };
}
