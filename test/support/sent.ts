import { createRequire } from "node:module";
import type pg from "pg";

/** What leaves for PostgreSQL through the ORM, which has a driver of its own. */
const { Client, Connection } = createRequire(import.meta.resolve("@mikro-orm/postgresql"))("pg") as typeof pg;

/** Every statement since the program began, and the trips they made. */
export const sent = { statements: 0, trips: 0 };

type Method = (...given: unknown[]) => unknown;
const { execute } = Connection.prototype as unknown as { execute: Method };
const { query } = Client.prototype as unknown as { query: Method };

Object.assign(Connection.prototype, {
  execute(this: pg.Connection, ...given: unknown[]) {
    sent.statements += 1;
    return execute.apply(this, given);
  },
});
Object.assign(Client.prototype, {
  query(this: pg.Client, ...given: unknown[]) {
    sent.trips += 1;
    return query.apply(this, given);
  },
});
