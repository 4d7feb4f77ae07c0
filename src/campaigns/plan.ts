import type { EntityManager } from "@mikro-orm/postgresql";
import { findStaffAmong, staffById, wholeStaff } from "../directory/index.ts";
import { type FieldDefinition, type FieldValues, type People, type Reading, tidy } from "../fields/index.ts";
import type { Workflow } from "../workflow/index.ts";
import type { Campaign } from "./campaign.ts";
import { fieldsOf } from "./field.ts";

/** A campaign with what the progress of its operations obeys, whatever they hold. */
export interface Rules {
  campaign: Pick<Campaign, "id" | "state" | "isTimeTracked" | "isArchived">;
  workflow: Workflow;
  zone: string;
}

/** A campaign with all that its operations obey. */
export interface Plan extends Rules {
  campaign: Campaign;
  fields: FieldDefinition[];
  /** Who its fields of people name, once they were asked for: see `withPeople`. */
  people?: People;
  names?: ReadonlyMap<string, string>;
  person?: NonNullable<Reading["person"]>;
}

/** Its workflow and its zone (GEN-3): all that a change of status asks. */
export const rulesFor = <C extends Rules["campaign"] & Pick<Campaign, "workflow" | "zone">>(
  campaign: C,
  tenantZone: string,
) => ({
  campaign,
  workflow: campaign.workflow,
  zone: campaign.zone ?? tenantZone,
});

/** What the operations of a campaign obey: its fields in order, its workflow, its zone. */
export async function planFor(em: EntityManager, campaign: Campaign, tenantZone: string): Promise<Plan> {
  const fields = await fieldsOf(em, campaign);
  return { ...rulesFor(campaign, tenantZone), fields: fields.map((field) => field.definition()) };
}

/**
 * The same, knowing the people these values name, to show them, and those these texts call, to read them: by staff number,
 * e-mail or full name (FLD-4). Asks nothing when no field is of a person.
 */
export async function withPeople<P extends Pick<Plan, "fields">>(
  em: EntityManager,
  plan: P,
  { values = [], texts = [] }: { values?: readonly FieldValues[]; texts?: readonly string[] },
): Promise<P & Pick<Plan, "people" | "names" | "person">> {
  const codes = plan.fields.flatMap(({ type, code }) => (type === "person" ? code : []));
  if (codes.length === 0) return plan;
  const ids = new Set(values.flatMap((held) => codes.flatMap((code) => held[code] ?? [])).map(String));
  const called = await findStaffAmong(em, [...new Set(texts.map(tidy).filter(Boolean))]);
  const found = [...called.values()].flat().map((person) => [person.id, person] as const);
  const people = new Map([...(await staffById(em, [...ids])), ...found]);
  return {
    ...plan,
    people,
    names: new Map([...people].map(([id, { name }]) => [id, name])),
    person: (text) => onlyOne((called.get(text) ?? []).map(({ id }) => id)),
  };
}

/** The same, knowing the whole directory, for texts nobody knows beforehand; `mark` differs as soon as somebody in it does. */
export async function withEverybody<P extends Pick<Plan, "fields">>(
  em: EntityManager,
  plan: P,
): Promise<P & Pick<Plan, "names" | "person"> & { mark: string }> {
  const { names, called, mark } = await wholeStaff(em);
  return { ...plan, names, mark, person: (text) => onlyOne(called(text)) };
}

const onlyOne = ([first, ...others]: readonly string[]) =>
  others.length === 0
    ? (first ?? null)
    : { problem: "Plusieurs personnes de l’annuaire portent ce nom\u00a0: écrivez le matricule." };
