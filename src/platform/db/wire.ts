/**
 * Fewer trips to the server, under the ORM: each trip costs both sides a system call and a wake-up, which is most of a
 * short transaction. Statements keep their order; those whose answer nobody waits for travel with a neighbour.
 */
import pg from "pg";

/** Put before a statement whose result is not used: it leaves with the `commit` that follows, which fails if it does. */
export const WITH_COMMIT = "/* with the commit */ ";

const BEGIN = /^(?:begin|start transaction)\b/;
const SETTINGS = /^select set_config\(/;
/** Plans are kept by each connection: enough for the queries of pages, too few to weigh. */
const MOST_STATEMENTS = 200;
/** A migration changed what the query gives, or a pooler sent it to another connection: planned each time from then on. */
const PLAN_LOST = new Set(["0A000", "26000"]);
const NOT_ASKED = { command: "", rowCount: 0, rows: [] };

type Send = (query: unknown, values?: unknown[]) => Promise<unknown>;

interface Statement {
  text: string;
  values?: unknown[] | undefined;
  name?: string | undefined;
}

/** To be given the pool before its first connection. */
export function saveTrips(pool: pg.Pool): void {
  const names = new Map<string, string | null>();
  const wires = new WeakMap<object, Wire>();
  pool.on("connect", (client) => {
    const wire = new Wire(client as unknown as pg.Client, names);
    wires.set(client, wire);
    client.query = ((text: unknown, values?: unknown[]) => wire.query(text, values)) as typeof client.query;
  });
  // Nothing left by somebody else can ever lead the next one's queries.
  pool.on("acquire", (client) => wires.get(client)?.forget());
}

/** One connection. `begin` and the settings of a transaction wait for its first query, a last write for its `commit`. */
class Wire {
  readonly #client: pg.Client;
  readonly #send: Send;
  /** Names of planned statements, common to the connections; null for what must not have one. */
  readonly #names: Map<string, string | null>;
  #lead: string[] = [];
  #last: Statement | undefined;

  constructor(client: pg.Client, names: Map<string, string | null>) {
    this.#client = client;
    this.#send = client.query.bind(client) as Send;
    this.#names = names;
  }

  forget(): void {
    this.#lead = [];
    this.#last = undefined;
  }

  query(text: unknown, values?: unknown[]): unknown {
    if (typeof text !== "string") return this.#follow(text, values);
    if (BEGIN.test(text)) {
      this.#lead = [text];
      this.#last = undefined;
      return NOTHING;
    }
    if (this.#lead.length === 1 && SETTINGS.test(text) && !values?.length) {
      this.#lead.push(text);
      return NOTHING;
    }
    if (text === "rollback") return this.#rollback(text);
    const last = this.#last;
    this.#last = undefined;
    if (last && text === "commit") return this.#together(last, text);
    const before = last && this.#together(last);
    if (text.startsWith(WITH_COMMIT)) {
      this.#last = this.#named(text, values);
      return before ?? NOTHING;
    }
    const answer = this.#together(this.#named(text, values));
    return before ? Promise.all([answer, before]).then(([answered]) => answered) : answer;
  }

  /** A cursor, used at once: what waits leaves before it. Should that be refused, so is the cursor's own query. */
  #follow(cursor: unknown, values?: unknown[]): unknown {
    const waiting = this.#last ?? (this.#lead.length > 0 ? { text: "select" } : undefined);
    this.#last = undefined;
    if (waiting) this.#together(waiting).catch(() => {});
    return this.#send(cursor, values);
  }

  /** A transaction that cannot even be rolled back goes with its connection; why it failed is said by what failed first. */
  #rollback(text: string): Promise<unknown> {
    const begun = this.#lead.length === 0;
    this.forget();
    if (!begun) return NOTHING;
    return this.#send(text).catch(() => {
      this.#client.end().catch(() => {});
      return NOT_ASKED;
    });
  }

  #together(main: Statement, trail?: string): Promise<unknown> {
    const lead = this.#lead;
    if (lead.length === 0 && !trail && !main.name) return this.#send(main.text, main.values);
    this.#lead = [];
    return new Promise((resolve, reject) => {
      const answered = (error: (Error & { code?: string }) | null, results: unknown) => {
        if (error) {
          if (PLAN_LOST.has(error.code ?? "")) this.#names.set(main.text, null);
          reject(error);
        } else {
          resolve(Array.isArray(results) ? results[lead.length] : results);
        }
      };
      this.#send(new Gathered(main, answered, lead, trail));
    });
  }

  #named(text: string, values?: unknown[]): Statement {
    if (!values?.length) return { text };
    if (!this.#names.has(text) && this.#names.size < MOST_STATEMENTS) this.#names.set(text, `q${this.#names.size + 1}`);
    return { text, values, name: this.#names.get(text) ?? undefined };
  }
}

const NOTHING = Promise.resolve(NOT_ASKED);

/** What we use of pg's own query and connection, whose types say less than their code. */
interface Messages {
  parse(message: { text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
  sync(): void;
}
interface PgQuery {
  portal: string;
  prepare(connection: Messages): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Messages): void;
  _getRows(connection: Messages): void;
}
const PgQuery = pg.Query as unknown as new (config: object, values: unknown[], answered: object) => PgQuery;

/** A query with others before and after it, in one message that PostgreSQL stops reading at the first error. */
class Gathered extends PgQuery {
  readonly #lead: string[];
  readonly #trail: string | undefined;
  #completed = 0;

  constructor({ name, text, values = [] }: Statement, answered: object, lead: string[], trail: string | undefined) {
    super({ name, text, queryMode: "extended" }, values, answered);
    this.#lead = lead;
    this.#trail = trail;
  }

  override prepare(connection: Messages): void {
    for (const text of this.#lead) sendAlone(connection, text);
    super.prepare(connection);
  }

  override _getRows(connection: Messages): void {
    connection.execute({ portal: this.portal });
    if (this.#trail) sendAlone(connection, this.#trail);
    connection.sync();
  }

  override handleCommandComplete(message: unknown, connection: Messages): void {
    this.#completed += 1;
    super.handleCommandComplete(message, connection);
  }

  /** The settings say their new values in a row nobody described. */
  override handleDataRow(message: unknown): void {
    if (this.#completed >= this.#lead.length) super.handleDataRow(message);
  }
}

function sendAlone(connection: Messages, text: string): void {
  connection.parse({ text });
  connection.bind({});
  connection.execute({});
}
