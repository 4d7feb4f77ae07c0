import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { MikroORM } from "@mikro-orm/postgresql";
import pg from "pg";
import { User } from "../../../src/accounts/user.ts";
import { openDatabase } from "../../../src/platform/db/index.ts";
import { DEFINER_FUNCTIONS, TENANTLESS_TABLES } from "../../../src/platform/db/lookups.ts";
import { platformEntities } from "../../../src/platform/db/orm.ts";
import { missingLeakproof } from "../../../src/platform/db/roles.ts";
import { buildTenant, testDatabase } from "../../support/database.ts";
import { explain } from "../../support/explain.ts";

const open = await testDatabase();
const a = await buildTenant(open.db, "Organisation A");
const b = await buildTenant(open.db, "Organisation B");

const rows = async <R extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
  (await open.owner.query<R>(sql, values)).rows;

const tables = () =>
  rows<{ name: string; tenant: boolean; enabled: boolean; forced: boolean }>(`
    select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
      exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped) as tenant
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`);
const tenantTables = async () => (await tables()).filter(({ tenant }) => tenant).map(({ name }) => name);

/** As the application, with the tenant set to `tenantId`, or none. */
async function asApplication<T>(tenantId: string | null, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: open.databaseUrl });
  await client.connect();
  try {
    await client.query("begin");
    if (tenantId) await client.query("select set_config('app.tenant_id', $1, true)", [tenantId]);
    return await work(client);
  } finally {
    await client.end();
  }
}

test("P01 : l’application refuse de démarrer en superutilisateur ou en propriétaire, et le dit", async () => {
  await assert.rejects(openDatabase(open.superUrl, open.registry), /superutilisateur[\s\S]+opstracker_app/);
  await assert.rejects(openDatabase(open.ownerUrl, open.registry), /propriétaire/);
});

test("P01 : le rôle des connexions ouvertes ne possède rien et ne contourne rien", async () => {
  const [role] = await asApplication(
    null,
    async (client) =>
      (
        await client.query(`
    select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
      (select count(*)::int from pg_class where relowner = r.oid) as owned from pg_roles r where rolname = current_user`)
      ).rows,
  );
  assert.deepEqual(role, { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, owned: 0 });
});

test("P02 : chaque table d’organisation est cloisonnée, de force, en lecture comme en écriture", async () => {
  for (const { name, tenant, enabled, forced } of await tables()) {
    if (!tenant) {
      assert.ok(
        TENANTLESS_TABLES[name],
        `${name} n’a pas de tenant_id : ajoutez-le, ou dites pourquoi dans TENANTLESS_TABLES.`,
      );
      continue;
    }
    assert.ok(enabled && forced, `${name} : « enable » et « force row level security » manquent.`);
    const policies = await rows(
      `select polname from pg_policy where polrelid = $1::regclass and polcmd = '*' and polqual is not null and polwithcheck is not null`,
      [`public.${name}`],
    );
    assert.equal(policies.length, 1, `${name} : une politique pour tout, avec using et with check.`);
  }
});

test("P02 : sans organisation, aucune ligne ; avec une autre, aucune non plus", async () => {
  for (const tenantId of [null, randomUUID()]) {
    for (const name of await tenantTables()) {
      const found = await asApplication(tenantId, (client) =>
        client.query(`select 1 from "${name}"`).then(
          ({ rowCount }) => rowCount,
          (error) => error.code,
        ),
      );
      assert.ok(found === 0 || found === "42501", `${name} : ${found}`);
      for (const statement of [`update "${name}" set tenant_id = tenant_id`, `delete from "${name}"`]) {
        const changed = await asApplication(tenantId, (client) =>
          client.query(statement).then(
            ({ rowCount }) => rowCount,
            (error) => error.code,
          ),
        );
        // OT001: the statement trigger refuses before counting rows; OT002: history refuses everybody.
        assert.ok(
          changed === 0 || ["42501", "OT001", "OT002"].includes(changed as string),
          `${statement} : ${changed}`,
        );
      }
    }
  }
});

test("P02 : écrire une ligne d’une autre organisation est refusé par la base", async () => {
  const insert = asApplication(a.tenantId, (client) =>
    client.query(
      "insert into security_event (tenant_id, id, kind, address, user_agent, detail) values ($1, $2, 'x', '', '', '{}')",
      [b.tenantId, randomUUID()],
    ),
  );
  await assert.rejects(insert, /row-level security/);
});

test("P03 : 500 demandes entremêlées sur deux connexions, erreurs comprises, ne mélangent jamais rien", async () => {
  const db = await openDatabase(open.databaseUrl, open.registry, { pool: 2 });
  try {
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, async (_, i) => {
        const own = i % 2 === 0 ? a : b;
        try {
          return await db.read(own.tenantId, async (em) => {
            if (i % 7 === 0) await em.execute("select 1 / 0");
            if (i % 11 === 0) throw new Error("abandon");
            if (i % 13 === 0) await em.execute("set local statement_timeout = 1; select pg_sleep(1)");
            const people = await em.find(User, {});
            return people.every((user) => user.tenantId === own.tenantId) && people.length === 1;
          });
        } catch {
          return "refused";
        }
      }),
    );
    assert.equal(outcomes.filter((one) => one === false).length, 0);
    assert.ok(outcomes.filter((one) => one === true).length > 300);
    const left = await db.orm.em.fork().execute("select current_setting('app.tenant_id', true) as tenant");
    assert.ok(!left[0]?.tenant, "la connexion rendue garde une organisation");
  } finally {
    await db.close();
  }
});

test("P04 : chaque clé étrangère entre tables d’organisation porte tenant_id, et la base refuse de franchir", async () => {
  const names = await tenantTables();
  const keys = await rows<{ name: string; target: string; columns: string[]; referenced: string[] }>(`
    select c.conname as name, c.confrelid::regclass::text as target,
      array(select attname::text from pg_attribute join unnest(c.conkey) k on attrelid = c.conrelid and attnum = k) as columns,
      array(select attname::text from pg_attribute join unnest(c.confkey) k on attrelid = c.confrelid and attnum = k) as referenced
    from pg_constraint c where c.contype = 'f' and c.connamespace = 'public'::regnamespace`);
  assert.ok(keys.length > 0);
  for (const { name, target, columns, referenced } of keys) {
    if (!names.includes(target)) continue;
    assert.ok(
      columns.includes("tenant_id") && referenced.includes("tenant_id"),
      `${name} : clé simple, un autre locataire serait accepté.`,
    );
  }
  const crossing = asApplication(a.tenantId, (client) =>
    client.query(
      `insert into session (tenant_id, id, user_id, token_hash, payload, user_agent, address, authenticated_at, last_seen_at, expires_at)
       values ($1, $2, $3, 'x', '{}', '', '', now(), now(), now())`,
      [a.tenantId, randomUUID(), b.userId],
    ),
  );
  await assert.rejects(crossing, /foreign key/);
});

test("P05 : aucune vue ne contourne, et les fonctions SECURITY DEFINER sont celles de la liste relue", async () => {
  const views = await rows(`
    select relname from pg_class where relnamespace in ('public'::regnamespace, 'lookup'::regnamespace)
      and (relkind = 'm' or relkind = 'v' and not coalesce(reloptions::text like '%security_invoker=true%', false))
      and relname not like 'pg_stat_statements%'`);
  assert.deepEqual(views, []);
  const functions = await rows<{ name: string; owner: string; path: string[] | null }>(`
    select n.nspname || '.' || p.proname as name, r.rolname as owner, p.proconfig as path
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
    where p.prosecdef and n.nspname in ('public', 'lookup') order by 1`);
  const tracking = new Set(open.registry.tracked.map(({ table }) => `public.track_${table}`));
  assert.deepEqual(
    functions.map(({ name }) => name).filter((name) => !tracking.has(name)),
    Object.keys(DEFINER_FUNCTIONS).sort(),
  );
  for (const { name, owner, path } of functions) {
    assert.match(String(path), /search_path=/, `${name} : search_path fixe`);
    if (name.startsWith("lookup.")) assert.equal(owner, "lookup", `${name} : propriétaire`);
  }
});

test("P06 : clés primaires et uniques portent tenant_id : rien ne se devine d’une organisation à l’autre", async () => {
  const keys = await rows<{ relation: string; name: string; columns: string[] }>(`
    select i.indrelid::regclass::text as relation, i.indexrelid::regclass::text as name,
      array(select attname::text from pg_attribute where attrelid = i.indrelid and attnum = any (i.indkey)) as columns
    from pg_index i join pg_class c on c.oid = i.indrelid where i.indisunique and c.relnamespace = 'public'::regnamespace`);
  for (const { relation, name, columns } of keys) {
    if (TENANTLESS_TABLES[relation]) continue;
    assert.ok(columns.includes("tenant_id"), `${name} : unique sans tenant_id`);
  }
  // Both tenants were built with the same address: a unique key without the tenant would have refused the second.
  const people = await Promise.all(
    [a, b].map(({ tenantId }) => open.db.read(tenantId, (em) => em.count(User, { email: "amina@essai.test" }))),
  );
  assert.deepEqual(people, [1, 1]);
});

test("chaque table est suivie par l’historique, ou dite hors de lui avec sa raison", async () => {
  const { tracked, untracked } = open.registry;
  const listed = [...tracked.map(({ table }) => table), ...untracked.map(({ table }) => table)];
  assert.deepEqual(
    listed.toSorted(),
    (await tenantTables()).toSorted(),
    "Ajoutez la table à tracked ou untracked de son module.",
  );
  for (const { table, why } of untracked) assert.ok(why.length > 10, `${table} : dites pourquoi.`);
  for (const { table } of tracked) {
    const triggers = await rows(
      "select tgname from pg_trigger where tgrelid = $1::regclass and tgname like 'track\\_%' and tgenabled = 'O'",
      [table],
    );
    assert.equal(triggers.length, 3, `${table} : trois déclencheurs`);
  }
});

test("les colonnes suivies existent, et aucune ne porte de secret", async () => {
  for (const { table, columns } of open.registry.tracked) {
    const found = (
      await rows<{ name: string }>(
        "select attname::text as name from pg_attribute where attrelid = $1::regclass and attnum > 0",
        [table],
      )
    ).map(({ name }) => name);
    for (const column of Object.keys(columns)) {
      assert.ok(found.includes(column), `${table}.${column} n’existe pas`);
      assert.doesNotMatch(column, /hash|secret|token|password_hash/, `${table}.${column} entrerait dans l’historique`);
    }
  }
});

test("les entités et les migrations disent la même chose", async () => {
  const orm = await MikroORM.init({
    clientUrl: open.ownerUrl,
    entities: [...platformEntities, ...open.registry.entities],
    preferTs: true,
    schemaGenerator: { ignoreSchema: ["pgboss", "lookup", "test"], skipTables: ["rate_hit"] },
  });
  try {
    const drift = (await orm.schema.getUpdateSchemaSQL())
      .split("\n")
      // Triggers and functions are ours; of an identity column the ORM wants to drop a default it has not.
      .filter(
        (line) =>
          line && !/^set names|^drop (trigger|function)|alter column "(ordinal|position)" drop default/.test(line),
      );
    assert.deepEqual(drift, []);
  } finally {
    await orm.close();
  }
});

test("les opérateurs des listes sont LEAKPROOF : le cloisonnement garde les index", async () => {
  assert.deepEqual(await missingLeakproof(async (sql) => (await open.owner.query(sql)).rows), []);
});

test("la page de l’historique suit la clé des actes, sous le rôle de l’application", async () => {
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [a.tenantId]);
  await open.owner.query(
    `
    insert into act (tenant_id, id, at, channel, code, digest)
    select $1, uuidv7(), now(), 'page', 'test.done', ''::bytea from generate_series(1, 20000)`,
    [a.tenantId],
  );
  await open.owner.query("analyze act");
  const plan = await explain(open.databaseUrl, a.tenantId, "select id from act order by id desc limit 51");
  assert.deepEqual(plan, { indexes: ["act_pkey"], readWhole: [] });
});
