import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { tenantKey } from "../platform/db/entity.ts";
import { yearBefore, yearTable } from "./security-event.ts";

const schema = defineEntity({
  name: "PeopleRead",
  tableName: "people_read",
  ...yearTable,
  indexes: [{ properties: ["tenantId", "userId", "id"] }],
  properties: {
    ...tenantKey(),
    at: p.datetime().defaultRaw("app_now()"),
    userId: p.uuid(),
    page: p.text(),
    // Whose page it was, when it was one person's.
    subjectId: p.uuid().nullable(),
    address: p.text(),
  },
});

/** One reading of a page of people: a measure, written after the page has left [PRM-32, HIS-16]. */
export class PeopleRead extends schema.class {}
schema.setClass(PeopleRead);
export const PeopleReadSchema = schema;

/** Readings older than a year leave, as the rest of the security log [HIS-16]. Gives how many. */
export const sweepReadings = (em: EntityManager, { now }: { now: Date }): Promise<number> =>
  em.nativeDelete(PeopleRead, { at: { $lt: yearBefore(now) } });
