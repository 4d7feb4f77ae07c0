/** The verbs of an operator, typed where they should not be or when the machine refuses: a sentence, never a stack. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { explain } from "../src/platform/explain.ts";
import { loadSecrets } from "../src/secrets.ts";
import { freshDatabase, query } from "./support/cluster.ts";

const work = mkdtempSync(path.join(tmpdir(), "opstracker-verbs-"));
if (process.getuid?.() === 0) chmodSync(work, 0o711);
const base = await freshDatabase({ world: true });
after(async () => {
  await base.drop();
  rmSync(work, { recursive: true, force: true });
});
const onBase = { DATABASE_URL: base.databaseUrl, DATABASE_OWNER_URL: base.ownerUrl };

let folders = 0;
const newVar = () => path.join(work, `var-${++folders}`);

const VERBS = path.resolve("scripts/run.mjs");
const START = path.resolve("src/relaunch.mjs");

async function verb(
  words: string[],
  settings: Record<string, string>,
  program = VERBS,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: work,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (said += String(piece)));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

async function refused(words: string[], settings: Record<string, string>, why: RegExp, program = VERBS) {
  const { code, said } = await verb(words, settings, program);
  assert.equal(code, 1, said);
  assert.match(said, why);
  assert.doesNotMatch(said, /\bat .*:\d+:\d+|Error:|errno/, "ni pile, ni anglais");
}

test("tapé sans les réglages de l’instance, un verbe dit où il a cherché, et ne crée pas une base vide à côté", async () => {
  for (const words of [["backup"], ["rescue"], ["verify-history"]]) {
    const varDir = newVar();
    mkdirSync(varDir);
    await refused(words, { VAR_DIR: varDir }, /Aucune base fournie sous [\s\S]*VAR_DIR[\s\S]*DATABASE_URL/);
    assert.deepEqual(readdirSync(varDir), [], words[0]);
  }
});

test("PostgreSQL arrêté, un mot de passe faux, un dossier qui n’en est pas un : chaque refus dit quoi faire", async () => {
  const away = "postgres://opstracker_app:x@127.0.0.1:9/opstracker";
  const stopped = { DATABASE_URL: away, DATABASE_OWNER_URL: away.replace("_app", "_owner"), VAR_DIR: newVar() };
  await refused(["backup"], stopped, /PostgreSQL ne répond pas à 127\.0\.0\.1:9\. Vérifiez que PostgreSQL est démarré/);
  const wrong = new URL(base.ownerUrl);
  wrong.password = "un-autre";
  await refused(
    ["migrate"],
    { ...onBase, DATABASE_OWNER_URL: wrong.href, VAR_DIR: newVar() },
    /refuse le compte ou le mot de passe de DATABASE_URL/,
  );
  const file = path.join(work, "un-fichier");
  writeFileSync(file, "");
  await refused(
    ["backup", path.join(file, "sauvegardes")],
    { ...onBase, VAR_DIR: newVar(), DISK_FLOOR: "1" },
    /n’est pas un dossier/,
  );
  await refused(["restore"], { ...onBase, VAR_DIR: newVar() }, /Quelle sauvegarde/);
  await refused(["restore", "--bidule"], { ...onBase, VAR_DIR: newVar() }, /Quelle sauvegarde/);
  await refused(["verify-backup", work], { VAR_DIR: newVar() }, /n’est pas une sauvegarde complète/);
  await refused(
    ["seed"],
    { ...onBase, VAR_DIR: newVar(), NODE_ENV: "production", PUBLIC_URL: "https://ops.exemple.fr" },
    /n’entre pas dans une vraie instance/,
  );
});

test("« npm start » devant un PostgreSQL arrêté ou qui refuse : la même phrase, et il s’arrête avec 1", async () => {
  const away = "postgres://opstracker_app:x@127.0.0.1:9/opstracker";
  const stopped = { DATABASE_URL: away, DATABASE_OWNER_URL: away.replace("_app", "_owner"), VAR_DIR: newVar() };
  await refused([], stopped, /PostgreSQL ne répond pas à 127\.0\.0\.1:9\. Vérifiez que PostgreSQL est démarré/, START);
  for (const name of ["DATABASE_URL", "DATABASE_OWNER_URL"] as const) {
    const wrong = new URL(onBase[name]);
    wrong.password = "un-autre";
    const settings = { ...onBase, [name]: wrong.href, VAR_DIR: newVar() };
    await refused([], settings, /refuse le compte ou le mot de passe de DATABASE_URL/, START);
  }
  const nowhere = new URL(base.ownerUrl);
  nowhere.pathname = "/une-autre";
  await refused(
    [],
    { ...onBase, DATABASE_OWNER_URL: nowhere.href, VAR_DIR: newVar() },
    /Cette base n’existe pas/,
    START,
  );
});

test("une sauvegarde faite et relue par ses verbes dit sa date en toutes lettres", async () => {
  const [varDir, into] = [newVar(), path.join(work, "sauvegardes")];
  const settings = { ...onBase, VAR_DIR: varDir, BACKUP_DIR: into, DISK_FLOOR: "1" };
  const done = await verb(["backup"], settings);
  assert.equal(done.code, 0, done.said);
  assert.match(done.said, /Sauvegarde complète[\s\S]*ne contient pas .*secrets\.json/);
  const [name] = readdirSync(into);
  const read = await verb(["verify-backup", path.join(into, name!)], settings);
  assert.match(
    read.said,
    /Intacte : \d+ fichiers relus\. Prise le \p{L}+ \d+(?:er)? \p{L}+ 20\d\d, \d\d:\d\d \(heure de Paris\)/u,
  );
});

test("rotate-keys : sans clé à changer, refusé ; deux fois de suite, refusé : ce que la première a fermé ne s’ouvrirait plus", async () => {
  const varDir = newVar();
  await refused(["rotate-keys"], { VAR_DIR: varDir }, /secrets\.json n’existe pas[\s\S]*VAR_DIR de l’instance/);
  const { secret } = await loadSecrets({ varDir, secret: undefined });
  assert.equal((await verb(["rotate-keys"], { VAR_DIR: varDir })).code, 0);
  await refused(["rotate-keys"], { VAR_DIR: varDir }, /changement d’avant n’est pas fini[\s\S]*previousSecrets/);
  const kept = JSON.parse(readFileSync(path.join(varDir, "secrets.json"), "utf8")) as { previousSecrets: string[] };
  assert.deepEqual(kept.previousSecrets, [secret]);
});

test("verify-history ne dit pas « intact » de têtes que ses clés n’ont pas signées", async () => {
  const varDir = newVar();
  mkdirSync(path.join(varDir, "heads"), { recursive: true });
  const [{ id }] = (await query(base.superUrl, "select id from tenant where kind = 'instance'")) as [{ id: string }];
  const { privateKey } = generateKeyPairSync("ed25519");
  const head = { tenant: id, from: 1, hashes: ["00"], at: "2026-11-21T08:00:00.000Z" };
  const signature = sign(null, Buffer.from([id, 1, head.at, "00"].join("\n")), privateKey).toString("base64");
  writeFileSync(
    path.join(varDir, "heads", `${id}.jsonl`),
    `${JSON.stringify({ ...head, signature, key: "une-autre" })}\n`,
  );
  await refused(
    ["verify-history"],
    { ...onBase, VAR_DIR: varDir },
    /1 tête est signée d’une clé que cette instance n’a pas\. Remettez le secrets\.json d’alors/,
  );
});

test("ce que la machine répond se dit en français, une faute du programme reste entière", () => {
  const said = (code: string, more = {}) => explain(Object.assign(new Error("x"), { code, ...more }));
  assert.match(said("ENOSPC")!, /disque est plein/);
  assert.match(said("EACCES", { path: "/srv/sauvegardes" })!, /^\/srv\/sauvegardes n’est pas ouvert à ce compte/);
  assert.match(said("3F000")!, /npm run migrate/);
  assert.match(
    explain(new AggregateError([Object.assign(new Error("x"), { code: "ECONNREFUSED" })]))!,
    /ne répond pas/,
  );
  assert.match(
    explain(new Error("x", { cause: Object.assign(new Error("y"), { code: "57P03" }) }))!,
    /démarre ou s’arrête/,
  );
  assert.equal(explain(new TypeError("x is not a function")), null);
  assert.equal(explain(undefined), null);
});
