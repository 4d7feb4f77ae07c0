import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { INSTANCE_ID } from "../../src/accounts/index.ts";
import { backupVitals } from "../../src/instance/backups.ts";
import { noteDrill, openBackup } from "../../src/platform/backup/index.ts";
import { runSchedule } from "../../src/platform/jobs/run.ts";
import { startTick } from "../../src/platform/jobs/tick.ts";
import type { Services } from "../../src/platform/services.ts";
import { parseHtml, textOf } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const services = world.app.locals.services as Services;
const nadia = await world.as("nadia");
const into = await mkdtemp(path.join(tmpdir(), "sauvegardes-"));
after(() => rm(into, { recursive: true, force: true }));
const schedule = world.registry.schedules.find(({ job }) => job === "instance.backup")!;
const settings = {
  at: "03:10",
  databaseUrl: world.databaseUrl,
  ownerUrl: world.ownerUrl,
  varDir: services.varDir,
  store: services.files.store,
  paths: ["heads"],
  into,
  key: "une phrase assez longue pour une clé",
  version: "0.0.0",
};

const page = async (address = "/instance/etat") =>
  textOf(parseHtml((await nadia.get(address)).text)).replace(/\s+/gu, " ");

/** What the minute tick hands to the queue at this instant, of this schedule. */
async function due(now: string, backups: Services["backups"]): Promise<string[]> {
  const sent: string[] = [];
  const at = { ...services, backups, clock: { now: () => new Date(now) } };
  const { tick, stop } = startTick(
    at,
    [schedule],
    async (_transaction, job, content) =>
      void sent.push(`${job} ${content.tenantId} ${"day" in content && content.day}`),
    (error) => assert.fail(String(error)),
  );
  await tick();
  await stop();
  return sent;
}

test("sans BACKUP_DIR, rien ne part et les pages le disent ; à l’heure réglée, une fois pour toute l’instance", async () => {
  assert.deepEqual(await due("2026-11-21T05:00:00Z", undefined), []);
  assert.match(await page(), /Sauvegarde de chaque nuit À surveiller aucune Donnez le réglage BACKUP_DIR/);
  assert.match(await page(), /Dernière sauvegarde En panne aucune Lancez-en une : « npm run backup »/);
  assert.match(await page("/instance/taches"), /Sauvegarde de la base et des fichiers[^.]*n’est pas réglée/);
  services.backups = settings;
  assert.deepEqual(await due("2026-11-21T02:09:00Z", settings), []);
  assert.deepEqual(await due("2026-11-21T02:10:00Z", settings), [`instance.backup ${INSTANCE_ID} 2026-11-21`]);
  assert.match(await page("/instance/taches"), /chaque jour à 03:10/);
});

test("INS-4 : la sauvegarde de la nuit est entière, le registre dit ce qu’elle tient, la page dit son âge", async () => {
  assert.match(await page(), /Dernière sauvegarde En panne aucune/);
  await runSchedule(services, schedule, { tenantId: INSTANCE_ID, day: "2026-11-21" });
  const [name] = (await readdir(into)).filter((one) => one.endsWith("Z"));
  const { manifest } = await openBackup(path.join(into, name!), settings.key);
  assert.ok(manifest.tables.some(({ table, rows }) => table === "act" && rows > 0));
  assert.match(await page("/instance/taches"), /Sauvegarde de la base et des fichiers[^.]*Faite\s?\d[\d\s]* lignes/);
  assert.match(await page(), /Dernière sauvegarde En ordre à l’instant/);
  const after26h = new Date(world.clock.now().getTime() + (26 * 60 + 1) * 60_000);
  const about = { tenantId: INSTANCE_ID, zone: "Europe/Paris", now: after26h };
  const late = (await backupVitals.look(services, about)).find(({ label }) => label === "Dernière sauvegarde")!;
  assert.equal(late.state, "failing");
  assert.match(late.value, /^il y a 1 jour/);
  assert.match(late.remedy!, /npm run backup/);
});

test("INS-4 : sans BACKUP_DIR, une sauvegarde faite à la main se voit aussi", async () => {
  const varDir = path.join(into, "à-la-main");
  const at = world.clock.now().toISOString().slice(0, 19).replaceAll(":", "-");
  await mkdir(path.join(varDir, "sauvegardes", `${at}Z`), { recursive: true });
  const about = { tenantId: INSTANCE_ID, zone: "Europe/Paris", now: world.clock.now() };
  const lines = await backupVitals.look({ ...services, backups: undefined, varDir }, about);
  const last = lines.find(({ label }) => label === "Dernière sauvegarde")!;
  assert.deepEqual([last.state, last.value.split(",")[0]], ["ok", "à l’instant"]);
});

test("INS-4 : relire et restaurer sont deux dates ; trois mois après, la page redemande l’une et l’autre", async () => {
  assert.match(await page(), /Dernière relecture À surveiller aucune/);
  assert.match(await page(), /Dernière restauration d’essai À surveiller aucune/);
  const [name] = (await readdir(into)).filter((one) => one.endsWith("Z"));
  const now = world.clock.now();
  assert.ok(await noteDrill(path.join(into, name!), "verify", new Date(now.getTime() - 100 * 86_400_000)));
  assert.match(await page(), /Dernière relecture À surveiller il y a 3\smois/);
  assert.ok(await noteDrill(path.join(into, name!), "restore", now));
  assert.match(await page(), /Dernière restauration d’essai En ordre à l’instant/);
  assert.ok(await noteDrill(path.join(into, name!), "verify", now));
  assert.match(await page(), /Dernière relecture En ordre à l’instant/);
  assert.match(await page(), /Dernière restauration d’essai En ordre/, "une relecture ne cache pas la restauration");
});

test("un échec est dit une fois par jour à chaque super-administrateur, avec son motif", async () => {
  const file = path.join(into, "pas-un-dossier");
  await writeFile(file, "");
  await due("2026-11-22T02:10:00Z", settings);
  services.backups = { ...settings, into: file };
  for (const _ of [1, 2]) {
    await assert.rejects(runSchedule(services, schedule, { tenantId: INSTANCE_ID, day: "2026-11-22" }));
  }
  services.backups = settings;
  const mails = await world.db.read(INSTANCE_ID, (em) =>
    em.execute<{ address: string; payload: Record<string, string> }[]>(
      "select address, payload from outbox where kind = 'instance.backup_failed'",
    ),
  );
  assert.deepEqual(
    mails.map(({ address }) => address),
    [(await world.userOf("nadia")).email],
  );
  assert.ok(mails[0]!.payload.reason);
  const kind = world.registry.mails.get("instance.backup_failed")!;
  const { lines } = kind.write(mails[0]!.payload, { tenantName: "Instance", zone: "Europe/Paris" });
  assert.match(lines[0]!, /dimanche 22 novembre 2026 a échoué/);
});

test("un dossier où l’on ne peut écrire : l’épreuve n’est pas notée, et rien ne casse", async () => {
  assert.equal(await noteDrill(path.join(into, "absent", "2026-11-21T02-00-00Z"), "verify", new Date()), false);
});
