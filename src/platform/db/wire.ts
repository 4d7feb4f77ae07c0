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

type Send = (query: unknown, values?: unknown[]) => Promise<unknown>;

interface Statement {
  text: string;
  values?: unknown[] | undefined;
}

/** One connection. `begin` and the settings of a transaction wait for its first query, a last write for its `commit`. */
class Wire {
  readonly #client: pg.Client;
  readonly #send: Send;
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
    if (typeof text === "string") return this.#ask(text, values);
    // A cursor, used at once. Should what it follows be refused, so is everything in the same transaction.
    if (this.#lead.length > 0) this.#last ??= { text: "select" };
    this.#leave()?.catch(() => {});
    return this.#send(text, values);
  }

  async #ask(text: string, values?: unknown[]): Promise<unknown> {
    if (BEGIN.test(text)) {
      this.forget();
      this.#lead = [text];
      return NOT_ASKED;
    }
    if (this.#lead.length === 1 && SETTINGS.test(text) && !values?.length) {
      this.#lead.push(text);
      return NOT_ASKED;
    }
    if (text === "rollback") {
      const begun = this.#lead.length === 0;
      this.forget();
      return begun ? this.#send(text).catch(() => this.#giveUp()) : NOT_ASKED;
    }
    const last = this.#last;
    if (last && text === "commit") {
      this.#last = undefined;
      return this.#together(last, text);
    }
    const before = this.#leave();
    if (text.startsWith(WITH_COMMIT)) {
      this.#last = { text, values };
      await before;
      return NOT_ASKED;
    }
    const [answer] = await Promise.all([this.#together({ text, values }), before]);
    return answer;
  }

  /** A transaction that cannot even be rolled back goes with its connection; why it failed is said by what failed first. */
  #giveUp(): typeof NOT_ASKED {
    this.#client.end().catch(() => {});
    return NOT_ASKED;
  }

  /** Sends the write that waited for its commit and did not get it. */
  #leave(): Promise<unknown> | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last && this.#together(last);
  }

  #together({ text, values }: Statement, trail?: string): Promise<unknown> {
    const lead = this.#lead;
    this.#lead = [];
    const name = values?.length ? this.#nameOf(text) : undefined;
    if (lead.length === 0 && !trail && !name) return this.#send(text, values);
    return new Promise((resolve, reject) => {
      const answered = (error: { code?: string } | null, results: unknown) => {
        if (!error) return resolve([results].flat()[lead.length]);
        if (name && PLAN_LOST.has(error.code ?? "")) this.#names.set(text, null);
        reject(error);
      };
      this.#send(new Gathered({ name, text, queryMode: "extended" }, values ?? [], answered, lead, trail));
    });
  }

  #nameOf(text: string): string | undefined {
    if (!this.#names.has(text) && this.#names.size < MOST_STATEMENTS) this.#names.set(text, `q${this.#names.size + 1}`);
    return this.#names.get(text) ?? undefined;
  }
}

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
  _getRows(connection: Messages, rows?: number): void;
}
const PgQuery = pg.Query as unknown as new (config: object, values: unknown[], answered: object) => PgQuery;

/** A query with others before and after it, in one message that PostgreSQL stops reading at the first error. */
class Gathered extends PgQuery {
  readonly #lead: string[];
  readonly #trail: string | undefined;
  #completed = 0;

  constructor(config: object, values: unknown[], answered: object, lead: string[], trail: string | undefined) {
    super(config, values, answered);
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
