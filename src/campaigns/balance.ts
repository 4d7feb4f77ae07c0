import { absencesOn, minutesOn, type Technician } from "../directory/index.ts";
import { dayOf, localOf } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";

/** What a technician has to do on a local day: minutes of standard duration, and how many operations. */
export interface Load {
  technicianId: string;
  /** Null: operations without a date. */
  day: string | null;
  minutes: number;
  operations: number;
}

/** What an operation counts for where its campaign says no standard duration. */
export const USUAL_MINUTES = 30;

const inWords = (day: string) => fr.date(`${day}T12:00:00Z`, "UTC");

/** "45 min", "2 h", "2 h 05". */
export function toldMinutes(minutes: number): string {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest}\u00a0min`;
  return rest === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h\u00a0${String(rest).padStart(2, "0")}`;
}

/**
 * Operations dealt out one by one, each to who has the lightest part of their day so far, in standard minutes (OPS-3), and
 * among as light ones to who was given least: days of one operation each go round. Days off, holidays and absences are no
 * days of work; a day that is full takes no more.
 */
export class Balance {
  readonly #technicians: readonly Technician[];
  readonly #minutes: number;
  readonly #zone: string;
  readonly #loads = new Map<string, number>();
  readonly #hours = new Map<string, number>();
  /** Operations each was given here, whatever their day. */
  readonly #given = new Map<string, number>();

  constructor(
    technicians: readonly Technician[],
    present: readonly Load[],
    { minutes, zone }: { minutes: number; zone: string },
  ) {
    this.#technicians = technicians;
    this.#minutes = minutes;
    this.#zone = zone;
    for (const { technicianId, day, minutes: taken } of present) this.#loads.set(`${technicianId} ${day}`, taken);
  }

  /** Whom an operation of this date is given to. Throws RuleBroken when nobody works that day, or has time left. */
  give(plannedAt: Date | null): string {
    const day = plannedAt && dayOf(localOf(plannedAt, this.#zone));
    const working = day === null ? this.#technicians : this.#technicians.filter((one) => this.#hoursOf(one, day) > 0);
    if (day !== null && working.length === 0) throw new RuleBroken(this.#whyNobody(day));
    const free = day === null ? working : working.filter((one) => this.#after(one, day) <= this.#hoursOf(one, day));
    if (free.length === 0) {
      throw new RuleBroken(`La journée du ${inWords(day!)} est pleine pour les techniciens choisis.`);
    }
    const share = (one: Technician) =>
      (this.#after(one, day) - this.#minutes) / (day === null ? 1 : this.#hoursOf(one, day));
    const given = ({ id }: Technician) => this.#given.get(id) ?? 0;
    const chosen = free.reduce((best, one) => {
      const lighter = share(one) - share(best);
      return lighter < 0 || (lighter === 0 && given(one) < given(best)) ? one : best;
    });
    this.#loads.set(`${chosen.id} ${day}`, this.#after(chosen, day));
    this.#given.set(chosen.id, given(chosen) + 1);
    return chosen.id;
  }

  #after({ id }: Technician, day: string | null): number {
    return (this.#loads.get(`${id} ${day}`) ?? 0) + this.#minutes;
  }

  #hoursOf(technician: Technician, day: string): number {
    const key = `${technician.id} ${day}`;
    const known = this.#hours.get(key) ?? minutesOn(technician, day);
    this.#hours.set(key, known);
    return known;
  }

  #whyNobody(day: string): string {
    const away = absencesOn(this.#technicians, day).map(
      ({ technician, absence }) => `${technician.name} est en absence (${absence.reason})`,
    );
    return `Parmi les techniciens choisis, personne ne travaille le ${inWords(day)}${away.length > 0 ? `\u00a0: ${fr.list(away)}` : ""}.`;
  }
}
