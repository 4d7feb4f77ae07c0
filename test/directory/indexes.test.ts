import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../support/explain.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const { tenantId } = await world.userOf("denis");

test("à vingt mille agents, liste et recherche suivent leurs index sous le cloisonnement", async () => {
  const { owner, databaseUrl } = world;
  await owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
  await owner.query("alter table staff_member disable trigger user");
  await owner.query(
    `insert into staff_member (tenant_id, id, staff_number, family_name, given_name)
     select $1, uuidv7(), 'GR-' || n, 'Famille' || md5(n::text), 'Prénom' || n from generate_series(1, 20000) n`,
    [tenantId],
  );
  await owner.query("alter table staff_member enable trigger user");
  await owner.query("analyze staff_member");
  const list = "select id from staff_member s where s.deactivated_at is null";
  const first = await explain(databaseUrl, tenantId, `${list} order by s.sort_name, s.id limit 51`);
  assert.deepEqual(first, { indexes: ["staff_member_tenant_id_sort_name_id_index"], readWhole: [] });
  const next = await explain(
    databaseUrl,
    tenantId,
    `${list} and (s.sort_name, s.id) > ('famille8', '${tenantId}'::uuid) order by s.sort_name, s.id limit 51`,
  );
  assert.deepEqual(next, { indexes: ["staff_member_tenant_id_sort_name_id_index"], readWhole: [] });
  const found = await explain(databaseUrl, tenantId, `${list} and s.search like '%' || folded('prénom 12345') || '%'`);
  assert.deepEqual(found, { indexes: ["staff_member_search_index"], readWhole: [] });
});
