import { setImmediate as others } from "node:timers/promises";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type Conversion, cellText, convertValues, type FieldDefinition, type FieldValue } from "../fields/index.ts";
import type { Campaign } from "./campaign.ts";
import { withPeople } from "./plan.ts";

/** Values read between two turns given to whoever else asks something. */
const AT_ONCE = 2_000;

/** Values of a field read as another type reads them, each known by its rank in the list (FLD-6). */
export async function readAnew(
  em: EntityManager,
  { campaign, zone }: { campaign: Pick<Campaign, "defaultHour">; zone: string },
  from: FieldDefinition,
  to: FieldDefinition,
  values: readonly FieldValue[],
): Promise<Conversion> {
  const named = await withPeople(em, { fields: [from] }, { values: values.map((value) => ({ [from.code]: value })) });
  const showing = { zone, ...(named.names && { names: named.names }) };
  const texts = to.type === "person" ? values.map((value) => cellText(from, value, showing)) : [];
  const { names, person } = await withPeople(em, { fields: [to] }, { texts });
  const reading = { ...showing, defaultHour: campaign.defaultHour, ...(names && { names }), ...(person && { person }) };
  const made: Conversion = { converted: [], refused: [], samples: { converted: [], refused: [] } };
  for (let at = 0; at < values.length; at += AT_ONCE) {
    if (at > 0) await others();
    const some = values.slice(at, at + AT_ONCE).map((value, rank) => ({ id: String(at + rank), value }));
    const { converted, refused, samples } = convertValues(from, { ...to, isMandatory: false }, some, reading);
    for (const one of converted) made.converted.push(one);
    for (const one of refused) made.refused.push(one);
    made.samples.converted.push(...samples.converted.slice(made.samples.converted.length));
    made.samples.refused.push(...samples.refused.slice(made.samples.refused.length));
  }
  return made;
}
