/** The disk of PostgreSQL itself fills up, its tables first, then its journal (F18). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { isAlive } from "../../src/platform/db/postgres/processes.ts";
import { type Client, erase, freePort, newFolder, postgresOf, signIn, start } from "./instance.ts";

const folder = newFolder();
const filler = path.join(folder, "remplissage");
after(async () => {
  await erase(folder).catch(() => undefined); // a mount point is not erased, what it holds is
  spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** Leaves less than one page free. */
function fill() {
  const file = openSync(filler, "a");
  for (let size = 1 << 20; size >= 1024; ) {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize >= size) writeSync(file, Buffer.alloc(size));
    else size >>= 1;
  }
  closeSync(file);
}

/** One account more; its address when the product says it is there. */
async function invite(browser: Client, n: number) {
  const email = `plein.${n}@quais.example`;
  const fields = { givenName: "Plein", familyName: `Numéro ${n}`, email, roles: "viewer" };
  return { email, reply: await browser.post("/admin/utilisateurs/nouveau", fields) };
}

test("F18 : le disque de PostgreSQL plein, les écritures répondent 503 en le disant, rien d’acquitté n’est perdu, et tout repart avec la place", {
  timeout: 180_000,
}, async (t) => {
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=400m,mode=0711", "tmpfs", folder]);
  if (mounted.status !== 0) return t.skip("il faut être root, et pouvoir monter un tmpfs, pour remplir un disque");
  chmodSync(folder, 0o711);
  const running = await start(folder, await freePort());
  t.after(() => running.child.kill("SIGKILL"));
  const browser = await signIn(running.origin, "Denis Roussel");
  const kept: string[] = [];
  let n = 0;
  const writeUntil = async (status: number, most: number) => {
    for (const limit = Date.now() + most; ; await pause(20)) {
      const { email, reply } = await invite(browser, ++n);
      if (reply.status === 200) kept.push(email);
      else assert.equal(reply.status, 503, reply.text.slice(0, 300));
      if (reply.status === status) return reply;
      assert.ok(Date.now() < limit, `pas de ${status} en ${most} ms`);
    }
  };
  await writeUntil(200, 10_000);

  // Its tables can no longer grow.
  fill();
  const refused = await writeUntil(503, 60_000);
  assert.ok(refused.retryAfter);
  assert.match(refused.text, /Le disque de la base de données est plein/);
  assert.equal((await browser.get("/admin/utilisateurs")).status, 200, "ce qui se lit se lit");

  // Its journal neither: PostgreSQL dies of it.
  const { pid } = await postgresOf(folder);
  const before = pid();
  const { password, port } = JSON.parse(readFileSync(path.join(folder, "postgres/superuser.json"), "utf8"));
  const root = new pg.Client({ connectionString: `postgres://postgres:${password}@127.0.0.1:${port}/postgres` });
  root.on("error", () => undefined);
  await root.connect();
  for (let i = 0; i < 100; i++) {
    const died = await root.query("select pg_switch_wal() from pg_logical_emit_message(false, 'plein', 'plein')").then(
      () => false,
      (error: { code?: string }) => error.code !== "53100",
    );
    if (died) break;
  }
  assert.equal((await fetch(`${running.origin}/health/live`)).status, 200, "le processus vit");
  for (let i = 0; i < 20; i++) {
    const reply = await browser.get("/admin/utilisateurs");
    assert.ok(reply.status === 503 || reply.status === 200, `${reply.status}`);
    await pause(100);
  }
  for (const limit = Date.now() + 20_000; isAlive(before); await pause(100)) {
    assert.ok(Date.now() < limit, "PostgreSQL n’est pas mort de son journal : l’essai ne prouve rien");
  }

  rmSync(filler);
  await writeUntil(200, 60_000);
  assert.notEqual(pid(), before, "un autre PostgreSQL a été lancé");
  const { text } = await browser.get("/admin/utilisateurs?q=plein");
  assert.match(text, new RegExp(kept.at(-1)!));
  const shown = new Set<string>();
  for (let at: string | undefined = "/admin/utilisateurs?q=plein"; at; ) {
    const page = await browser.get(at);
    for (const [email] of page.text.matchAll(/plein\.\d+@quais\.example/g)) shown.add(email);
    at = /href="([^"]+)" rel="next"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&");
  }
  assert.deepEqual(
    kept.filter((email) => !shown.has(email)),
    [],
    "des comptes acquittés ont disparu",
  );
});
