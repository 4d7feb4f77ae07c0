/** What an instance has behind it after some time: acts, their seals, and a planner that knows its tables. */
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { User } from "../../src/accounts/index.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import type { Person } from "./people.ts";

const ACTS = 3_000;

/** Acts of everybody in turn, as their pages would have made them. */
export async function liveAWhile(db: Database, superUrl: string, people: Person[]): Promise<void> {
  for (let n = 0; n < ACTS; n++) {
    const { id, tenantId, name } = people[n % people.length]!;
    const act = { code: "user.preferences_changed", label: `Préférences de ${name}`, subject: { type: "user", id } };
    const reason = n % 7 === 0 ? "Réglage demandé par la personne" : undefined;
    await db.act({ tenantId, actorId: id, channel: "page", now: new Date(), reason, ...act }, async (em) => {
      const user = await em.findOneOrFail(User, { id });
      user.shortcuts = !user.shortcuts;
    });
  }
  await allSealed(db);
  const client = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  await client.connect();
  await client.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
  await client.end();
}

export async function allSealed(db: Database): Promise<void> {
  while ((await db.lookup("unsealed")).length > 0) await pause(100);
}
