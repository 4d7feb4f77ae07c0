import { z } from "zod";
import { DAY_FIELDS, typedDay, type WeekHours } from "../hours.ts";

const day = (label: string) =>
  z.string().trim().max(100, "Raccourcissez à 100 caractères.").default("").describe(label);

/** The seven fields of a week, for the schema of a form. */
export const DAYS_FORM = {
  day1: day("Lundi"),
  day2: day("Mardi"),
  day3: day("Mercredi"),
  day4: day("Jeudi"),
  day5: day("Vendredi"),
  day6: day("Samedi"),
  day7: day("Dimanche"),
};

/** What the seven inputs hold. */
export const typedWeek = (hours: WeekHours) =>
  Object.fromEntries(DAY_FIELDS.map(({ day: one, field }) => [field, typedDay(hours, one)]));
