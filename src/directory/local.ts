import { dayOf, hourOf, localOf } from "../fields/index.ts";
import { weekdayOf } from "./holidays.ts";

/** A moment as a clock on the wall of a zone tells it. */
export interface LocalMoment {
  /** "2026-03-12". */
  day: string;
  /** 1 for Monday to 7 for Sunday. */
  weekday: number;
  /** "14:30". */
  time: string;
}

/** What day and hour it is there at this instant [GEN-3]. */
export function localMoment(instant: Date, zone: string): LocalMoment {
  const local = localOf(instant, zone);
  const day = dayOf(local);
  return { day, weekday: weekdayOf(day), time: hourOf(local) };
}
