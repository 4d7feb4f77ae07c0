/**
 * Fewer trips to the server, under the ORM: each trip costs both sides a system call and a wake-up, which is most of a
 * short transaction. Statements keep their order; those whose answer nobody waits for travel with a neighbour.
 */
import type { Socket } from "node:net";
import pg from "pg";

/** Put before a statement whose result is not used: it leaves with the `commit` that follows, which fails if it does. */
export const WITH_COMMIT = "/* with the commit */ ";

/** Put before a statement whose result is not used: it leaves with the query that follows, which fails if it does. */
export const WITH_NEXT = "/* with the next */ ";

/** PostgreSQL's "cached plan must not change result type": a next version migrated under this process (F22). */
export const PLAN_OUTDATED = "0A000";

const COMMIT = "commit";
/** How long a connection nobody asks anything may still show its last reads as open. */
const SOON_MS = 20;
const BEGIN = /^(?:begin|start transaction)\b/;
/** A question whose text never changes, unlike those of the ORM, which writes values into them. */
const BY_HAND = /^\s*(?:select|with) [^"]/;
const SETTINGS = /^select set_config\(/;
const PATIENT = /'statement_timeout'/;
/** Plans are kept by each connection: enough for the queries of pages, too few to weigh. */
const MOST_STATEMENTS = 200;
/** A pooler sent it to another connection: planned each time from then on. */
const PLAN_LOST = new Set(["26000"]);
const NOT_ASKED = { command: "", rowCount: 0, rows: [] };

type Send = (query: unknown, values?: unknown[]) => Promise<unknown>;

interface Statement {
  text: string;
  values?: unknown[] | undefined;
  name?: string | undefined;
}
interface Leader extends Statement {
  isKnown: boolean;
}

/** How often connections are looked at. */
const WATCH_MS = 250;

/**
 * To be given the pool before its first connection. A server that leaves a question without a word for `silentMs`, or
 * `patientMs` in a transaction that asked for patience, is taken for lost, or the network to it: the connection is cut,
 * and whoever waits is told (F07). Those nobody uses go with it, or each would make its next user wait as long.
 */
export function saveTrips(pool: pg.Pool, { silentMs, patientMs }: { silentMs: number; patientMs: number }): void {
  const names = new Map<string, string | null>();
  const wires = new Map<object, Wire>();
  pool.on("remove", (client) => wires.delete(client));
  const watch = setInterval(() => {
    if ((pool as unknown as { ended: boolean }).ended) return clearInterval(watch);
    const now = performance.now();
    const silent = [...wires.values()].filter((wire) => wire.isSilentSince(now - silentMs, now - patientMs));
    if (silent.length === 0) return;
    for (const wire of [...wires.values()].filter((one) => one.isIdle)) wire.cut();
    for (const wire of silent) wire.cut();
  }, WATCH_MS).unref();
  pool.on("connect", (client) => {
    const wire = new Wire(client as unknown as pg.Client, names);
    wires.set(client, wire);
    client.query = ((text: unknown, values?: unknown[]) => wire.query(text, values)) as typeof client.query;
  });
  pool.on("acquire", (client) => wires.get(client)?.take());
  pool.on("release", (_error, client) => wires.get(client)?.leave());
}

/** One connection. `begin`, settings and a first write wait for the transaction's first query, a last write for its `commit`. */
class Wire {
  readonly #client: pg.Client;
  readonly #send: Send;
  /** Questions without their answer yet, and since when nothing was heard. */
  #asked = 0;
  #heardAt = 0;
  /** Names of planned statements, common to the connections; null for what must not have one. */
  readonly #names: Map<string, string | null>;
  #lead: Statement[] = [];
  /** Names, on this connection, of statements that lead; undefined once a pooler proved not to keep them. */
  #leaders: Map<string, string> | undefined = new Map();
  #made = 0;
  #last: Statement | undefined;
  /** Is the transaction under way one of reads only? */
  #reads = false;
  #isTaken = false;
  /** Did the transaction under way ask for the time of work? */
  #isPatient = false;

  constructor(client: pg.Client, names: Map<string, string | null>) {
    this.#client = client;
    this.#send = client.query.bind(client) as Send;
    this.#names = names;
  }

  /** Nothing left by somebody else can ever lead the next one's queries. */
  take(): void {
    this.forget();
    this.#isTaken = true;
    this.#isPatient = false;
  }

  leave(): void {
    this.#isTaken = false;
  }

  get isIdle(): boolean {
    return !this.#isTaken;
  }

  isSilentSince(limit: number, patientLimit: number): boolean {
    return this.#asked > 0 && this.#heardAt <= (this.#isPatient ? patientLimit : limit);
  }

  cut(): void {
    const lost = Object.assign(new Error("PostgreSQL does not answer any more."), { code: "ETIMEDOUT" });
    (this.#client as unknown as { connection: { stream: Socket } }).connection.stream.destroy(lost);
  }

  #sent(): void {
    if (this.#asked++ === 0) this.#heardAt = performance.now();
  }

  #heard(): void {
    this.#asked -= 1;
    this.#heardAt = performance.now();
  }

  /** One statement, alone. */
  #ask({ text, values }: Statement): Promise<unknown> {
    this.#sent();
    return this.#send(text, values).finally(() => this.#heard());
  }

  /** Drops what waits, but for the end of the reads before. */
  forget(): void {
    this.#lead = this.#lead.filter(({ text }) => text === COMMIT).slice(0, 1);
    this.#last = undefined;
  }

  query(text: unknown, values?: unknown[]): unknown {
    if (typeof text !== "string") return this.#follow(text, values);
    if (BEGIN.test(text)) {
      this.forget();
      this.#lead.push({ text });
      this.#reads = text.endsWith(" read only");
      return NOTHING;
    }
    if (BEGIN.test(this.#lead.at(-1)?.text ?? "") && SETTINGS.test(text)) {
      this.#lead.push({ text, values });
      this.#isPatient = PATIENT.test(text);
      return NOTHING;
    }
    if (text.startsWith(WITH_NEXT) && this.#lead.length > 0) {
      this.#lead.push({ text, values });
      return NOTHING;
    }
    if (text === "rollback") return this.#rollback(text);
    const last = this.#last;
    this.#last = undefined;
    if (last && text === COMMIT) return this.#together(last, text);
    if (text === COMMIT && this.#reads) return this.#endReads();
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

  /** Reads have nothing to confirm: their end leaves with what comes next on this connection, or alone after a moment. */
  #endReads(): Promise<unknown> {
    if (!this.#hasBegun) this.forget();
    else {
      this.#lead = [{ text: COMMIT }];
      setTimeout(() => this.#endAlone(), SOON_MS).unref();
    }
    return NOTHING;
  }

  #endAlone(): void {
    if (this.#lead.length !== 1 || this.#lead[0]!.text !== COMMIT) return;
    this.#lead = [];
    this.#ask({ text: COMMIT }).catch(() => this.#client.end().catch(() => {}));
  }

  get #hasBegun(): boolean {
    return !this.#lead.some(({ text }) => BEGIN.test(text));
  }

  /** A transaction that cannot even be rolled back goes with its connection; why it failed is said by what failed first. */
  #rollback(text: string): Promise<unknown> {
    const begun = this.#hasBegun;
    this.forget();
    if (!begun) return NOTHING;
    return this.#ask({ text }).catch(() => {
      this.#client.end().catch(() => {});
      return NOT_ASKED;
    });
  }

  #together(main: Statement, trail?: string): Promise<unknown> {
    if (this.#lead.length === 0 && !trail && !main.name) return this.#ask(main);
    const lead = this.#lead.map((one) => this.#leading(one));
    this.#lead = [];
    return new Promise((resolve, reject) => {
      const answered = (error: (Error & { code?: string }) | null, results: unknown) => {
        this.#heard();
        if (error) {
          if (error.code === PLAN_OUTDATED) {
            // A table is no longer what the plans were made for: all are made anew, under other names.
            this.#names.clear();
          } else if (PLAN_LOST.has(error.code ?? "")) {
            this.#names.set(main.text, null);
            this.#leaders = undefined;
          }
          reject(error);
        } else {
          for (const { text, name } of lead) if (name) this.#leaders?.set(text, name);
          resolve(Array.isArray(results) ? results[lead.length] : results);
        }
      };
      this.#sent();
      this.#send(new Gathered(main, answered, lead, trail));
    });
  }

  /** Known by a name once a message it led went through; a new one at each try, as the server may keep that of a failure. */
  #leading({ text, values }: Statement): Leader {
    const known = this.#leaders?.get(text);
    return { text, values, name: known ?? (this.#leaders && `lead${++this.#made}`), isKnown: known !== undefined };
  }

  #named(text: string, values?: unknown[]): Statement {
    if (!values?.length && !BY_HAND.test(text)) return { text };
    if (!this.#names.has(text) && this.#names.size < MOST_STATEMENTS) this.#names.set(text, `q${++named}`);
    return { text, values: values ?? [], name: this.#names.get(text) ?? undefined };
  }
}

/** Never the same twice, so that no name is known to a connection with another text. */
let named = 0;

const NOTHING = Promise.resolve(NOT_ASKED);

/** What we use of pg's own query and connection, whose types say less than their code. */
interface Messages {
  parse(message: { text: string; name?: string | undefined }): void;
  bind(message: object): void;
  execute(message: object): void;
  sync(): void;
  parsedStatements: Record<string, string>;
}
interface PgQuery {
  name?: string;
  portal: string;
  prepare(connection: Messages): void;
  handleDataRow(message: unknown): void;
  handleError(error: unknown, connection: Messages): void;
  handleCommandComplete(message: unknown, connection: Messages): void;
  _getRows(connection: Messages): void;
}
const PgQuery = pg.Query as unknown as new (config: object, values: unknown[], answered: object) => PgQuery;

/** A query with others before and after it, in one message that PostgreSQL stops reading at the first error. */
class Gathered extends PgQuery {
  readonly #lead: Leader[];
  readonly #trail: string | undefined;
  #completed = 0;
  #wasParsed = false;

  constructor({ name, text, values = [] }: Statement, answered: object, lead: Leader[], trail: string | undefined) {
    super({ name, text, queryMode: "extended" }, values, answered);
    this.#lead = lead;
    this.#trail = trail;
  }

  override prepare(connection: Messages): void {
    this.#wasParsed = connection.parsedStatements[this.name ?? ""] !== undefined;
    for (const leader of this.#lead) sendAlone(connection, leader);
    super.prepare(connection);
  }

  override _getRows(connection: Messages): void {
    connection.execute({ portal: this.portal });
    if (this.#trail) sendAlone(connection, { text: this.#trail, isKnown: false });
    connection.sync();
  }

  override handleCommandComplete(message: unknown, connection: Messages): void {
    this.#completed += 1;
    super.handleCommandComplete(message, connection);
  }

  /** What comes after an error is not read: pg took a leader's parse for that of the query, which the server never saw. */
  override handleError(error: unknown, connection: Messages): void {
    if (!this.#wasParsed && this.#completed < this.#lead.length) delete connection.parsedStatements[this.name ?? ""];
    super.handleError(error, connection);
  }

  /** The settings say their new values in a row nobody described. */
  override handleDataRow(message: unknown): void {
    if (this.#completed >= this.#lead.length) super.handleDataRow(message);
  }
}

function sendAlone(connection: Messages, { text, values, name, isKnown }: Leader): void {
  if (!isKnown) connection.parse({ text, name });
  connection.bind({ statement: name, values, valueMapper: prepareValue });
  connection.execute({});
}

/** Arrays, dates and numbers as pg writes them for a query of its own. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;
