/** Whether a technician works at a moment: pure, over what `listTechnicians` gives. */
import { holidayOn, weekdayOf } from "./holidays.ts";
import { isWithin, OFFICE_HOURS, type WeekHours } from "./hours.ts";
import { localMoment } from "./local.ts";

export interface Technician {
  id: string;
  name: string;
  /** Of the site of the person they are tied to, else of the organisation [GEN-3]. */
  zone: string;
  holidayZone: string;
  /** Null when nobody has said: office hours are taken. */
  hours: WeekHours | null;
  absences: AbsencePeriod[];
}

export interface AbsencePeriod {
  id: string;
  /** "2026-03-12", both days included. */
  startsOn: string;
  endsOn: string;
  reason: string;
}

/** The absence that covers this local day, or null. */
export const absenceOn = ({ absences }: Pick<Technician, "absences">, day: string): AbsencePeriod | null =>
  absences.find(({ startsOn, endsOn }) => startsOn <= day && day <= endsOn) ?? null;

/** Who is away that day, and why. */
export const absencesOn = (technicians: readonly Technician[], day: string) =>
  technicians.flatMap((technician) => {
    const absence = absenceOn(technician, day);
    return absence ? [{ technician, absence }] : [];
  });

/** Minutes this technician works that day: none on a holiday of their zone, on a day off, or away. */
export function minutesOn(technician: Technician, day: string): number {
  if (holidayOn(day, technician.holidayZone) !== null || absenceOn(technician, day)) return 0;
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  const ranges = (technician.hours ?? OFFICE_HOURS)[weekdayOf(day)] ?? [];
  return ranges.reduce((sum, [from, to]) => sum + minutes(to) - minutes(from), 0);
}

/** Whether this technician works at this instant: within their hours, no holiday, not away. */
export function isAvailable(technician: Technician, instant: Date): boolean {
  const local = localMoment(instant, technician.zone);
  return minutesOn(technician, local.day) > 0 && isWithin(technician.hours ?? OFFICE_HOURS, local);
}
