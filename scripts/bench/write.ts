import { sql, type Transaction } from "kysely";
import pg from "pg";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { againstFloor } from "./load.ts";
import { type Figure, type Measure, peakRssMB } from "./measure.ts";
import { allSealed, liveAWhile } from "./past.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startFloor, startProduct, withFolder } from "./servers.ts";

const TARGET = 0.25;
const ADDRESS = "/compte/preferences";
const FLOOR_DATABASE = "bench_floor";

/** Ten people change their own theme, each time to another; the floor does the bare UPDATE and one INSERT. */
export const write: Measure = {
  name: "write",
  unit: "req/s",
  target: `au moins ${TARGET} du plancher`,
  holds: ({ ratio }) => ratio >= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  try {
    const people = await signInEverybody(product, db);
    await liveAWhile(db, superUrl, people);
    const floor = await startFloor("write", folder, { FLOOR_URL: await floorDatabase(superUrl, people) });
    const shots = people.map(({ id, tenantId, headers, csrf }) => ({
      headers: { ...headers, referer: `${headers.origin}/compte` },
      fields: { _csrf: csrf, _key: "{uuid}", tenant: tenantId, person: id, theme: ["light", "dark"] },
    }));
    const [ours, theirs] = [product.origin + ADDRESS, floor.origin + ADDRESS];
    const times = await againstFloor(ours, theirs, shots, 303);
    await checkTraces(db, people[0]!.tenantId);
    await floor.stop();
    return { ...times, peakRssMB: peakRssMB(product.pid) };
  } finally {
    await db.close();
    await product.stop();
  }
}

/** A database of its own on the same server, with a table as wide as that of accounts, and nothing else of ours. */
async function floorDatabase(superUrl: string, people: Person[]): Promise<string> {
  const server = new pg.Client({ connectionString: superUrl });
  await server.connect();
  await server.query(`create database ${FLOOR_DATABASE}`);
  await server.end();
  const url = withDatabase(superUrl, FLOOR_DATABASE);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    create table person (tenant_id uuid, id uuid, email text not null, given_name text not null, family_name text not null,
      roles text[] not null, theme text not null, density text not null, shortcuts boolean not null, created_at timestamptz not null default now(),
      version int not null default 1, primary key (tenant_id, id), unique (tenant_id, email));
    create table trace (id uuid primary key, person_id uuid not null, at timestamptz not null, theme text not null)`);
  for (const { tenantId, id, name, roles } of people) {
    await client.query("insert into person values ($1, $2, $3, $4, $4, $5, 'system', 'comfort', true)", [
      tenantId,
      id,
      `${id}@bench.example`,
      name,
      roles,
    ]);
  }
  await client.end();
  return url;
}

/** Nothing was left out to go faster: an act, a change and a seal for each answer. */
async function checkTraces(db: Database, tenantId: string): Promise<void> {
  await allSealed(db);
  const counts = await db.read(tenantId, async (em) => {
    const { rows } = await sql<{ acts: string; changes: string; seals: string }>`
      select count(*) as acts, count(h.ordinal) as changes, count(s.sequence) as seals
      from act a join changeset c on c.tenant_id = a.tenant_id and c.act_id = a.id
      left join change h on h.tenant_id = c.tenant_id and h.changeset_id = c.id
      left join seal s on s.tenant_id = c.tenant_id and s.changeset_id = c.id
      where a.code = 'user.preferences_changed'`.execute(em.getTransactionContext<Transaction<unknown>>()!);
    return rows[0]!;
  });
  if (new Set(Object.values(counts)).size > 1 || counts.acts === "0") {
    throw new Error(`Des écritures n’ont pas toute leur trace : ${JSON.stringify(counts)}.`);
  }
  console.error(`  ${counts.acts} actes, chacun avec son changement et son sceau`);
}
