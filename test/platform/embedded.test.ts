import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  eraseEmbedded,
  startEmbedded,
} from "../../src/platform/db/embedded.ts";
import { isReachable, serverAccount } from "../../src/platform/db/postgres/account.ts";
import { linkLibraries } from "../../src/platform/db/postgres/binaries.ts";
import { embeddedDatabase, LEAKPROOF, missingLeakproof, prepareCluster } from "../../src/platform/db/roles.ts";
import { query } from "../support/cluster.ts";

const isRoot = process.getuid?.() === 0;
const root = mkdtempSync(path.join(tmpdir(), "opstracker-embedded-"));
if (isRoot) chmodSync(root, 0o755);
const SMALL: EmbeddedOptions = { throwaway: true, settings: { shared_buffers: "16MB" } };
const children: ChildProcess[] = [];

after(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const name of await readdir(root)) {
    await eraseEmbedded(path.join(root, name));
    await eraseEmbedded(path.join(root, name, "var"));
  }
  await rm(root, { recursive: true, force: true });
});

interface Held {
  pid: number;
  port: number;
  adopted: boolean;
  refused?: string;
}

/** Another OpsTracker process on this folder, perhaps under another account. */
async function elsewhere(
  folder: string,
  { ending = "wait", uid }: { ending?: "wait" | "stop" | "exit"; uid?: number } = {},
) {
  const script = new URL("../support/hold-embedded.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder, ending], {
    stdio: ["ignore", "pipe", "inherit"],
    ...(uid ? { uid, gid: uid } : {}),
  });
  children.push(child);
  const closed = new Promise((resolve) => child.on("close", resolve));
  const text = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (piece) => resolve(String(piece)));
    child.on("error", reject);
    child.on("close", () => reject(new Error("ended without a word")));
  });
  return { ...(JSON.parse(text) as Held), child, closed };
}

const killNow = async ({ child, closed }: { child: ChildProcess; closed: Promise<unknown> }) => {
  child.kill("SIGKILL");
  await closed;
};

async function count(server: EmbeddedPostgres): Promise<number> {
  return (await query<{ n: number }>(server.superUrl, "select n from kept"))[0]?.n ?? 0;
}

describe("le serveur fourni", () => {
  const folder = path.join(root, "main");
  let port = 0;

  test("premier démarrage : mots de passe en 0600, rien sur la ligne de commande, cette machine seule", async () => {
    const server = await startEmbedded(folder, SMALL);
    port = server.port;
    assert.equal(server.adopted, false);
    await query(server.superUrl, "create table kept as select 42 as n");

    const notebook = path.join(folder, "postgres/superuser.json");
    assert.equal(statSync(notebook).mode & 0o777, 0o600);
    const { password } = JSON.parse(readFileSync(notebook, "utf8"));
    assert.ok(password.length >= 32);
    if (process.platform === "linux") {
      assert.ok(!readFileSync(`/proc/${server.pid}/cmdline`, "utf8").includes(password));
      assert.ok(!existsSync(path.join(folder, "postgres/initial-password")));
    }
    assert.deepEqual(
      await query(
        server.superUrl,
        "select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets",
      ),
      [{ listen: "127.0.0.1", sockets: "" }],
    );
    const wrong = server.superUrl.replace(password, "postgres");
    await assert.rejects(query(wrong, "select 1"), /password authentication failed/);
    await server.stop();
    assert.ok(!existsSync(path.join(server.dataDir, "postmaster.pid")));
  });

  test("second démarrage : mêmes données, même port", async () => {
    const server = await startEmbedded(folder, SMALL);
    assert.deepEqual([server.adopted, server.port, await count(server)], [false, port, 42]);
    await server.stop();
  });

  test("kill -9 du parent : le serveur lui survit, le suivant le reprend et l’arrête", async () => {
    const dead = await elsewhere(folder);
    await killNow(dead);
    const server = await startEmbedded(folder, SMALL);
    assert.deepEqual([server.adopted, server.pid, server.port, await count(server)], [true, dead.pid, port, 42]);
    await server.stop();
    await assert.rejects(query(server.superUrl, "select 1"), /ECONNREFUSED/);
  });

  test("kill -9 de tout : il repart, données comprises", async () => {
    const dead = await elsewhere(folder);
    await killNow(dead);
    process.kill(dead.pid, "SIGKILL");
    const server = await startEmbedded(folder, SMALL);
    assert.deepEqual([server.adopted, server.port, await count(server)], [false, port, 42]);
    await server.stop();
  });

  test("deux processus : le second se sert du serveur du premier et ne l’arrête pas en partant", async () => {
    const server = await startEmbedded(folder, SMALL);
    const guest = await elsewhere(folder, { ending: "stop" });
    await guest.closed;
    assert.deepEqual([guest.adopted, guest.pid], [true, server.pid]);
    assert.equal(await count(server), 42);
    await server.stop();
  });

  test("un processus qui finit sans l’arrêter le laisse s’arrêter proprement", async () => {
    const careless = await elsewhere(folder, { ending: "exit" });
    await careless.closed;
    const server = await startEmbedded(folder, SMALL);
    assert.deepEqual([server.adopted, await count(server)], [false, 42]);
    assert.doesNotMatch(
      readFileSync(path.join(folder, "postgres/server.log"), "utf8").slice(-1500),
      /was not properly shut down/,
    );
    await server.stop();
  });

  test("port pris par un autre : il en choisit un nouveau et le retient", async () => {
    const { createServer } = await import("node:net");
    const taken = createServer().listen(port, "127.0.0.1");
    await new Promise((resolve) => taken.on("listening", resolve));
    const server = await startEmbedded(folder, SMALL);
    assert.notEqual(server.port, port);
    assert.equal(await count(server), 42);
    await server.stop();
    await new Promise((resolve) => taken.close(resolve));
    const again = await startEmbedded(folder, SMALL);
    assert.equal(again.port, server.port);
    await again.stop();
  });

  test("un verrou au numéro d’un autre programme vivant n’arrête pas le démarrage", {
    skip: process.platform !== "linux" && "lit /proc",
  }, async () => {
    const owner = statSync(path.join(folder, "postgres"));
    const other = spawn("sleep", ["60"], { stdio: "ignore", ...(isRoot ? { uid: owner.uid, gid: owner.gid } : {}) });
    children.push(other);
    const lock = path.join(folder, "postgres/data/postmaster.pid");
    writeFileSync(lock, `${other.pid}\n${path.dirname(lock)}\n1700000000\n${port}\n\n127.0.0.1\n0 0\nready\n`);
    const server = await startEmbedded(folder, SMALL);
    assert.deepEqual([server.adopted, await count(server)], [false, 42]);
    await server.stop();
  });

  test("base d’une autre version, mot de passe disparu : chaque refus dit quoi faire", async () => {
    const version = path.join(folder, "postgres/data/PG_VERSION");
    writeFileSync(version, "17\n");
    await assert.rejects(startEmbedded(folder, SMALL), /vient de PostgreSQL 17.+Restaurez/);
    writeFileSync(version, "18\n");
    await rm(path.join(folder, "postgres/superuser.json"));
    await assert.rejects(startEmbedded(folder, SMALL), /superuser\.json a disparu.+npm run reset/);
  });
});

test("deux premiers démarrages en même temps n’initialisent qu’une base", async () => {
  const folder = path.join(root, "twice");
  const [one, two] = await Promise.all([elsewhere(folder), elsewhere(folder)]);
  assert.equal(one.pid, two.pid);
  assert.deepEqual([one.adopted, two.adopted].toSorted(), [false, true]);
});

const unprivileged = isRoot ? 65_534 : process.getuid?.();

test("compte ordinaire : il démarre, root peut passer, il redémarre ensuite", { skip: cannotLend() }, async () => {
  const folder = path.join(root, "ordinary");
  mkdirSync(folder);
  if (isRoot) (await import("node:fs")).chownSync(folder, unprivileged ?? 0, unprivileged ?? 0);
  const first = await elsewhere(path.join(folder, "var"), { ending: "stop", ...(isRoot ? { uid: unprivileged } : {}) });
  await first.closed;
  assert.equal(first.refused, undefined);
  const server = await startEmbedded(path.join(folder, "var"), SMALL);
  await server.stop();
  const last = await elsewhere(path.join(folder, "var"), { ending: "stop", ...(isRoot ? { uid: unprivileged } : {}) });
  await last.closed;
  assert.deepEqual([last.refused, last.port], [undefined, first.port]);
});

test("dossier d’un autre compte : le refus le nomme et donne le remède", {
  skip: cannotLend() || (!isRoot && "demande root"),
}, async () => {
  const folder = path.join(root, "closed-to-others");
  mkdirSync(folder, { mode: 0o755 });
  const { refused } = await elsewhere(path.join(folder, "var"), { ending: "stop", uid: unprivileged });
  assert.match(refused ?? "", /closed-to-others\/var ne peut pas être écrit par ce compte.+chown.+VAR_DIR/);
});

test("root dans un dossier fermé (0700) : la base va où son compte peut entrer", {
  skip: !isRoot && "ne concerne que root",
}, async () => {
  const folder = path.join(root, "sealed");
  mkdirSync(folder, { mode: 0o700 });
  const account = serverAccount(path.join(folder, "var/postgres"));
  assert.ok(account && !isReachable(path.join(folder, "var/postgres/data"), account));
  const server = await startEmbedded(path.join(folder, "var"), SMALL);
  await query(server.superUrl, "create table kept as select 7 as n");
  await server.stop();
  const again = await startEmbedded(path.join(folder, "var"), SMALL);
  assert.deepEqual([again.dataDir, await count(again)], [server.dataDir, 7]);
  assert.match(again.dataDir, /^\/var\/lib\/opstracker-postgresql\//);
  await again.stop();
  await eraseEmbedded(path.join(folder, "var"));
  assert.ok(!existsSync(path.dirname(server.dataDir)));
});

test("sans script d’installation, les liens des bibliothèques sont refaits", async () => {
  const fake = path.join(root, "package");
  mkdirSync(path.join(fake, "native/lib"), { recursive: true });
  writeFileSync(path.join(fake, "native/lib/libx.so.60.2"), "x");
  const list = [{ source: "native/lib/libx.so.60.2", target: "native/lib/libx.so.60" }];
  writeFileSync(path.join(fake, "native/pg-symlinks.json"), JSON.stringify(list));
  for (let i = 0; i < 2; i++) await linkLibraries(fake);
  assert.ok(lstatSync(path.join(fake, "native/lib/libx.so.60")).isSymbolicLink());
  assert.equal(readFileSync(path.join(fake, "native/lib/libx.so.60"), "utf8"), "x");
});

describe("les rôles de la base", () => {
  const folder = path.join(root, "roles");
  let urls: Awaited<ReturnType<typeof embeddedDatabase>>;
  before(async () => {
    urls = await embeddedDatabase(folder, SMALL);
  });
  after(() => urls.server.stop());
  const inBase = () => urls.server.superUrl.replace(/\/postgres$/, "/opstracker");

  const attributes = () =>
    query(
      inBase(),
      `select rolname, rolcanlogin as login, rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls as power,
         rolinherit as inherit from pg_roles where rolname in ('opstracker_owner', 'opstracker_app', 'lookup') order by 1`,
    );
  const EXPECTED = [
    { rolname: "lookup", login: false, power: false, inherit: false },
    { rolname: "opstracker_app", login: true, power: false, inherit: false },
    { rolname: "opstracker_owner", login: true, power: false, inherit: true },
  ];

  test("P01 : ni superutilisateur, ni pouvoir de contourner l’isolation ; l’application ne possède rien", async () => {
    assert.deepEqual(await attributes(), EXPECTED);
    assert.deepEqual(
      await query(
        inBase(),
        "select pg_get_userbyid(datdba) as owner, datlocale from pg_database where datname = 'opstracker'",
      ),
      [{ owner: "opstracker_owner", datlocale: "fr-FR" }],
    );
    assert.deepEqual(
      await query(inBase(), "select 1 from pg_shdepend where refobjid = 'opstracker_app'::regrole and deptype = 'o'"),
      [],
    );
    await assert.rejects(query(urls.databaseUrl, "create table mine ()"), /permission denied/);
    await assert.rejects(query(urls.databaseUrl, "set role lookup"), /permission denied/);
    await query(urls.databaseUrl, "create temporary table draft ()");
  });

  test("recommencer ne change rien, et remet droit ce qu’on a faussé", async () => {
    const { ownerPassword, appPassword } = JSON.parse(readFileSync(path.join(folder, "postgres/roles.json"), "utf8"));
    await query(inBase(), "alter role opstracker_app superuser; alter role lookup login");
    await query(inBase(), "alter function jsonb_contains(jsonb, jsonb) not leakproof");
    await prepareCluster(urls.server.superUrl, { ownerPassword, appPassword });
    await prepareCluster(urls.server.superUrl, { ownerPassword, appPassword });
    assert.deepEqual(await attributes(), EXPECTED);
    assert.deepEqual(await query(urls.databaseUrl, "select current_user::text as me"), [{ me: "opstracker_app" }]);
  });

  test("le propriétaire donne une fonction à lookup sans hériter de ce que lookup voit", async () => {
    await query(urls.databaseOwnerUrl, "create schema l; grant usage, create on schema l to lookup");
    await query(
      urls.databaseOwnerUrl,
      "create table secret as select 1 as n; alter table secret enable row level security",
    );
    await query(
      urls.databaseOwnerUrl,
      `alter table secret force row level security; grant select on secret to lookup;
       create policy seen on secret for select to lookup using (true);
       create function l.found() returns bigint language sql security definer as 'select count(*) from public.secret';
       alter function l.found() owner to lookup; grant usage on schema l to opstracker_app`,
    );
    assert.deepEqual(await query(urls.databaseOwnerUrl, "select count(*)::int as n from secret"), [{ n: 0 }]);
    assert.deepEqual(await query(urls.databaseUrl, "select l.found()::int as n"), [{ n: 1 }]);
  });

  test("LEAKPROOF : la liste en données, le fichier SQL et la base disent la même chose", async () => {
    const sql = readFileSync(new URL("../../deploy/postgres/01-roles.sql", import.meta.url), "utf8");
    const inFile = [...sql.matchAll(/^alter function (.+) leakproof;$/gm)].map(([, signature]) => signature);
    assert.deepEqual(
      inFile,
      LEAKPROOF.map(({ signature }) => signature),
    );
    const missing = (text: string) => query<{ signature: string }>(urls.databaseUrl, text);
    assert.deepEqual(await missingLeakproof(missing), []);
    await query(inBase(), "alter function textlike(text, text) not leakproof");
    assert.deepEqual(await missingLeakproof(missing), ["pg_catalog.textlike(text, text)"]);
  });

  test("les mots de passe des comptes ne restent pas dans les statistiques de requêtes", async () => {
    const seen = await query(inBase(), "select query from pg_stat_statements where query ~* 'alter role .* password'");
    assert.deepEqual(seen, []);
  });

  test("le français se classe en français, quelle que soit la machine", async () => {
    const rows = await query<{ w: string }>(
      urls.databaseUrl,
      "select w from unnest(array['zèbre', 'Éclair', 'eclair', 'Œuvre', 'abri', 'ouvrage', 'Etat']) w order by w",
    );
    assert.deepEqual(
      rows.map(({ w }) => w),
      ["abri", "eclair", "Éclair", "Etat", "Œuvre", "ouvrage", "zèbre"],
    );
  });
});

/** A clone in a closed folder cannot be read by another account: there is nothing to try then. */
function cannotLend(): string | false {
  const target = new URL(import.meta.url).pathname;
  return isRoot && !isReachable(target, { uid: 65_534, gid: 65_534 }) && "le dépôt est dans un dossier fermé";
}
