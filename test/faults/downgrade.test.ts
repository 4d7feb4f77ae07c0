/** « Revenir en arrière » with the embedded PostgreSQL, as README tells it (F22). */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { command, erase, freePort, makeNextVersion, newFolder, type Running, signIn, start } from "./instance.ts";

const ADMIN = "Denis Roussel";
const home = newFolder();
const at = (name: string) => path.join(home, name);
const running = new Set<Running>();
after(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
  for (const folder of [at("var"), at("var.apres")]) await erase(folder);
  await rm(home, { recursive: true, force: true });
});

const startVersion = async (version?: string) => {
  const one = await start(at("var"), await freePort(), {}, version);
  running.add(one);
  return one;
};
const stop = async (one: Running) => {
  one.child.kill("SIGTERM");
  assert.equal(await one.ended, 0);
  running.delete(one);
};
async function invite(one: Running, email: string): Promise<void> {
  const browser = await signIn(one.origin, ADMIN);
  const fields = { givenName: "Lise", familyName: "Amont", email, roles: "viewer" };
  assert.equal((await browser.post("/admin/utilisateurs/nouveau", fields)).status, 200);
}
const users = async (one: Running) => {
  const { text } = await (await signIn(one.origin, ADMIN)).get("/admin/utilisateurs?q=amont");
  return [...new Set(text.match(/\w+\.amont@quais\.example/g))].sort();
};

test("F22 : base fournie : sauvegardée, mise à jour par le démarrage, puis l’ancienne version reprend d’où elle était", {
  timeout: 180_000,
}, async () => {
  await mkdir(at("var"), { mode: 0o711 });
  const old = await startVersion();
  await invite(old, "avant.amont@quais.example");
  const backup = await command(["backup", at("sauvegardes")], at("var"));
  assert.equal(backup.code, 0, backup.said);
  await stop(old);

  await makeNextVersion(at("suivante"));
  const next = await startVersion(at("suivante"));
  await invite(next, "apres.amont@quais.example");
  assert.deepEqual(await users(next), ["apres.amont@quais.example", "avant.amont@quais.example"]);
  await stop(next);

  await rename(at("var"), at("var.apres"));
  await mkdir(at("var"), { mode: 0o711 });
  await copyFile(at("var.apres/secrets.json"), at("var/secrets.json"));
  const [taken] = await readdir(at("sauvegardes"));
  const restored = await command(["restore", path.join(at("sauvegardes"), taken!)], at("var"));
  assert.equal(restored.code, 0, restored.said);
  const verified = await command(["verify-history"], at("var"));
  assert.equal(verified.code, 0, verified.said);
  const again = await startVersion();
  assert.deepEqual(await users(again), ["avant.amont@quais.example"]);
  await invite(again, "encore.amont@quais.example");
});
