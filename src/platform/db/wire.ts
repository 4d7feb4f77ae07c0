/**
 * Fewer trips to the server, under the ORM: each trip costs both sides a system call and a turn of the loop, which is
 * most of a short transaction. Nothing is reordered and nothing is sent that was not asked.
 */
import type { Pool, PoolClient } from "pg";

const BEGIN = /^(?:begin|start transaction)\b[^;]*$/;
/** Plans are kept by each connection: enough for the queries of pages, too few to weigh. */
const MOST_STATEMENTS = 200;

/** A migration changed what the query gives, or a pooler sent it to another connection: planned each time from then on. */
const PLAN_LOST = new Set(["0A000", "26000"]);

type Query = (text: unknown, values?: unknown[]) => Promise<unknown>;

/** To be given the pool before its first connection. */
export function saveTrips(pool: Pool): void {
  const names = new Map<string, string | null>();
  pool.on("connect", (client: PoolClient) => {
    const send = client.query.bind(client) as Query;
    client.query = beginWithNext(plannedOnce(send, names)) as PoolClient["query"];
  });
}

/** A `begin` waits for the query that follows it, usually the settings of the transaction, and leaves with it. */
function beginWithNext(send: Query): Query {
  let held: string | undefined;
  return (text, values) => {
    if (typeof text === "string" && BEGIN.test(text)) {
      held = text;
      return Promise.resolve({ command: "BEGIN", rowCount: null, rows: [] });
    }
    const begin = held;
    held = undefined;
    if (begin === undefined) return send(text, values);
    if (typeof text === "string" && !values?.length) return send(`${begin}; ${text}`).then(lastOf);
    // Several statements cannot leave together with values: outside its transaction the second must not run at all.
    return send(begin).then(() => send(text, values));
  };
}

/** Several statements in one query give as many results. */
const lastOf = (results: unknown) => (Array.isArray(results) ? results.at(-1) : results);

/**
 * Queries with values are parsed and planned once by each connection, under a name. `names` is common to them; null is
 * for what must not be named.
 */
function plannedOnce(send: Query, names: Map<string, string | null>): Query {
  const nameOf = (text: string) => {
    if (!names.has(text) && names.size < MOST_STATEMENTS) names.set(text, `q${names.size + 1}`);
    return names.get(text);
  };
  return (text, values) => {
    const name = typeof text === "string" && values?.length ? nameOf(text) : null;
    if (!name) return send(text, values);
    return send({ name, text, values }).catch((error: { code?: string }) => {
      if (PLAN_LOST.has(error.code ?? "")) names.set(text as string, null);
      throw error;
    });
  };
}
