import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { StaffMember } from "../directory/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { record } from "../platform/events/record.ts";
import { aboutCampaign, type By, type Campaign, refuseArchived, toCampaign } from "./campaign.ts";
import { Operation } from "./operation.ts";
import { Segment } from "./segment.ts";

/** A link to a row of the same organisation, which holds it back. */
const toRow = <E extends Parameters<typeof p.manyToOne>[0]>(entity: E, column: string) =>
  p
    .manyToOne(entity)
    .joinColumns("tenant_id", column)
    .referencedColumnNames("tenant_id", "id")
    .deleteRule("no action")
    .updateRule("no action")
    .nullable();

const schema = defineEntity({
  name: "EligiblePerson",
  tableName: "eligible_person",
  ...tenantTable,
  indexes: [
    {
      name: "eligible_person_staff",
      expression:
        'create unique index "eligible_person_staff" on "eligible_person" ("tenant_id", "campaign_id", "staff_member_id") where staff_member_id is not null',
    },
    {
      name: "eligible_person_number",
      expression:
        'create unique index "eligible_person_number" on "eligible_person" ("tenant_id", "campaign_id", "staff_number") where staff_number is not null',
    },
    {
      name: "eligible_person_email",
      expression:
        'create unique index "eligible_person_email" on "eligible_person" ("tenant_id", "campaign_id", "email") where email is not null',
    },
    {
      name: "eligible_person_operation",
      expression:
        'create unique index "eligible_person_operation" on "eligible_person" ("tenant_id", "operation_id") where operation_id is not null',
    },
    { properties: ["tenantId", "segment"] },
  ],
  checks: [
    {
      // Whoever is in the directory is told by it alone; whoever is not can be written to, or at least told apart.
      name: "eligible_person_told_once",
      expression:
        "case when staff_member_id is null then num_nonnulls(staff_number, email) > 0 else num_nonnulls(staff_number, email, family_name, given_name, department, site, manager_id) = 0 end",
    },
  ],
  properties: {
    ...tenantKey(),
    campaign: () => toCampaign(),
    staffMember: () => toRow(StaffMember, "staff_member_id"),
    staffNumber: p.text().nullable(),
    email: p.text().nullable(),
    familyName: p.text().nullable(),
    givenName: p.text().nullable(),
    department: p.text().nullable(),
    site: p.text().nullable(),
    manager: () => toRow(StaffMember, "manager_id"),
    segment: () => toRow(Segment, "segment_id"),
    operation: () => toRow(Operation, "operation_id"),
    mayBook: p.boolean().default(true),
    ...createdAt(),
    ...versioned(),
  },
});

/** SQL over `r`, a row: who it is, in words. */
export const PERSON_NAME = `coalesce((select s.given_name || ' ' || s.family_name from staff_member s where s.tenant_id = r.tenant_id and s.id = r.staff_member_id),
  nullif(concat_ws(' ', r.given_name, r.family_name), ''), r.email, r.staff_number)`;

/** Somebody a campaign concerns: of the directory, or known to this campaign alone (ELG-1, ELG-2, IMP-50). */
export class EligiblePerson extends schema.class {
  /** Who they are in words: as the directory says, else as this campaign knows them. */
  async named(em: EntityManager): Promise<string> {
    const staff = this.staffMember && (await em.findOneOrFail(StaffMember, { id: this.staffMember.id }));
    if (staff) return staff.name();
    return [this.givenName, this.familyName].filter(Boolean).join(" ") || (this.email ?? this.staffNumber!);
  }
}
schema.setClass(EligiblePerson);
export const EligiblePersonSchema = schema;

/** Takes somebody off the list; they may be put back by undoing it. The caller flushes. */
export function removePerson(em: EntityManager, campaign: Campaign, person: EligiblePerson, { by }: { by: By }): void {
  refuseArchived(campaign);
  em.remove(person);
  record(em, "campaign.person_removed", aboutCampaign(campaign), { person: person.id, by: by.id });
}

/** Whether they may book, and in which segment they are. Throws Conflict on an archived campaign. The caller flushes. */
export function editPerson(
  em: EntityManager,
  campaign: Campaign,
  person: EligiblePerson,
  { mayBook, segment }: { mayBook: boolean; segment: Segment | null },
  { by }: { by: By },
): void {
  refuseArchived(campaign);
  Object.assign(person, { mayBook, segment });
  record(em, "campaign.person_edited", aboutCampaign(campaign), { person: person.id, by: by.id });
}
