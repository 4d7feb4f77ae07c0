import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { toUser, type User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { Department } from "./department.ts";
import { holdDirectory } from "./queries/places.ts";
import type { Said } from "./said.ts";
import { Site } from "./site.ts";

const schema = defineEntity({
  name: "CoordinatorScope",
  tableName: "coordinator_scope",
  ...tenantTable,
  indexes: [
    { properties: ["tenantId", "department"] },
    { properties: ["tenantId", "site"] },
    {
      name: "coordinator_scope_once",
      expression:
        'create unique index "coordinator_scope_once" on "coordinator_scope" ("tenant_id", "user_id", "department_id", "site_id") nulls not distinct',
    },
  ],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    department: () =>
      p
        .manyToOne(Department)
        .joinColumns("tenant_id", "department_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    site: () =>
      p
        .manyToOne(Site)
        .joinColumns("tenant_id", "site_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    ...createdAt(),
  },
});

/** A department a coordinator looks after, whole or at one site; with a site, people without one are out of it (TEA-2). */
export class CoordinatorScope extends schema.class {
  title(): string {
    return this.site ? `${this.department.name}, ${this.site.name}` : `${this.department.name}, tous les sites`;
  }
}
schema.setClass(CoordinatorScope);
export const CoordinatorScopeSchema = schema;

const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

/** Adds a department, whole or at one site, to the scope of an account [TEA-2]. The caller flushes. */
export async function addScope(
  em: EntityManager,
  user: User,
  { department: departmentId, site: siteId }: { department: string; site: string | null },
  { tenantId, by }: Said,
): Promise<CoordinatorScope> {
  await holdDirectory(em, tenantId);
  const department = await em.findOne(Department, { id: departmentId });
  if (!department) throw new RuleBroken("Choisissez un service de la liste.", "department");
  const site = siteId === null ? null : await em.findOne(Site, { id: siteId });
  if (siteId !== null && !site) throw new RuleBroken("Choisissez un site de la liste.", "site");
  const known = await em.find(CoordinatorScope, { user: { id: user.id }, department });
  if (known.some((one) => one.site == null)) {
    throw new RuleBroken(`Le service ${department.name} est déjà tout entier dans ce périmètre.`, "department");
  }
  if (site && known.some((one) => one.site?.id === site.id)) {
    throw new RuleBroken(`${department.name} à ${site.name} est déjà dans ce périmètre.`, "site");
  }
  const scope = em.create(CoordinatorScope, { tenantId, id: randomUUIDv7(), user, department, site });
  em.persist(scope);
  record(em, "account.scope_added", aboutAccount(user), { scope: scope.id, by: by.id });
  return scope;
}

/** Takes it out of the scope of its account. The caller flushes. */
export function removeScope(em: EntityManager, scope: CoordinatorScope, { by }: Said): void {
  em.remove(scope);
  record(em, "account.scope_removed", aboutAccount({ id: scope.user.id }), { scope: scope.id, by: by.id });
}
