/** The real process, `node src/main.ts`, on a folder and a port of its own, with its embedded PostgreSQL. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { cp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { embeddedDataDir, eraseEmbedded } from "../../src/platform/db/embedded.ts";
import { serverAccount } from "../../src/platform/db/postgres/account.ts";
import { prepareBinaries, run } from "../../src/platform/db/postgres/binaries.ts";
import { embeddedDatabase, withDatabase } from "../../src/platform/db/roles.ts";

export const REPOSITORY = path.join(import.meta.dirname, "../..");
const SETTINGS =
  /^(?:DATABASE_|REDIS_|TEST_|VAR_DIR|SECRET|ROLE|DEMO|HOST|PORT|PUBLIC_URL|NODE_ENV|NODE_TEST|LOG_LEVEL|TRUST)/;

export interface Running {
  child: ChildProcess;
  origin: string;
  /** What it has written so far. */
  said(): string;
  /** Resolves with its exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

export const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const probe = createServer().on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "opstracker-instance-"));
  if (process.getuid?.() === 0) chmodSync(folder, 0o711);
  return folder;
}

/** This one's, without the settings a developer or the run of tests has. */
export function environment(folder: string, port: number, settings: Record<string, string>): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS.test(name)));
  return { ...env, VAR_DIR: folder, PORT: String(port), DEMO: "oui", ...settings };
}

/** That of this repository, or of the version in `from`. */
export function launch(
  folder: string,
  port: number,
  settings: Record<string, string> = {},
  from = REPOSITORY,
): Running {
  const env = environment(folder, port, settings);
  const child = spawn(process.execPath, [path.join(from, "src/main.ts")], { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (piece) => (said += String(piece)));
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  return { child, origin: `http://127.0.0.1:${port}`, said: () => said, ended };
}

/** A machine that does much else takes that long to write the demonstration. */
const READY_MS = 240_000;

/** Launches it and waits until it answers that it is ready; gives how long that took. */
export async function start(
  folder: string,
  port: number,
  settings: Record<string, string> = {},
  version = REPOSITORY,
): Promise<Running & { ms: number }> {
  const from = performance.now();
  const running = launch(folder, port, settings, version);
  let over = false;
  void running.ended.then(() => (over = true));
  for (const limit = Date.now() + READY_MS; Date.now() < limit; await pause(50)) {
    if (over) throw new Error(`Le processus s’est arrêté :\n${running.said()}`);
    const ready = await fetch(`${running.origin}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return { ...running, ms: performance.now() - from };
  }
  throw new Error(`Le processus n’est pas prêt après ${READY_MS / 1_000} s :\n${running.said()}`);
}

/** `npm run …` there, by this repository's version or that of `from`; gives its code and what it said. */
export async function command(
  words: string[],
  folder: string,
  settings: Record<string, string> = {},
  from = REPOSITORY,
): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, ["scripts/run.mjs", ...words], {
    cwd: from,
    env: environment(folder, await freePort(), settings),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (said += String(piece)));
  const [code] = await once(child, "close");
  return { code, said };
}

/** A version after this one, installed beside it: the same code, one migration more. */
export async function makeNextVersion(at: string): Promise<void> {
  for (const name of ["src", "migrations", "scripts", "deploy", "views", "public", "fixtures", "package.json"])
    await cp(path.join(REPOSITORY, name), path.join(at, name), { recursive: true });
  await symlink(path.join(REPOSITORY, "node_modules"), path.join(at, "node_modules"));
  await writeFile(
    path.join(at, "migrations/Migration29990101000000_next.ts"),
    `import { Migration } from "@mikro-orm/migrations";
export class Migration29990101000000_next extends Migration {
  override up(): void {
    this.addSql("alter table app_user add column next_version text not null default 'x'");
  }
}
`,
  );
}

/** The tools of PostgreSQL on this folder's server. */
export async function postgresOf(folder: string) {
  const home = path.join(folder, "postgres");
  const account = serverAccount(home);
  const binaries = await prepareBinaries(account);
  const dataDir = (await embeddedDataDir(folder))!;
  const pid = () => {
    try {
      return Number(readFileSync(path.join(dataDir, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return 0;
    }
  };
  // The very command line it was started with, so that it comes back where the product looks for it.
  const options = () =>
    [...readFileSync(path.join(dataDir, "postmaster.opts"), "utf8").matchAll(/"([^"]*)"/g)]
      .map(([, word]) => word!)
      .slice(2)
      .join(" ");
  const control = (...words: string[]) => run(binaries.pg_ctl, ["-D", dataDir, "-w", ...words], account, true);
  return {
    dataDir,
    pid,
    async stop(mode: "fast" | "immediate") {
      const kept = options();
      await control("-m", mode, "stop");
      return async () =>
        void (await control("-l", path.join(path.dirname(dataDir), "server.log"), "-o", kept, "start"));
    },
  };
}

export async function erase(folder: string): Promise<void> {
  await eraseEmbedded(folder);
  await rm(folder, { recursive: true, force: true });
}

export interface Client {
  get(path: string): Promise<Reply>;
  post(path: string, fields: Record<string, string>): Promise<Reply>;
  readonly cookie: string;
  readonly token: string;
}

export interface Reply {
  status: number;
  text: string;
  retryAfter: string | null;
}

/** A browser's memory, no more: cookies and the token of the last page. */
export function client(origin: string): Client {
  const jar = new Map<string, string>();
  let token = "";
  const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const send = async (to: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Reply> => {
    const response = await fetch(origin + to, {
      redirect: "manual",
      signal: AbortSignal.timeout(20_000),
      ...init,
      headers: { "sec-fetch-site": "same-origin", origin, ...(jar.size > 0 && { cookie: cookie() }), ...init.headers },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      jar.set(name!, value!);
    }
    const text = await response.text();
    token = /name="_csrf" value="([^"]+)"/.exec(text)?.[1] ?? token;
    return { status: response.status, text, retryAfter: response.headers.get("retry-after") };
  };
  return {
    get: (to) => send(to),
    post: (to, fields) =>
      send(to, { method: "POST", body: new URLSearchParams({ _csrf: token, _key: crypto.randomUUID(), ...fields }) }),
    get cookie() {
      return cookie();
    },
    get token() {
      return token;
    },
  };
}

/** Sends a form, with its file when it has one, as the last page this browser read; gives where it leads. */
export async function submitted(
  origin: string,
  browser: Client,
  at: string,
  fields: Record<string, string | string[]>,
  file?: { name: string; content: string },
): Promise<string> {
  const body = file ? new FormData() : new URLSearchParams();
  const all = { _csrf: browser.token, _key: crypto.randomUUID(), ...fields };
  for (const [name, value] of Object.entries(all)) for (const one of [value].flat()) body.append(name, one);
  if (file) (body as FormData).set("file", new Blob([file.content]), file.name);
  const headers = { origin, "sec-fetch-site": "same-origin", cookie: browser.cookie };
  const answer = await fetch(origin + at, { method: "POST", redirect: "manual", headers, body });
  if (answer.status === 303) return new URL(answer.headers.get("location")!, origin).pathname;
  const said = (await answer.text()).replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
  throw new Error(`${at} répond ${answer.status} : ${said.slice(0, 2_000)}`);
}

/** What the database of this folder holds, whatever the organisation, whether or not the process lives. */
export async function asked<Row>(folder: string, query: string, values: unknown[]): Promise<Row[]> {
  const { server } = await embeddedDatabase(folder);
  const client = new pg.Client({ connectionString: withDatabase(server.superUrl, "opstracker") });
  await client.connect();
  try {
    return (await client.query(query, values)).rows as Row[];
  } finally {
    await client.end();
  }
}

/** Signs in as somebody of the demo, by their button. */
export async function signIn(origin: string, name: string): Promise<Client> {
  const browser = client(origin);
  const { text } = await browser.get("/connexion");
  const persona = [...text.matchAll(/name="persona" value="([^"]+)"[\s\S]*?<\/button>/g)].find(([form]) =>
    form.includes(name),
  )?.[1];
  if (!persona) throw new Error(`La page de connexion ne propose pas ${name}.`);
  const { status } = await browser.post("/connexion/demo", { persona });
  if (status !== 303) throw new Error(`La connexion en un clic répond ${status}.`);
  await browser.get("/compte/mot-de-passe");
  return browser;
}
