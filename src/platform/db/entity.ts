import { randomUUIDv7 } from "node:crypto";
import { p } from "@mikro-orm/core";

// nullif: after a `set local` and its commit the setting reads '' on that pooled connection, not null, and ''::uuid throws.
const OWN_TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
const isolation = { name: "tenant_isolation", using: OWN_TENANT, check: OWN_TENANT };
// Named as PostgreSQL names it, for what compares the two.
const OWN_TENANT_ONCE = `tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid as "nullif")`;
const lookupReads = {
  name: "lookup_reads",
  command: "select" as const,
  roles: ["lookup"],
  using: "true",
};

/** What each tenant table has: isolation by row, forced on its owner too (P02). */
export const tenantTable = { rowLevelSecurity: "force" as const, policies: [isolation] };

/**
 * The same of a table that figures read whole: whose rows are seen is worked out once a question, not once a row, which took
 * two thirds of the time of a hundred thousand.
 */
export const countedTable = { ...tenantTable, policies: [{ ...isolation, using: OWN_TENANT_ONCE }] };

/** A tenant table that functions of schema `lookup` read before the tenant is known (rulings 3). */
export const lookedUpTable = { rowLevelSecurity: "force" as const, policies: [isolation, lookupReads] };

/** The composite key of each tenant table (rulings 1); ids are UUIDv7 made here, so they sort by birth. */
export const tenantKey = () => ({
  tenantId: p.uuid().primary(),
  id: p
    .uuid()
    .primary()
    .onCreate(() => randomUUIDv7() as string),
});

/** Two people at once: the second gets a 409 (GEN-8). */
export const versioned = () => ({ version: p.integer().version() });

/** A birth date by the database clock. */
export const createdAt = () => ({ createdAt: p.datetime().defaultRaw("app_now()") });

/** Raw bytes, as hashes are stored. */
export const bytes = () => p.type("bytea").$type<Buffer>().columnType("bytea");
