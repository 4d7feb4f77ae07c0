import { randomUUID, randomUUIDv7 } from "node:crypto";
import pg from "pg";
import { allows, explain, User } from "../../src/accounts/index.ts";
import { undoAct } from "../../src/history/undo.ts";
import { modules } from "../../src/modules.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { alternate, type Figure, type Measure, peakRssMB, timed } from "./measure.ts";
import { allSealed } from "./past.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startProduct, withFolder } from "./servers.ts";

const TARGET = 4;
const ROWS = 10_000;
/** The floor alone goes from one to two from one turn to the next. */
const TURNS = 4;
const FLOOR_DATABASE = "bench_undo_floor";

/** An act that changed 10,000 accounts, taken back; the floor is the bare UPDATE of as many rows as wide. */
export const undo10k: Measure = {
  name: "undo_10k",
  unit: "s",
  target: `au plus ${TARGET} fois le plancher`,
  holds: ({ ratio }) => ratio <= TARGET,
  run: () => withFolder(measure),
};

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  let floor: pg.Client | undefined;
  try {
    const people = await signInEverybody(product, db);
    const admin = people.find(({ roles }) => roles.includes("admin"))!;
    await populate(db, admin);
    floor = await floorDatabase(superUrl);
    const vacuum = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
    await vacuum.connect();
    const tidy = async () => {
      await allSealed(db);
      await vacuum.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
      await floor!.query("vacuum analyze person");
    };
    let turn = 0;
    const times = await alternate(
      async () => {
        turn += 1;
        const actId = await change(db, admin, `Prénom ${turn}`);
        await tidy();
        const seconds = await timed(() => takeBack(db, admin, actId));
        await checkBack(db, admin);
        return seconds;
      },
      () => timed(() => floor!.query("update person set given_name = $1, version = version + 1", [randomUUID()])),
      {
        turns: TURNS,
        warm: async () => {
          await takeBack(db, admin, await change(db, admin, "Essai"));
          await floor!.query("update person set given_name = 'Essai', version = version + 1");
        },
      },
    );
    await vacuum.end();
    return { ...times, peakRssMB: peakRssMB(process.pid) };
  } finally {
    await floor?.end();
    await db.close();
    await product.stop();
  }
}

const said = ({ tenantId, id }: Person) => ({ tenantId, actorId: id, channel: "page" as const, now: new Date() });

async function populate(db: Database, admin: Person): Promise<void> {
  await db.act({ ...said(admin), code: "user.created", label: "Dix mille comptes" }, (em) =>
    em.execute(
      `insert into app_user (tenant_id, id, email, given_name, family_name, roles, theme, density, shortcuts, live, created_at, version)
       select ?, uuidv7(), 'agent' || n || '@bench.example', 'Agent', 'N° ' || n, '{viewer}', 'system', 'comfort', true, true, app_now(), 1
       from generate_series(1, ${ROWS}) n`,
      [admin.tenantId],
    ),
  );
}

/** One statement, as a bulk act would: the changes of each row are history's own work. */
async function change(db: Database, admin: Person, givenName: string): Promise<string> {
  const id = randomUUIDv7();
  await db.act({ id, ...said(admin), code: "user.edited", label: "Correction de dix mille comptes" }, (em) =>
    em.execute("update app_user set given_name = ?, version = version + 1 where email like 'agent%'", [givenName]),
  );
  return id;
}

async function takeBack(db: Database, admin: Person, actId: string): Promise<void> {
  const tracked = new Map(createRegistry(modules).tracked.map((one) => [one.table, one]));
  const now = new Date();
  const { roles, tenantId } = admin;
  const undone = await db.act(
    { ...said(admin), undoesId: actId, code: "act.undone", label: "Annulation", subject: { type: "act", id: actId } },
    (em) =>
      undoAct(
        em,
        actId,
        {
          by: { id: admin.id },
          tenantId,
          now,
          may: (right) => allows(roles, right),
          explain: (right) => explain(roles, right),
          from: { ip: "127.0.0.1", headers: {} },
        },
        tracked,
      ),
  );
  if (undone.restored !== ROWS) throw new Error(`${undone.restored} lignes restaurées.`);
}

async function checkBack(db: Database, { tenantId }: Person): Promise<void> {
  const back = await db.read(tenantId, (em) => em.count(User, { email: { $like: "agent%" }, givenName: "Agent" }));
  if (back !== ROWS) throw new Error(`${back} comptes seulement ont repris leur prénom.`);
}

async function floorDatabase(superUrl: string): Promise<pg.Client> {
  const server = new pg.Client({ connectionString: superUrl });
  await server.connect();
  await server.query(`create database ${FLOOR_DATABASE}`);
  await server.end();
  const client = new pg.Client({ connectionString: withDatabase(superUrl, FLOOR_DATABASE) });
  await client.connect();
  await client.query(`
    create table person (tenant_id uuid, id uuid, email text not null, given_name text not null, family_name text not null,
      roles text[] not null, theme text not null, density text not null, shortcuts boolean not null, live boolean not null,
      created_at timestamptz not null default now(), version int not null default 1, primary key (tenant_id, id), unique (tenant_id, email));
    insert into person select '${randomUUID()}', uuidv7(), 'agent' || n || '@bench.example', 'Agent', 'N° ' || n, '{viewer}', 'system', 'comfort', true, true
    from generate_series(1, ${ROWS}) n`);
  return client;
}
