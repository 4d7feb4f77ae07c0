import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { connectionsVital, disksOf, diskVital, lookAll, waitingVital } from "../../src/instance/vitals.ts";
import { Unavailable } from "../../src/platform/errors.ts";
import type { Services } from "../../src/platform/services.ts";
import { parseHtml, textOf } from "../support/html.ts";
import { SECRET, startWorld } from "../support/world.ts";

const world = await startWorld();

const page = async () => {
  const { status, text } = await (await world.as("nadia")).get("/instance/etat");
  assert.equal(status, 200, text.slice(0, 400));
  return text;
};
const read = (html: string) => textOf(parseHtml(html));

test("INS-4 : la page dit version, base, sessions, file, sceaux et place, chacun avec un état en toutes lettres", async () => {
  const text = read(await page());
  for (const said of [
    "OpsTracker",
    process.versions.node,
    "PostgreSQL",
    "Connexions",
    "Contenu des sessions",
    "En attente",
    "Scellement",
    "Dernière tête signée",
    "Dernière vérification",
    "Place libre",
  ])
    assert.ok(text.includes(said), said);
  assert.match(text, /À surveiller/);
  assert.match(text, /Pour information/);
});

test("INS-4 : Redis qui ne répond pas est en panne, avec ce qu’il faut faire ; aucun secret sur la page", async () => {
  const services = world.app.locals.services as Services;
  services.redis = { ask: () => Promise.reject(new Unavailable("x")), isUp: () => false, close() {} };
  const html = await page();
  services.redis = undefined;
  assert.match(read(html), /En panne\s+Redis ne répond pas\s*Relancez Redis/);
  for (const secret of [SECRET, "PRIVATE KEY", "postgres://", "redis://"]) assert.ok(!html.includes(secret), secret);
});

test("INS-4 : un historique rompu, un sceau en retard se lisent, sans dire chez qui", async () => {
  const { id: askedById, tenantId } = await world.userOf("denis");
  await world.db.note(tenantId, (em) =>
    em.execute(
      `insert into verification (tenant_id, id, asked_by_id, finished_at, broken_number, broken_reason)
       values (?, uuidv7(), ?, app_now(), 4, 'empreinte différente')`,
      [tenantId, askedById],
    ),
  );
  const html = await page();
  assert.match(read(html), /1 organisation a un historique rompu/);
  assert.ok(!html.includes("empreinte différente"));
});

test("sous le plancher c’est une panne, sous son double un avertissement, et la phrase dit quoi faire", () => {
  const giga = 1_000_000_000;
  assert.deepEqual(
    [5, 3, 1].map((free) => diskVital(free * giga, 100 * giga, 2 * giga).state),
    ["ok", "warning", "failing"],
  );
  const { value, remedy } = diskVital(1.5 * giga, 100 * giga, 2 * giga);
  assert.equal(value, "1,5\u00a0Go sur 100\u00a0Go");
  assert.match(remedy!, /DISK_FLOOR[\s\S]*libérez de la place/);
  assert.deepEqual([connectionsVital(10, 100).state, connectionsVital(95, 100).state], ["ok", "warning"]);
});

test("INS-4 : chaque disque est regardé, celui des fichiers et celui des sauvegardes compris, une fois chacun", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "disques-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const [one, other] = [path.join(folder, "var"), path.join(folder, "autre")];
  mkdirSync(other);
  assert.deepEqual(
    (await disksOf([one, path.join(one, "pas/encore"), folder])).map(({ holds }) => holds),
    [one],
  );
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", other]).status !== 0)
    return t.skip("il faut être root, et pouvoir monter un tmpfs, pour avoir un second disque");
  try {
    const disks = await disksOf([one, other, path.join(other, "sauvegardes")]);
    assert.deepEqual(
      disks.map(({ holds }) => holds),
      [one, other],
    );
    assert.ok(disks[1]!.total < 3_000_000);
    const services = world.app.locals.services as Services;
    const { backups } = services;
    services.backups = { into: other, at: "02:30" } as Services["backups"];
    const text = read(await page());
    services.backups = backups;
    assert.match(text, new RegExp(`Place libre pour ${other}`));
  } finally {
    spawnSync("umount", [other]);
  }
});

test("INS-4 : une tâche que personne ne prend depuis un quart d’heure est une panne, avec quoi regarder", () => {
  const now = new Date("2026-11-21T10:00:00Z");
  const about = { now, zone: "Europe/Paris" };
  const late = waitingVital(3, new Date(now.getTime() - 16 * 60_000), about);
  assert.equal(late.state, "failing");
  assert.match(late.remedy!, /10:44[\s\S]*ROLE=jobs/);
  assert.equal(waitingVital(3, new Date(now.getTime() - 60_000), about).state, "told");
  assert.equal(waitingVital(0, null, about).state, "told");
});

test("une partie qui ne peut être regardée le dit, et ne cache pas les autres", async () => {
  const good = { title: "Bonne", order: 2, look: async () => [{ label: "a", state: "ok" as const, value: "b" }] };
  const bad = { title: "Muette", order: 1, look: () => Promise.reject(new Error("mot de passe dans le message")) };
  const sections = await lookAll([good, bad], (one) =>
    one.look({} as Services, { tenantId: "", zone: "Europe/Paris", now: world.clock.now() }),
  );
  assert.deepEqual(
    sections.map(({ title, lines }) => [title, lines[0]!.state]),
    [
      ["Muette", "unknown"],
      ["Bonne", "ok"],
    ],
  );
  assert.ok(!JSON.stringify(sections).includes("mot de passe"));
});
