import assert from "node:assert/strict";
import { test } from "node:test";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type RawBuilder, type SqlBool, sql, type Transaction } from "kysely";
import { listOperations, type OperationOrder, operationsWhere } from "../../src/campaigns/queries/operations.ts";
import type { Mark } from "../../src/platform/db/paging.ts";
import { makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const campaignId = (await makeCampaign(sophie)).split("/").at(-1)!;

// Seven moments for fifteen hundred rows: far more of the same moment than a page looks at, and titles against ids.
await world.db.act(
  {
    tenantId,
    actorId: (await world.userOf("sophie")).id,
    channel: "page",
    code: "campaign.fields_changed",
    label: "Mille cinq cents opérations",
    now: world.clock.now(),
  },
  (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at)
       select ?, uuidv7(), ?, 'PC-' || lpad((n * 7919 % 1500)::text, 4, '0'),
         jsonb_build_object('modele', case when n % 300 = 0 then 'rare' when n % 4 = 0 then 'leger' else 'lourd' end), '', 'scheduled', 'planned',
         case when n % 11 <> 0 then timestamptz '2026-12-01 09:00+01' + (n % 7) * interval '1 day' end
       from generate_series(1, 1500) n`,
      [tenantId, campaignId],
    ),
);

const SIZE = 10;
const modelled = (value: string) => sql<SqlBool>`o."values" @> ${JSON.stringify({ modele: value })}::jsonb`;

async function expected(em: EntityManager, where: RawBuilder<SqlBool>, descending: boolean): Promise<string[]> {
  const way = descending ? sql`desc` : sql`asc`;
  const { rows } = await sql<{ id: string }>`
    select o.id from operation o where ${where} order by o.planned_at ${way} nulls last, o.title, o.id`.execute(
    em.getTransactionContext<Transaction<unknown>>()!,
  );
  return rows.map(({ id }) => id);
}

for (const [label, fields, least] of [
  ["sans filtre", [], 1500],
  ["une ligne sur quatre", [modelled("leger")], 300],
  ["une ligne sur trois cents", [modelled("rare")], 5],
  ["aucune", [modelled("absent")], 0],
] as const) {
  for (const descending of [false, true]) {
    test(`les pages par date, ${descending ? "décroissantes" : "croissantes"}, ${label}, donnent chaque ligne une fois, dans l’ordre (OPS-4, OPS-7)`, async () => {
      const order: OperationOrder = { by: "planned", descending, statuses: [] };
      const zone = "Europe/Paris";
      await world.db.read(tenantId, async (em) => {
        const where = operationsWhere(campaignId, { fields: [...fields] }, { zone });
        const all = await expected(em, where, descending);
        assert.ok(all.length >= least, String(all.length));
        const page = (mark: Mark | null) => listOperations(em, where, { order, mark, size: SIZE, within: campaignId });
        const forth: string[] = [];
        const starts: Mark[] = [];
        for (let mark: Mark | null = null; ; ) {
          const { rows, after, before } = await page(mark);
          forth.push(...rows.map(({ id }) => id));
          if (before) starts.push(before);
          if (!after) break;
          mark = after;
        }
        assert.deepEqual(forth, all);
        for (const [n, start] of starts.entries()) {
          const { rows } = await page(start);
          assert.deepEqual(
            rows.map(({ id }) => id),
            all.slice(n * SIZE, (n + 1) * SIZE),
          );
        }
      });
    });
  }
}
