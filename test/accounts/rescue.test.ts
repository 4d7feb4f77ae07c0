/** `npm run rescue` as an operator types it: its own process, on the database of a world that serves. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { giveFactor } from "../support/sweep.ts";
import { SECRET, startWorld, type World } from "../support/world.ts";
import { securityLines, signIn } from "./doors.ts";

const world = await startWorld();
const empty = await startWorld({ world: false });
const folder = mkdtempSync(path.join(tmpdir(), "opstracker-rescue-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function rescue(where: World, args: string[], typed = ""): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [path.resolve("scripts/run.mjs"), "rescue", ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: where.databaseUrl,
      DATABASE_OWNER_URL: where.ownerUrl,
      VAR_DIR: folder,
      PUBLIC_URL: "http://127.0.0.1:3000",
      SECRET,
    },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += piece));
  child.stdin.end(typed);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, text };
}

test("ACC-13 : une personne a perdu son téléphone : le serveur le retire, l’écrit, ferme ses sessions et la prévient", async () => {
  const denis = await world.as("denis");
  const { id, tenantId, email } = await world.userOf("denis");
  await giveFactor(world, { tenantId, id });
  assert.match((await signIn(world, "denis")).answer.text, /Code de votre téléphone/);

  const done = await rescue(world, [
    "--compte",
    email.toUpperCase(),
    "--motif",
    "Téléphone volé, vu au guichet",
    "--oui",
  ]);
  assert.equal(done.code, 0, done.text);
  assert.match(done.text, /Mutuelle des Quais : le téléphone et les codes/);

  assert.equal((await denis.get("/compte")).status, 303, "sa session est fermée");
  const { browser, answer } = await signIn(world, "denis");
  assert.equal(answer.status, 303, "le mot de passe suffit de nouveau");
  assert.match((await browser.get("/compte")).text, /réinitialisée, depuis le serveur/);
  assert.ok((await securityLines(world, "denis")).some(({ kind }) => kind === "factor.reset"));
  const [told] = await world.db.read(tenantId, (em) =>
    em.execute<{ kind: string; label: string; reason: string; actor: string | null }[]>(
      `select o.kind, a.label, a.reason, a.actor_id as actor from outbox o, act a
       where o.person_id = ? and a.code = 'user.second_factor_reset' order by o.id desc limit 1`,
      [id],
    ),
  );
  assert.deepEqual(told, {
    kind: "accounts.factor_reset",
    label: "Double authentification réinitialisée depuis le serveur",
    reason: "Téléphone volé, vu au guichet",
    actor: null,
  });
});

test("sans « oui » rien ne change, et chaque refus dit quoi faire", async () => {
  const { id, tenantId, email } = await world.userOf("yann");
  await giveFactor(world, { tenantId, id });
  const refused = async (args: string[], typed: string, why: RegExp) => {
    const { code, text } = await rescue(world, args, typed);
    assert.equal(code, 1, text);
    assert.match(text, why);
    assert.doesNotMatch(text, /\bat .*\.ts:\d+/);
  };
  await refused(["--compte", email, "--motif", "Essai"], "non\n", /Rien n’a été changé/);
  await refused(["--compte", email, "--motif", "Essai"], "", /Rien n’a été changé/);
  await refused(["--compte", email, "--oui"], "", /Donnez le motif/);
  await refused(
    ["--compte", "personne@quais.example", "--motif", "Essai", "--oui"],
    "",
    /Aucun compte actif.+Vérifiez-la/,
  );
  await refused(
    ["--compte", (await world.userOf("claire")).email, "--motif", "Essai"],
    "",
    /n’a pas de double authent/,
  );
  await refused(["--bidule"], "", /Ces options ne sont pas connues[\s\S]+npm run rescue/);
  await refused([], "", /a déjà un super-administrateur/);
  assert.match((await signIn(world, "yann")).answer.text, /Code de votre téléphone/);
  assert.equal((await rescue(world, ["--compte", email, "--motif", "Essai"], "oui\n")).code, 0);
  assert.equal((await signIn(world, "yann")).answer.status, 303);
});

test("ACC-8 : un mot de passe oublié sans courriel ni collègue : le serveur donne un lien, l’écrit, et le téléphone reste demandé", async () => {
  const { id, tenantId, email } = await world.userOf("sophie");
  await giveFactor(world, { tenantId, id });
  const done = await rescue(world, ["--compte", email, "--mot-de-passe", "--motif", "Oublié, vue au guichet", "--oui"]);
  assert.equal(done.code, 0, done.text);
  const link = /\/nouveau-mot-de-passe\/[\w-]{43}/.exec(done.text)![0];
  assert.equal((await signIn(world, "sophie")).answer.status, 200, "le mot de passe d’avant vaut jusque-là");
  const visitor = world.anonymous();
  await visitor.get(link);
  const password = "huit tuiles bleues sous la pluie 3";
  assert.equal((await visitor.post(link, { password })).location, "/connexion");
  const { answer } = await signIn(world, { email, password });
  assert.match(answer.text, /Code de votre téléphone/);
  const lines = await securityLines(world, "sophie");
  assert.deepEqual(lines.find(({ kind }) => kind === "reset.offered")?.detail, { onServer: true });
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ label: string; reason: string; actor_id: string | null }[]>(
      "select label, reason, actor_id from act where code = 'user.reset_offered' order by id desc limit 1",
    ),
  );
  assert.deepEqual(act, {
    label: "Lien de nouveau mot de passe remis depuis le serveur",
    reason: "Oublié, vue au guichet",
    actor_id: null,
  });
  const refused = await rescue(world, ["--compte", email, "--mot-de-passe", "--motif", "Essai"], "non\n");
  assert.deepEqual([refused.code, /Rien n’a été changé/.test(refused.text)], [1, true]);
});

test("INS-1 : sans super-administrateur, un nouveau lien d’installation remplace celui d’avant", async () => {
  const linkOf = async () => {
    const { code, text } = await rescue(empty, []);
    assert.equal(code, 0, text);
    return /\/installation\/[\w-]{43}/.exec(text)![0];
  };
  const first = await linkOf();
  assert.equal((await empty.anonymous().get(first)).status, 200);
  const second = await linkOf();
  assert.equal((await empty.anonymous().get(first)).status, 404);
  assert.equal((await empty.anonymous().get(second)).status, 200);
});
