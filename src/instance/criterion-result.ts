import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { lookedUpTable, tenantKey, versioned } from "../platform/db/entity.ts";
import type { Tracked } from "../platform/db/tracking.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { STATUSES, type Status } from "./assessment.ts";
import type { Criterion } from "./criteria.ts";

const schema = defineEntity({
  name: "CriterionResult",
  tableName: "criterion_result",
  ...lookedUpTable,
  uniques: [{ properties: ["tenantId", "criterion"] }],
  properties: {
    ...tenantKey(),
    criterion: p.text(),
    status: p.enum(Object.keys(STATUSES) as Status[]),
    note: p.text().nullable(),
    ...versioned(),
  },
});

/** What the assessor of the instance says of one RGAA criterion; it lives in the instance tenant. */
export class CriterionResult extends schema.class {}
schema.setClass(CriterionResult);
export const CriterionResultSchema = schema;

export const criterionResultTracked: Tracked = {
  table: "criterion_result",
  subject: "criterion_result",
  title: "'Critère ' || r.criterion",
  undo: { right: "instance.manage", created: "delete" },
  columns: {
    criterion: { label: "Critère" },
    status: {
      label: "Évaluation",
      values: Object.fromEntries(Object.entries(STATUSES).map(([code, { label }]) => [code, label])),
    },
    note: { label: "Remarque" },
  },
};

/** Records what was found for a criterion: a failure must say what is wrong, or nobody can mend it. The caller flushes. */
export function assessCriterion(
  em: EntityManager,
  result: CriterionResult | null,
  {
    criterion,
    status,
    note,
    tenantId,
    by,
  }: { criterion: Criterion; status: Status; note: string | null; tenantId: string; by: string },
): CriterionResult {
  if (status === "non_conforme" && !note) {
    throw new RuleBroken("Dites ce qui n’est pas conforme, et où : c’est ce qui permettra de le corriger.", "note");
  }
  const written =
    result ?? em.create(CriterionResult, { tenantId, id: randomUUIDv7(), criterion: criterion.number, status, note });
  written.status = status;
  written.note = note;
  em.persist(written);
  record(
    em,
    "criterion.assessed",
    { type: "criterion_result", id: written.id },
    { criterion: criterion.number, status, by },
  );
  return written;
}
