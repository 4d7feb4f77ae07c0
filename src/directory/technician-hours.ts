import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { toUser, type User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { record } from "../platform/events/record.ts";
import type { WeekHours } from "./hours.ts";
import { holdDirectory } from "./queries/places.ts";
import type { Said } from "./said.ts";

const schema = defineEntity({
  name: "TechnicianHours",
  tableName: "technician_hours",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "user"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    hours: p.json<WeekHours>().columnType("jsonb"),
    ...createdAt(),
    ...versioned(),
  },
});

/** When a technician works, day by day; without it, office hours are taken. */
export class TechnicianHours extends schema.class {}
schema.setClass(TechnicianHours);
export const TechnicianHoursSchema = schema;

const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

/** The hours of a technician, as those who give work out know them. The caller flushes. */
export async function setTechnicianHours(
  em: EntityManager,
  user: User,
  hours: WeekHours,
  { tenantId, by }: Said,
): Promise<void> {
  await holdDirectory(em, tenantId);
  const known = await em.findOne(TechnicianHours, { user: { id: user.id } });
  if (known && JSON.stringify(known.hours) === JSON.stringify(hours)) return;
  if (known) known.hours = hours;
  else em.persist(em.create(TechnicianHours, { tenantId, id: randomUUIDv7(), user, hours }));
  record(em, "technician.hours_set", aboutAccount(user), { by: by.id });
}
