import { defineConfig, type EntitySchema, MikroORM, NullCacheAdapter } from "@mikro-orm/postgresql";
import { JobRunRow } from "../jobs/tick.ts";
import { changesetEntities } from "./changeset.ts";
import { saveTrips } from "./wire.ts";

/** Entity schemas of the platform itself; modules bring theirs in their manifests. */
export const platformEntities: EntitySchema[] = [...changesetEntities, JobRunRow] as unknown as EntitySchema[];

/** The ORM over one connection string. `pool` is the number of connections it may hold. */
export function createOrm(url: string, entities: EntitySchema[], pool: number): MikroORM {
  return new MikroORM(
    defineConfig({
      clientUrl: url,
      entities: [...platformEntities, ...entities],
      preferTs: true,
      pool: { min: 0, max: pool },
      forceUtcTimezone: true,
      metadataCache: { adapter: NullCacheAdapter },
      schemaGenerator: { ignoreSchema: ["pgboss", "lookup", "test"], skipTables: ["rate_hit"] },
      driverOptions: {
        application_name: "opstracker",
        // F07: a black-holed server must not hold a request: give up, answer 503, try another connection.
        connectionTimeoutMillis: 5_000,
        statement_timeout: 30_000,
        idle_in_transaction_session_timeout: 30_000,
        keepAlive: true,
        onPoolCreated: saveTrips,
      },
    }),
  );
}
