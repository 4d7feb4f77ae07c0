import type { EntityManager } from "@mikro-orm/postgresql";
import type { SignedIn } from "../accounts/index.ts";
import { type FieldValue, type FieldValues, showValue } from "../fields/index.ts";
import { NotFound } from "../platform/errors.ts";
import { statusOf } from "../workflow/index.ts";
import { everyFieldOf } from "./field.ts";
import { Operation } from "./operation.ts";
import { rulesFor, withPeople } from "./plan.ts";
import { operationFor } from "./policy.ts";
import { listSegments } from "./queries/segments.ts";

type Told = { label: string; text: string } | null | undefined;

/**
 * How the history of an operation tells it: statuses and fields in the words of its campaign, segments by name (OPS-18). A
 * technician, who does not see the campaign, is not told fields that are not for technicians, nor removed ones (FLD-3).
 */
export async function readsOperation(
  em: EntityManager,
  reader: SignedIn,
  id: string,
  sides: readonly Record<string, unknown>[],
): Promise<(name: string, value: unknown) => Told> {
  const operation = await em.findOne(Operation, { id }, { populate: ["campaign"] });
  if (!operation) return () => undefined;
  const isTechnicianOnly = await operationFor(em, reader, id).then(
    ({ may }) => !may("campaigns.see"),
    (error: unknown) => {
      // In the trash, or read with the whole history: nothing is kept from whoever reads all of it.
      if (error instanceof NotFound) return false;
      throw error;
    },
  );
  const values = sides.map((side) => (side.values ?? {}) as FieldValues);
  const every = await everyFieldOf(em, operation.campaign);
  const rules = rulesFor(operation.campaign, reader.tenant.zone);
  const plan = await withPeople(em, { ...rules, fields: every.map((field) => field.definition()) }, { values });
  const fields = new Map(plan.fields.map((field) => [field.code, field]));
  const removed = new Set(every.flatMap(({ removedAt, code }) => (removedAt ? code : [])));
  const segments = new Map((await listSegments(em, operation.campaign.id)).map((one) => [one.id, one.name]));
  return (name, value) => {
    if (name === "status")
      return { label: "Statut", text: statusOf(plan.workflow, String(value))?.label ?? String(value ?? "") };
    if (name === "segment_id") {
      return { label: "Segment", text: value === null ? "" : (segments.get(String(value)) ?? "segment disparu") };
    }
    // Its status says it already.
    if (name === "category") return null;
    if (!name.startsWith("values.")) return undefined;
    const code = name.slice("values.".length);
    const field = fields.get(code);
    if (isTechnicianOnly && (!field?.isForTechnicians || removed.has(code))) return null;
    if (!field) return { label: code, text: value === null ? "" : String(value) };
    return { label: field.label, text: value === null ? "" : showValue(field, value as FieldValue, plan) };
  };
}
