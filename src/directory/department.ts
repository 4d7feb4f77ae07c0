import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { countPlace, findPlaceNamed, holdDirectory, movePlace } from "./queries/places.ts";
import type { Said } from "./said.ts";
import { tidyName } from "./wording.ts";

const schema = defineEntity({
  name: "Department",
  tableName: "department",
  ...tenantTable,
  indexes: [
    {
      name: "department_name_unique",
      expression: 'create unique index "department_name_unique" on "department" ("tenant_id", folded("name"))',
    },
  ],
  properties: { ...tenantKey(), name: p.text(), ...createdAt(), ...versioned() },
});

/** A department of the organisation, which scopes, filters and eligible people name (DIR-4). */
export class Department extends schema.class {}
schema.setClass(Department);
export const DepartmentSchema = schema;

export const aboutDepartment = ({ id }: { id: string }) => ({ type: "department", id });

export const LONGEST_DEPARTMENT = 100;

/** A new department. Refused under a name another has, whatever its case or accents [DIR-4]. The caller flushes. */
export async function createDepartment(em: EntityManager, name: string, { tenantId, by }: Said): Promise<Department> {
  await holdDirectory(em, tenantId);
  const department = em.create(Department, { tenantId, id: randomUUIDv7(), name: await freeName(em, name) });
  em.persist(department);
  record(em, "department.created", aboutDepartment(department), { by: by.id });
  return department;
}

/** Another name, under the same rule. The caller flushes. */
export async function renameDepartment(
  em: EntityManager,
  department: Department,
  name: string,
  { tenantId, by }: Said,
): Promise<void> {
  await holdDirectory(em, tenantId);
  const wanted = await freeName(em, name, department);
  if (wanted === department.name) return;
  department.name = wanted;
  record(em, "department.renamed", aboutDepartment(department), { by: by.id });
}

/**
 * Everybody of `from` is of `into`, and `from` is no more [DIR-4]. Gives how many people moved. The caller flushes.
 */
export async function mergeDepartments(
  em: EntityManager,
  from: Department,
  into: Department,
  { tenantId, by }: Said,
): Promise<number> {
  await holdDirectory(em, tenantId);
  if (from.id === into.id) throw new RuleBroken("Choisissez un autre service que celui-ci.", "into");
  const people = await movePlace(em, "department", from.id, into.id);
  em.remove(from);
  record(em, "department.merged", aboutDepartment(into), { from: from.id, people, by: by.id });
  return people;
}

/** Takes away a department nobody is of. The caller flushes. */
export async function deleteDepartment(
  em: EntityManager,
  department: Department,
  { tenantId, by }: Said,
): Promise<void> {
  await holdDirectory(em, tenantId);
  const { people, scopes } = await countPlace(em, "department", department.id);
  if (people + scopes > 0) {
    throw new RuleBroken(
      `${people > 0 ? "Des agents sont" : "Le périmètre d’un coordinateur est"} de ce service\u00a0: fusionnez-le plutôt avec un autre.`,
    );
  }
  em.remove(department);
  record(em, "department.deleted", aboutDepartment(department), { by: by.id });
}

async function freeName(em: EntityManager, typed: string, but?: Department): Promise<string> {
  const name = tidyName(typed, "name", LONGEST_DEPARTMENT, "Écrivez le nom du service.");
  const taken = await findPlaceNamed(em, "department", name);
  if (taken && taken.id !== but?.id) {
    throw new RuleBroken(`Le service «\u00a0${taken.name}\u00a0» existe déjà. Choisissez un autre nom.`, "name");
  }
  return name;
}
