/**
 * Fewer trips to the server, under the ORM: each trip costs both sides a system call and a wake-up, which is most of a
 * short transaction. Statements keep their order; those whose answer nobody waits for travel with a neighbour.
 */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

/** Put before a statement whose result is not used: it leaves with the `commit` that follows, which fails if it does. */
export const WITH_COMMIT = "/* with the commit */ ";

/** Put before a statement whose result is not used: it leaves with the query that follows, which fails if it does. */
export const WITH_NEXT = "/* with the next */ ";

/**
 * Put before a question: it leaves with the query that follows, and the rows of the result given at once are there when
 * that one is answered (`askWithNext`).
 */
export const ANSWERED_WITH_NEXT = "/* answered with the next */ ";

/**
 * Put before a statement planned each time, and not kept by the connection: a plan of an act of one row would not suit ten
 * thousand.
 */
export const PLANNED_ANEW = "/* planned anew */ ";

/** Put before a `copy … from stdin`, whose one value is the stream of what it copies. */
export const COPIED = "/* copied */ ";

/** PostgreSQL's "cached plan must not change result type": a next version migrated under this process (F22). */
export const PLAN_OUTDATED = "0A000";

const COMMIT = "commit";
const BEGIN = /^(?:begin|start transaction)\b/;
/** A question whose text never changes, unlike those of the ORM, which writes values into them. */
const BY_HAND = /^\s*(?:select|with) [^"]/;
const SETTINGS = /^select set_config\(/;
const PATIENT = /'statement_timeout'/;
/** Plans are kept by each connection: enough for the queries of pages, too few to weigh. */
const MOST_STATEMENTS = 300;
/** A plan is kept from so many uses on: what a start or a job asks once takes no place from what pages ask all day. */
const LEAST_USES = 3;
const MOST_COUNTED = 2_000;
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
  /** Where its rows are put, if anybody wants them. */
  rows?: unknown[] | undefined;
}
/** What a planned statement answers with: told once by the server, which need not say it again. */
interface Shape {
  fields: unknown[];
  _parsers: unknown[] | undefined;
  _prebuiltEmptyResultObject: object | null;
}

/** Names of planned statements, common to the connections; null for what must not have one. */
interface Plans {
  names: Map<string, string | null>;
  /** How often those without a name were asked. */
  uses: Map<string, number>;
  /** How many times all had to be made anew. */
  age: number;
}

/** How often connections are looked at. */
const WATCH_MS = 250;

/**
 * To be given the pool before its first connection. A server that leaves a question without a word for `silentMs`, or
 * `patientMs` in a transaction that asked for patience, is taken for lost, or the network to it: the connection is cut,
 * and whoever waits is told (F07). Those nobody uses go with it, or each would make its next user wait as long.
 */
export function saveTrips(pool: pg.Pool, { silentMs, patientMs }: { silentMs: number; patientMs: number }): void {
  const plans: Plans = { names: new Map(), uses: new Map(), age: 0 };
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
    const wire = new Wire(client as unknown as pg.Client, plans);
    wires.set(client, wire);
    client.query = ((text: unknown, values?: unknown[]) => wire.query(text, values)) as typeof client.query;
  });
  pool.on("acquire", (client) => wires.get(client)?.take());
  pool.on("release", (_error, client) => wires.get(client)?.leave());
}

/**
 * One connection. `begin`, settings and a first write wait for the transaction's first query, a last write for its `commit`.
 * A transaction of reads is never begun: each of its questions leaves with the settings, which PostgreSQL takes together
 * for one transaction. At this level of isolation (read committed) a question sees no less, and nothing stays open.
 */
class Wire {
  readonly #client: pg.Client;
  readonly #send: Send;
  /** Questions without their answer yet, and since when nothing was heard. */
  #asked = 0;
  #heardAt = 0;
  readonly #plans: Plans;
  /** Of the plans this connection knows. */
  #age = 0;
  #lead: Omit<Leader, "isKnown">[] = [];
  /** Names, on this connection, of statements that lead; undefined once a pooler proved not to keep them. */
  #leaders: Map<string, string> | undefined = new Map();
  #made = 0;
  #last: Statement | undefined;
  /** The settings of the transaction of reads under way. */
  #reads: Statement | true | undefined;
  readonly #shapes = new Map<string, Shape | null>();
  #isTaken = false;
  /** Did the transaction under way ask for the time of work? */
  #isPatient = false;

  constructor(client: pg.Client, plans: Plans) {
    this.#client = client;
    this.#send = client.query.bind(client) as Send;
    this.#plans = plans;
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

  /** Drops what waits. */
  forget(): void {
    this.#lead = [];
    this.#last = undefined;
    this.#reads = undefined;
  }

  query(text: unknown, values?: unknown[]): unknown {
    if (typeof text !== "string") return this.#follow(text, values);
    if (text.startsWith(COPIED)) return this.#copy(text, values?.[0] as Readable);
    if (BEGIN.test(text)) {
      this.forget();
      if (text.endsWith(" read only")) this.#reads = true;
      else this.#lead.push({ text });
      return NOTHING;
    }
    if (SETTINGS.test(text) && (this.#reads === true || BEGIN.test(this.#lead.at(-1)?.text ?? ""))) {
      if (this.#reads) this.#reads = { text, values };
      else this.#lead.push({ text, values });
      this.#isPatient = PATIENT.test(text);
      return NOTHING;
    }
    if (text.startsWith(WITH_NEXT) && !this.#last) {
      this.#lead.push({ text, values });
      return NOTHING;
    }
    if (text.startsWith(ANSWERED_WITH_NEXT)) {
      const rows: unknown[] = [];
      unanswered.add(rows);
      this.#lead.push({ text, values, rows });
      return Promise.resolve({ command: "SELECT", rowCount: 0, rows });
    }
    if (this.#reads && (text === COMMIT || text === "rollback")) {
      const isWaitedFor = text === COMMIT && this.#lead.some(({ rows }) => rows);
      const answers = isWaitedFor ? this.#together({ text: "select" }) : NOTHING;
      this.forget();
      return answers;
    }
    if (text === "rollback") return this.#rollback(text);
    const last = this.#last;
    this.#last = undefined;
    if (last && text === COMMIT) return this.#together(last, text);
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
    if (this.#reads) {
      // It lasts beyond one message: this transaction is begun after all.
      const settings = this.#reads === true ? [] : [this.#reads];
      this.#lead = [{ text: "begin read only" }, ...settings, ...this.#lead];
      this.#reads = undefined;
    }
    const waiting = this.#last ?? (this.#lead.length > 0 ? { text: "select" } : undefined);
    this.#last = undefined;
    if (waiting) this.#together(waiting).catch(() => {});
    return this.#send(cursor, values);
  }

  /** Each piece that leaves is a word of the server: it takes no more than it can write. */
  async #copy(text: string, lines: Readable): Promise<unknown> {
    const into = this.#follow(copyFrom(text)) as NodeJS.WritableStream;
    this.#sent();
    try {
      await pipeline(
        lines,
        async function* (this: Wire, pieces: AsyncIterable<unknown>) {
          for await (const piece of pieces) {
            this.#heardAt = performance.now();
            yield piece;
          }
        }.bind(this),
        into,
      );
      return NOT_ASKED;
    } finally {
      this.#heard();
    }
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
    const waiting = typeof this.#reads === "object" ? [this.#reads, ...this.#lead] : this.#lead;
    if (waiting.length === 0 && !trail && !main.name) return this.#ask(main);
    const lead = waiting.map((one) => this.#leading(one));
    this.#lead = [];
    return new Promise((resolve, reject) => {
      const answered = (error: (Error & { code?: string }) | null, results: unknown) => {
        this.#heard();
        if (error) {
          if (error.code === PLAN_OUTDATED) {
            // A table is no longer what the plans were made for: all are made anew, under other names.
            this.#plans.names.clear();
            this.#plans.age += 1;
          } else if (PLAN_LOST.has(error.code ?? "")) {
            this.#plans.names.set(main.text, null);
            this.#leaders = undefined;
          }
          reject(error);
        } else {
          for (const { text, name } of lead) if (name) this.#leaders?.set(text, name);
          resolve(Array.isArray(results) ? results[lead.length] : results);
        }
      };
      this.#sent();
      this.#send(new Gathered(main, answered, lead, trail, this.#shapes));
    });
  }

  /** Known by a name once a message it led went through; a new one at each try, as the server may keep that of a failure. */
  #leading({ text, values, rows }: Omit<Leader, "isKnown">): Leader {
    if (this.#age !== this.#plans.age) {
      this.#leaders?.clear();
      this.#shapes.clear();
      this.#age = this.#plans.age;
    }
    const known = this.#leaders?.get(text);
    return {
      text,
      values,
      rows,
      name: known ?? (this.#leaders && `lead${++this.#made}`),
      isKnown: known !== undefined,
    };
  }

  #uses(text: string): number {
    const { uses } = this.#plans;
    const count = (uses.get(text) ?? 0) + 1;
    uses.delete(text);
    if (count < LEAST_USES) uses.set(text, count);
    if (uses.size > MOST_COUNTED) uses.delete(uses.keys().next().value!);
    return count;
  }

  #named(text: string, values?: unknown[]): Statement {
    if (!values?.length && !BY_HAND.test(text)) return { text };
    const { names } = this.#plans;
    if (!names.has(text) && names.size < MOST_STATEMENTS && !text.trimStart().startsWith(PLANNED_ANEW)) {
      if (this.#uses(text) >= LEAST_USES) names.set(text, `q${++named}`);
    }
    return { text, values: values ?? [], name: names.get(text) ?? undefined };
  }
}

/** Never the same twice, so that no name is known to a connection with another text. */
let named = 0;

const NOTHING = Promise.resolve(NOT_ASKED);

/** Rows promised by ANSWERED_WITH_NEXT that are not there yet. */
const unanswered = new WeakSet<object>();
export const isAnswered = (rows: object) => !unanswered.has(rows);

/** What we use of pg's own query and connection, whose types say less than their code. */
interface Messages {
  parse(message: { text: string; name?: string | undefined }): void;
  bind(message: object): void;
  describe(message: object): void;
  execute(message: object): void;
  sync(): void;
  parsedStatements: Record<string, string>;
}
interface PgQuery {
  name?: string | undefined;
  queryMode?: string;
  portal: string;
  _result: Shape & { rows: unknown[] };
  _accumulateRows: boolean;
  prepare(connection: Messages): void;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleError(error: unknown, connection: Messages): void;
  handleCommandComplete(message: unknown, connection: Messages): void;
  _getRows(connection: Messages): void;
  _checkForMultirow(): void;
}
const PgQuery = pg.Query as unknown as new (text: string, values: unknown[], answered: object) => PgQuery;

/** A query with others before and after it, in one message that PostgreSQL stops reading at the first error. */
class Gathered extends PgQuery {
  readonly #main: Leader;
  readonly #lead: Leader[];
  readonly #trail: string | undefined;
  readonly #shapes: Map<string, Shape | null>;
  #completed = 0;
  /** Is the answer under way one whose columns are known? */
  #isShaped = false;

  constructor(
    { name, text, values = [] }: Statement,
    answered: object,
    lead: Leader[],
    trail: string | undefined,
    shapes: Map<string, Shape | null>,
  ) {
    super(text, values, answered);
    this.name = name;
    this.queryMode = "extended";
    this._accumulateRows = true;
    this.#main = { text, values, name, isKnown: false, rows: [] };
    this.#lead = lead;
    this.#trail = trail;
    this.#shapes = shapes;
  }

  override prepare(connection: Messages): void {
    this.#main.isKnown = connection.parsedStatements[this.name ?? ""] !== undefined;
    for (const leader of this.#lead) this.#ask(connection, leader);
    if (this.#main.isKnown && this.#shapes.has(this.name!)) {
      this.#ask(connection, this.#main);
      this.#end(connection);
    } else super.prepare(connection);
  }

  /** One statement of the message; what it answers with is asked only where it is wanted and not known yet. */
  #ask(connection: Messages, { text, values, name, isKnown, rows }: Leader): void {
    if (!isKnown) connection.parse({ text, name });
    connection.bind({ statement: name, values, valueMapper: prepareValue });
    if (rows && !(name && this.#shapes.has(name))) connection.describe({ type: "P", name: "" });
    connection.execute({});
  }

  override _getRows(connection: Messages): void {
    connection.execute({ portal: this.portal });
    this.#end(connection);
  }

  #end(connection: Messages): void {
    if (this.#trail) this.#ask(connection, { text: this.#trail, isKnown: false });
    connection.sync();
  }

  /** The statement whose answer comes next; none once only the trail is left. */
  get #answering(): Leader | undefined {
    return this.#completed === this.#lead.length ? this.#main : this.#lead[this.#completed];
  }

  override handleRowDescription(message: unknown): void {
    super.handleRowDescription(message);
    this.#isShaped = true;
    const { fields, _parsers, _prebuiltEmptyResultObject } = this._result;
    const name = this.#answering?.name;
    if (name) this.#shapes.set(name, { fields, _parsers, _prebuiltEmptyResultObject });
  }

  /** A row; those of statements whose answer nobody wants (the settings say their new values) are passed over. */
  override handleDataRow(message: unknown): void {
    if (!this.#answering?.rows) return;
    if (!this.#isShaped) this.#shape();
    super.handleDataRow(message);
  }

  #shape(): void {
    this._checkForMultirow();
    Object.assign(this._result, this.#shapes.get(this.#answering!.name!));
    this.#isShaped = true;
  }

  override handleCommandComplete(message: unknown, connection: Messages): void {
    const ended = this.#answering;
    if (ended?.rows && !this.#isShaped) {
      if (ended.name && !this.#shapes.has(ended.name)) this.#shapes.set(ended.name, null);
      this.#shape();
    }
    super.handleCommandComplete(message, connection);
    if (ended?.rows && ended !== this.#main) {
      ended.rows.push(...this._result.rows);
      unanswered.delete(ended.rows);
    }
    this.#completed += 1;
    this.#isShaped = false;
  }

  /** What comes after an error is not read: pg took a leader's parse for that of the query, which the server never saw. */
  override handleError(error: unknown, connection: Messages): void {
    if (!this.#main.isKnown && this.#completed < this.#lead.length) delete connection.parsedStatements[this.name ?? ""];
    super.handleError(error, connection);
  }
}

/** Arrays, dates and numbers as pg writes them for a query of its own. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils;
