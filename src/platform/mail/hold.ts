import { randomUUID } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import pg from "pg";
import { lookedUpTable, tenantKey } from "../db/entity.ts";
import type { Database } from "../db/index.ts";

const schema = defineEntity({
  name: "MailHold",
  tableName: "mail_hold",
  ...lookedUpTable,
  properties: {
    ...tenantKey(),
    reason: p.text(),
    heldAt: p.datetime().defaultRaw("app_now()"),
    releasedAt: p.datetime().nullable(),
    releasedById: p.uuid().nullable(),
  },
});

/** Why nothing leaves, for all organisations of the instance; kept in that of the instance, open until it is released. */
export class MailHold extends schema.class {}
schema.setClass(MailHold);
export const MailHoldSchema = schema;

export interface Hold {
  reason: string;
  heldAt: Date;
  /** Messages that were waiting then, and those written since. */
  before: number;
  since: number;
}

/** The hold in force, or null when messages leave. */
export async function holdInForce(db: Pick<Database, "lookup">): Promise<Hold | null> {
  const [row] = await db.lookup<{ reason: string; held_at: string; before: number; since: number }>("mail_hold");
  return row ? { reason: row.reason, heldAt: new Date(row.held_at), before: row.before, since: row.since } : null;
}

/** Holds all messages; a restored base has nobody signed in, hence a connection of its own. */
export async function holdMessages(databaseUrl: string, reason: string): Promise<void> {
  const app = new pg.Client({ connectionString: databaseUrl, application_name: "opstracker restore" });
  await app.connect();
  try {
    await app.query("begin");
    const { rows } = await app.query<{ id: string }>(
      "select id from lookup.tenants() order by (kind = 'instance') desc, id limit 1",
    );
    if (rows[0]) {
      await app.query("select set_config('app.tenant_id', $1, true)", [rows[0].id]);
      await app.query("insert into mail_hold (tenant_id, id, reason) values ($1, $2, $3)", [
        rows[0].id,
        randomUUID(),
        reason,
      ]);
    }
    await app.query("commit");
  } finally {
    await app.end();
  }
}

/**
 * The same, by the owner that loads a backup, in the transaction of its rows: nobody ever sees them free to leave. False
 * when the schema of the backup is of before messages could be held.
 */
export async function holdRestored(owner: Pick<pg.Client, "query">, reason: string): Promise<boolean> {
  const { rows: known } = await owner.query("select from pg_class where oid = to_regclass('public.mail_hold')");
  if (known.length === 0) return false;
  await owner.query("set local role lookup"); // it alone sees organisations without being in one (rulings 3)
  const { rows } = await owner.query<{ id: string }>(
    "select id from tenant order by (kind = 'instance') desc, id limit 1",
  );
  await owner.query("reset role");
  if (!rows[0]) return true;
  await owner.query("select set_config('app.tenant_id', $1, true)", [rows[0].id]);
  await owner.query("insert into mail_hold (tenant_id, id, reason) values ($1, $2, $3)", [
    rows[0].id,
    randomUUID(),
    reason,
  ]);
  return true;
}

/** Ends the hold; what waits leaves at once. Gives how many were in force. */
export const releaseHold = (em: EntityManager, { by, now }: { by: string; now: Date }): Promise<number> =>
  em.nativeUpdate(MailHold, { releasedAt: null }, { releasedAt: now, releasedById: by });
