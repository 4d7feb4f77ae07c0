import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { toUser, type User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { holdDirectory } from "./queries/places.ts";
import type { Said } from "./said.ts";
import { tidyName } from "./wording.ts";

const schema = defineEntity({
  name: "Absence",
  tableName: "absence",
  ...tenantTable,
  checks: [{ name: "absence_ends_after", expression: "ends_on >= starts_on" }],
  indexes: [{ properties: ["tenantId", "user", "endsOn"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    // Days of the technician's own place, both included.
    startsOn: p.date(),
    endsOn: p.date(),
    reason: p.text(),
    ...createdAt(),
  },
});

/** Whole days a technician is away, with the reason those who plan are given. */
export class Absence extends schema.class {
  title(): string {
    return saidPeriod(this);
  }
}
schema.setClass(Absence);
export const AbsenceSchema = schema;

export const LONGEST_REASON = 100;
const MOST_DAYS = 366;
const DAY_MS = 86_400_000;

/** A day in words, whatever the zone of its reader. */
export const saidDate = (day: string): string => fr.date(`${day}T12:00:00Z`, "UTC");

/** "le jeudi 12 mars 2026", "du jeudi 12 mars 2026 au vendredi 13 mars 2026". */
export const saidPeriod = ({ startsOn, endsOn }: { startsOn: string; endsOn: string }): string =>
  startsOn === endsOn ? `le ${saidDate(startsOn)}` : `du ${saidDate(startsOn)} au ${saidDate(endsOn)}`;

const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

/** Away from one day to another. Refused over another absence of the same person, which is named. The caller flushes. */
export async function addAbsence(
  em: EntityManager,
  user: User,
  { startsOn, endsOn, reason }: { startsOn: string; endsOn: string; reason: string },
  { tenantId, by }: Said,
): Promise<Absence> {
  await holdDirectory(em, tenantId);
  if (endsOn < startsOn) throw new RuleBroken("L’absence finit avant de commencer.", "endsOn");
  if (Date.parse(endsOn) - Date.parse(startsOn) >= MOST_DAYS * DAY_MS) {
    throw new RuleBroken("Une absence dure un an au plus. Si la personne est partie, désactivez son compte.", "endsOn");
  }
  const other = await em.findOne(Absence, {
    user: { id: user.id },
    startsOn: { $lte: endsOn },
    endsOn: { $gte: startsOn },
  });
  if (other) {
    throw new RuleBroken(`Une absence ${fr.of(user.name())} est déjà notée ${saidPeriod(other)}.`, "startsOn");
  }
  const tidied = tidyName(reason, "reason", LONGEST_REASON, "Écrivez le motif, par exemple «\u00a0Congés\u00a0».");
  const absence = em.create(Absence, { tenantId, id: randomUUIDv7(), user, startsOn, endsOn, reason: tidied });
  em.persist(absence);
  record(em, "technician.absence_added", aboutAccount(user), { absence: absence.id, by: by.id });
  return absence;
}

/** Here after all. The caller flushes. */
export function removeAbsence(em: EntityManager, absence: Absence, { by }: Said): void {
  em.remove(absence);
  record(em, "technician.absence_removed", aboutAccount({ id: absence.user.id }), { absence: absence.id, by: by.id });
}
