/** One JSON object a line; in development on a terminal, a line for people. Secrets never reach it. */
import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";

export type Level = "debug" | "info" | "warn" | "error";
export type Fields = Record<string, unknown>;

export interface Log {
  debug(msg: string, fields?: Fields): void;
  info(msg: string, fields?: Fields): void;
  warn(msg: string, fields?: Fields): void;
  error(msg: string, fields?: Fields): void;
  /** The same log with fields added to each line, for instance `{ requestId }`. */
  with(fields: Fields): Log;
}

export interface LogOptions {
  /** "lines" for machines, "people" for a terminal; chosen from the terminal and NODE_ENV when absent. */
  style?: "lines" | "people";
  write?: (line: string, level: Level) => void;
  now?: () => Date;
}

/** What every line written during a request carries, whoever writes it. */
const around = new AsyncLocalStorage<Fields>();

/** Runs `work` so that each line it causes, at once or later, carries these fields (P56). */
export const within = <T>(fields: Fields, work: () => T): T => around.run(fields, work);

const ORDER: Record<Level, number> = { debug: 10, info: 20, warn: 30, error: 40 };
const COLOUR: Record<Level, string> = { debug: "\x1b[90m", info: "\x1b[36m", warn: "\x1b[33m", error: "\x1b[31m" };
const HIDDEN = "[masqué]";
const SECRET_KEY = /pass(word|wd|phrase)|^pass$|^pwd$|token|secret|authorization|cookie|api-?key|private-?key|^_?csrf/i;
/** Passwords inside addresses (postgres://user:…@host) and in queries of links. */
const IN_TEXT: [RegExp, string][] = [
  // No account is needed before the password (redis://:…@host), and an @ may be in it.
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):\S+@/gi, `$1:${HIDDEN}@`],
  [/([?&](?:token|_csrf|secret|password)=)[^\s&#"]+/gi, `$1${HIDDEN}`],
];
const MAX_TEXT = 8_000;
const MAX_DEPTH = 6;

const GATHERED_MS = 50;
let gathered = "";

/** Lines of the same moment leave together: one system call a line would be a tenth of the cost of a page. */
function gather(line: string): void {
  if (gathered === "") setTimeout(pour, GATHERED_MS).unref();
  gathered += `${line}\n`;
}

function pour(): void {
  const lines = gathered;
  gathered = "";
  if (lines) process.stdout.write(lines);
}
process.on("exit", pour);

/** What went before comes first, so that the order of the lines stays that of the events. */
function say(line: string): void {
  pour();
  process.stderr.write(`${line}\n`);
}

/** Errors and warnings go to stderr at once, the rest to stdout. */
export function createLog(level: Level = "info", options: LogOptions = {}): Log {
  const style = options.style ?? (process.stdout.isTTY && process.env.NODE_ENV !== "production" ? "people" : "lines");
  const write = options.write ?? ((line, at) => (ORDER[at] >= ORDER.warn ? say(line) : gather(line)));
  const now = options.now ?? (() => new Date());

  const emit = (at: Level, msg: string, fields: Fields) => {
    if (ORDER[at] < ORDER[level]) return;
    const clean = tidy({ ...around.getStore(), ...fields }, 0, new Set()) as Fields;
    const line = style === "people" ? forPeople(at, now(), msg, clean) : forMachines(at, now(), msg, clean);
    write(line, at);
  };
  const build = (bound: Fields): Log => ({
    debug: (msg, fields) => emit("debug", msg, { ...bound, ...fields }),
    info: (msg, fields) => emit("info", msg, { ...bound, ...fields }),
    warn: (msg, fields) => emit("warn", msg, { ...bound, ...fields }),
    error: (msg, fields) => emit("error", msg, { ...bound, ...fields }),
    with: (fields) => build({ ...bound, ...fields }),
  });
  return build({});
}

function forMachines(level: Level, time: Date, msg: string, fields: Fields): string {
  const ours = { time: time.toISOString(), level, msg: tidyText(msg) };
  // Twice: first for the order, last so that no field passes itself off as the level. JSON escapes line ends.
  return JSON.stringify({ ...ours, ...fields, ...ours });
}

function forPeople(level: Level, time: Date, msg: string, fields: Fields): string {
  const rest = Object.entries(fields).map(([key, value]) => {
    if (key === "error" && typeof value === "object" && value) return (value as { stack?: string }).stack ?? "";
    return `${key}=${typeof value === "string" ? value : inspect(value, { breakLength: Number.POSITIVE_INFINITY })}`;
  });
  const clock = time.toTimeString().slice(0, 8);
  // Control characters could move the cursor or forge a line; a stack keeps its own line ends.
  const safe = [tidyText(msg), ...rest]
    .join(" ")
    .replace(/[\p{Cc}\u2028\u2029]/gu, (c) => (c === "\n" ? "\n    " : " "));
  return `${clock} ${COLOUR[level]}${level.padEnd(5)}\x1b[0m ${safe}`;
}

function tidyText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return IN_TEXT.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), cut);
}

function tidy(value: unknown, depth: number, seen: Set<object>): unknown {
  if (typeof value === "string") return tidyText(value);
  if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value;
  if (seen.has(value) || depth >= MAX_DEPTH) return "[…]";
  seen.add(value);
  try {
    if (value instanceof Error) {
      const { name, message, stack, cause } = value;
      const code = "code" in value ? value.code : undefined;
      return tidy({ name, message, ...(code ? { code } : {}), stack, ...(cause ? { cause } : {}) }, depth + 1, seen);
    }
    if (Array.isArray(value)) return value.slice(0, 100).map((item) => tidy(item, depth + 1, seen));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, SECRET_KEY.test(key) ? HIDDEN : tidy(item, depth + 1, seen)]),
    );
  } finally {
    seen.delete(value);
  }
}
