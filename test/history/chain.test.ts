import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, beforeEach, test } from "node:test";
import pg from "pg";
import { User } from "../../src/accounts/user.ts";
import { sealHash } from "../../src/history/digest.ts";
import { Heads, startSealer, verifyHistory } from "../../src/history/index.ts";
import { openDatabase } from "../../src/platform/db/index.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heads-"));
const errors: unknown[] = [];
const open = await testDatabase();
const { privateKey } = generateKeyPairSync("ed25519");
const heads = new Heads(folder, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
const bySteps = {
  heads,
  clock: open.clock,
  everyMs: Number.POSITIVE_INFINITY,
  onError: (error: unknown) => errors.push(error),
};
const sealer = startSealer(open.db, bySteps);
after(async () => {
  await sealer.stop();
  rmSync(folder, { recursive: true });
  assert.deepEqual(errors, []);
});

let tenantId: string;
let userId: string;
beforeEach(async () => {
  ({ tenantId, userId } = await buildTenant(open.db));
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
});

const edit = (value: string) =>
  open.db.act(actOf(tenantId, { label: `Écrire ${value}`, reason: "essai" }), (em) =>
    em.nativeUpdate(User, { id: userId }, { givenName: value }).then(() => undefined),
  );
const verify = () => verifyHistory(open.db, heads, tenantId);

/** Ten sealed acts besides the one that made the tenant: numbers 1 to 11. */
async function tenActs() {
  for (let i = 0; i < 10; i++) await edit(`valeur ${i}`);
  await sealer.sealAll();
}

/** What the owner of the tables can do: lift the guard, write, put it back. */
async function tamper(sql: string, values: unknown[] = []) {
  await open.owner.query("begin");
  for (const table of ["act", "change", "changeset", "imprint", "seal", "event"]) {
    await open.owner.query(`alter table ${table} disable trigger user`);
  }
  await open.owner.query(sql, values);
  for (const table of ["act", "change", "changeset", "imprint", "seal", "event"]) {
    await open.owner.query(`alter table ${table} enable trigger user`);
  }
  await open.owner.query("commit");
}

test("une chaîne intacte se vérifie jusqu’au bout, sous signature", async () => {
  await tenActs();
  assert.deepEqual(await verify(), { tenantId, verified: 11, signedUpTo: 11, erasedUpTo: 0, firstBreak: null });
});

test("une empreinte se prend en UTF-8, quel que soit l’encodage de la connexion", async () => {
  const { rows } = await open.owner.query(
    `select proname as name, proconfig @> '{client_encoding=UTF8}' as utf8 from pg_proc
     where prorettype = 'trigger'::regtype and prosrc ~ 'history_(part|digest)' order by 1`,
  );
  assert.ok(rows.some(({ name }) => name === "take_imprint") && rows.some(({ name }) => name === "track_app_user"));
  assert.deepEqual(
    rows.filter(({ utf8 }) => !utf8),
    [],
  );
});

test("un texte entre dans l’empreinte par ses octets UTF-8, quels qu’ils soient", async () => {
  const texts = ["", "é ’ 🌊", "\\x41", "a\\b", "\\\\", "fin\\", "\\012", "\u0001\n\t", null];
  const { rows } = await open.owner.query(
    `select history_part(t) = coalesce(int4send(octet_length(convert_to(t, 'UTF8'))) || convert_to(t, 'UTF8'), '\\xffffffff') as same
     from unnest($1::text[]) t`,
    [texts],
  );
  assert.deepEqual(
    rows,
    texts.map(() => ({ same: true })),
  );
  for (const text of texts) if (text) await edit(text);
  await sealer.sealAll();
  assert.equal((await verify()).firstBreak, null);
});

test("50 écrivains en parallèle : une chaîne linéaire, sans trou", async () => {
  const wide = await openDatabase(open.databaseUrl, open.registry, { pool: 50 });
  try {
    await Promise.all(
      Array.from({ length: 50 }, async (_, writer) => {
        for (let i = 0; i < 4; i++) {
          await wide.act(actOf(tenantId), (em) =>
            em.nativeUpdate(User, { id: userId }, { givenName: `écrivain ${writer}, ${i}` }).then(() => undefined),
          );
          // Sealing runs meanwhile, from several sides at once.
          if (writer % 10 === 0) await sealer.sealAll();
        }
      }),
    );
  } finally {
    await wide.close();
  }
  await sealer.sealAll();
  const { rows } = await open.owner.query(
    "select count(*)::int as seals, max(sequence)::int as last, count(distinct previous_hash)::int as links from seal",
  );
  assert.deepEqual(rows[0], { seals: 201, last: 201, links: 201 });
  assert.equal((await verify()).firstBreak, null);
});

test("deux scelleurs à la fois ne donnent qu’une chaîne", async () => {
  const other = startSealer(open.db, bySteps);
  for (let i = 0; i < 20; i++) {
    await edit(`tour ${i}`);
    await Promise.all([sealer.sealAll(), other.sealAll()]);
  }
  await other.stop();
  await sealer.sealAll();
  const { verified, firstBreak } = await verify();
  assert.deepEqual([verified, firstBreak], [21, null]);
});

test("une valeur modifiée est nommée à son numéro", async () => {
  await tenActs();
  await tamper(
    `update change set after = '{"given_name": "faux"}' where changeset_id = (select changeset_id from seal where sequence = 5)`,
  );
  assert.equal((await verify()).firstBreak?.number, 5);
});

test("une valeur modifiée avec son empreinte l’est aussi", async () => {
  await tenActs();
  await tamper(`update change set after = '{"given_name": "faux"}',
    digest = sha256(uuid_send(salt) || history_part(title) || history_part(before::text) || history_part('{"given_name": "faux"}'::jsonb::text))
    where changeset_id = (select changeset_id from seal where sequence = 6)`);
  assert.equal((await verify()).firstBreak?.number, 6);
});

test("un libellé, un auteur ou une heure modifiés sont nommés", async () => {
  for (const set of [
    "label = 'faux'",
    "actor_id = gen_random_uuid()",
    "at = at + interval '1 hour'",
    "reason = null",
  ]) {
    ({ tenantId, userId } = await buildTenant(open.db));
    await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
    await tenActs();
    await tamper(
      `update act set ${set} where id = (select c.act_id from changeset c join seal s on s.changeset_id = c.id where s.sequence = 4)`,
    );
    assert.equal((await verify()).firstBreak?.number, 4, set);
  }
});

test("une ligne ajoutée après coup à un acte est nommée", async () => {
  await tenActs();
  await tamper(`insert into change (tenant_id, changeset_id, table_name, row_id, subject_type, subject_id, operation, salt, digest)
    select tenant_id, changeset_id, 'app_user', gen_random_uuid(), 'user', gen_random_uuid(), 'create', gen_random_uuid(), ''::bytea from seal where sequence = 7`);
  assert.equal((await verify()).firstBreak?.number, 7);
});

test("un sceau retiré du milieu est nommé", async () => {
  await tenActs();
  await tamper("delete from seal where sequence = 5");
  assert.deepEqual((await verify()).firstBreak?.number, 5);
});

test("le milieu retiré et renuméroté est nommé", async () => {
  await tenActs();
  await tamper("delete from seal where sequence = 5");
  await tamper("update seal set sequence = sequence - 1 where sequence > 5");
  assert.equal((await verify()).firstBreak?.number, 5);
});

test("la queue retirée est nommée : la signature gardée dehors l’atteste", async () => {
  await tenActs();
  await tamper("delete from seal where sequence > 8");
  assert.equal((await verify()).firstBreak?.number, 9);
});

test("la queue retirée, puis de nouveaux actes scellés par-dessus", async () => {
  await tenActs();
  await tamper("delete from seal where sequence > 8");
  for (let i = 0; i < 5; i++) await edit(`après ${i}`);
  await sealer.sealAll();
  assert.equal((await verify()).firstBreak?.number, 9);
});

test("deux sceaux échangés sont nommés", async () => {
  await tenActs();
  await tamper("update seal set sequence = 1000 where sequence = 3");
  await tamper("update seal set sequence = 3 where sequence = 4");
  await tamper("update seal set sequence = 4 where sequence = 1000");
  assert.equal((await verify()).firstBreak?.number, 3);
});

test("la chaîne entière recalculée par le propriétaire de la base est démentie par les signatures", async () => {
  await tenActs();
  await tamper(`update act set label = null, reason = null, salt = null, code = 'forged'
    where id = (select c.act_id from changeset c join seal s on s.changeset_id = c.id where s.sequence = 6)`);
  const { rows } = await open.owner.query(
    "select sequence, changeset_id, d.digest, s.created_at, previous_hash from seal s, history_digest(tenant_id, changeset_id) d order by sequence",
  );
  let previous = rows[0].previous_hash;
  for (const row of rows) {
    const sequence = Number(row.sequence);
    const hash = sealHash(previous, {
      tenantId,
      sequence,
      changesetId: row.changeset_id,
      at: row.created_at,
      digest: row.digest,
    });
    await tamper("update seal set digest = $2, previous_hash = $3, hash = $4 where sequence = $1", [
      sequence,
      row.digest,
      previous,
      hash,
    ]);
    previous = hash;
  }
  assert.equal((await verify()).firstBreak?.number, 6);
});

test("les sceaux d’une autre organisation ne prennent pas place ici", async () => {
  await tenActs();
  const other = await buildTenant(open.db, "Autre");
  await sealer.sealAll();
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [other.tenantId]);
  const { rows } = await open.owner.query("select digest, hash from seal where sequence = 1");
  await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  await tamper("update seal set digest = $1, hash = $2 where sequence = 1", [rows[0].digest, rows[0].hash]);
  assert.equal((await verify()).firstBreak?.number, 1);
});

test("des lignes que rien ne scelle sont signalées", async () => {
  await tenActs();
  await tamper(`insert into change (tenant_id, changeset_id, table_name, row_id, subject_type, subject_id, operation, digest)
    values ('${tenantId}', gen_random_uuid(), 'app_user', gen_random_uuid(), 'user', gen_random_uuid(), 'delete', ''::bytea)`);
  const { firstBreak } = await verify();
  assert.equal(firstBreak?.number, null);
  assert.match(firstBreak?.reason ?? "", /aucun sceau/);
});

test("effacer libellés, titres et valeurs avec leur sel garde la chaîne valide", async () => {
  await tenActs();
  await tamper("update act set label = null, reason = null, salt = null");
  await tamper("update change set title = null, before = null, after = null, salt = null");
  assert.equal((await verify()).firstBreak, null);
});

test("un arrêt entre le sceau et sa signature se répare au démarrage suivant", async () => {
  await tenActs();
  rmSync(path.join(folder, `${tenantId}.jsonl`));
  assert.equal((await verify()).signedUpTo, 0);
  const again = startSealer(open.db, bySteps);
  await again.sealAll();
  await again.stop();
  assert.equal((await verify()).signedUpTo, 11);
});

test("le scelleur lit le rôle de l’application : il ne peut ni modifier ni retirer un sceau", async () => {
  const client = new pg.Client({ connectionString: open.databaseUrl });
  await client.connect();
  await client.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  await assert.rejects(client.query("update seal set hash = ''"), { code: "42501" });
  await assert.rejects(client.query("delete from seal"), { code: "42501" });
  await assert.rejects(
    client.query("insert into imprint (tenant_id, id, digest, changes) values ($1, $1, '', 0)", [tenantId]),
    { code: "42501" },
  );
  await client.end();
});
