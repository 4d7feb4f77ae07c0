/** Whoever answers for a prerequisite is told when it is due (PRE-2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { prerequisiteDue } from "../../src/campaigns/prerequisite-reminders.ts";
import type { Services } from "../../src/platform/services.ts";
import { addOperation, idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
let sophie = await world.as("sophie");
const { tenantId } = sophie;
const services = world.app.locals.services as Services;
const schedule = world.registry.schedules.find(({ job }) => job === "campaigns.remind_prerequisites")!;
const ZONE = "Europe/Paris";
const DAY_MINUTES = 24 * 60;
const today = () => new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(world.clock.now());
const dayIn = (days: number) => new Date(Date.parse(today()) + days * 86_400_000).toISOString().slice(0, 10);
/** Sessions end meanwhile. */
async function later(days: number): Promise<void> {
  await world.clock.advanceMinutes(days * DAY_MINUTES);
  sophie = await world.as("sophie");
}
const run = () => schedule.run(services, { tenantId, day: today() });
const rows = <T>(query: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute(query, values as never)) as Promise<T[]>;
const karim = (await world.userOf("karim")).id;

/** A campaign of this state; gives its address. */
async function campaign(state: Campaign["state"], zone: string | null = null): Promise<string> {
  const at = await makeCampaign(sophie);
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    Object.assign(await em.findOneOrFail(Campaign, { id: idIn(at) }), { state, zone });
  });
  return at;
}
async function need(at: string, label: string, more: Record<string, string>): Promise<string> {
  await sophie.get(`${at}/prerequis/nouveau`);
  isAt(await sophie.post(`${at}/prerequis/nouveau`, { label, responsible: karim, responsibleName: "", ...more }));
  return (
    await rows<{ id: string }>("select id from prerequisite where campaign_id = ? and label = ?", [idIn(at), label])
  )[0]!.id;
}
const told = async (label: string) =>
  (
    await rows<{ text: string; path: string | null }>(
      "select text, path from notification where kind = 'prerequisites' and user_id = ? and text like ? order by id",
      [karim, `%${label}%`],
    )
  ).map(({ text, path }) => [/est à faire/.test(text) ? "avant" : "après", path]);
const mails = async (label: string) =>
  (
    await rows<{ subject: string }>(
      "select subject from outbox where kind = 'campaigns.prerequisite_due' and subject like ? order by id",
      [`%${label}`],
    )
  ).map(({ subject }) => subject.split(/\s:/u)[0]);

test("PRE-2 : prévenu trois jours avant l’échéance, puis le lendemain, une fois chaque, dans le produit et par courriel", async () => {
  const at = await campaign("active");
  await need(at, "Badges prêts", { dueOn: dayIn(4) });
  await run();
  assert.deepEqual(await told("Badges prêts"), [], "quatre jours avant, rien");
  const seen: string[][] = [];
  for (let day = -3; day <= 3; day++) {
    await later(1);
    const before = (await told("Badges prêts")).length;
    await Promise.all([run(), run()]);
    await run();
    const now = await told("Badges prêts");
    if (now.length > before) seen.push([String(day), String(now.at(-1)![0])]);
  }
  assert.deepEqual(seen, [
    ["-3", "avant"],
    ["1", "après"],
  ]);
  assert.equal((await told("Badges prêts")).length, 2);
  assert.deepEqual(await mails("Badges prêts"), ["À faire bientôt", "En retard"]);
  const [act] = await rows<{ label: string; actor: string | null }>(
    "select label, actor_id as actor from act where code = 'campaign.prerequisite_due' and subject_id = ? limit 1",
    [idIn(at)],
  );
  assert.deepEqual(act, { label: "Responsable d’un prérequis prévenu", actor: null });
});

test("PRE-2, GEN-10 : les jours manqués se rattrapent ; une autre échéance se dit de nouveau", async () => {
  const at = await campaign("upcoming");
  const id = await need(at, "Quai libéré", { dueOn: dayIn(5) });
  await later(4);
  await run();
  assert.deepEqual(
    (await told("Quai libéré")).map(([when]) => when),
    ["avant"],
    "un jour avant, ce que trois jours avant n’a pas dit",
  );
  await later(9);
  await run();
  assert.deepEqual(
    (await told("Quai libéré")).map(([when]) => when),
    ["avant", "après"],
  );
  await sophie.get(`${at}/prerequis`);
  const [{ version }] = (await rows<{ version: number }>("select version from prerequisite where id = ?", [id])) as [
    { version: number },
  ];
  const edited = {
    label: "Quai libéré",
    responsible: karim,
    responsibleName: "",
    dueOn: dayIn(2),
    status: "doing",
    version: String(version),
  };
  isAt(await sophie.post(`${at}/prerequis/${id}/modifier`, edited));
  await run();
  assert.deepEqual(
    (await told("Quai libéré")).map(([when]) => when),
    ["avant", "après", "avant"],
  );
});

test("PRE-2 : ni ce qui est fait, ni qui n’a pas de compte, ni une campagne finie ne préviennent", async () => {
  const at = await campaign("active");
  const done = await need(at, "Déjà fait", { dueOn: dayIn(1) });
  await sophie.get(`${at}/prerequis`);
  isAt(await sophie.post(`${at}/prerequis/${done}/statut`, { status: "done", version: "1" }));
  await need(at, "Sans compte", { dueOn: dayIn(1), responsible: "", responsibleName: "Fournisseur" });
  await need(at, "Sans échéance", {});
  const over = await campaign("finished");
  await need(over, "Trop tard", { dueOn: dayIn(1) });
  await run();
  for (const label of ["Déjà fait", "Sans compte", "Sans échéance", "Trop tard"]) {
    assert.deepEqual([await told(label), await mails(label)], [[], []], label);
  }
});

test("CAM-10, CAM-26 : en préparation, aucun courriel ne part ; le lien n’est donné qu’à qui voit la campagne", async () => {
  const at = await campaign("draft");
  await need(at, "Salle d’attente", { dueOn: dayIn(1) });
  await run();
  assert.deepEqual(await told("Salle d’attente"), [["avant", null]]);
  assert.deepEqual(await mails("Salle d’attente"), []);
  await sophie.get(`${at}/acces`);
  isAt(await sophie.post(`${at}/acces`, { grantee: `u.${karim}`, letters: ["see"] }));
  await need(at, "Salle de pause", { dueOn: dayIn(1) });
  await run();
  assert.deepEqual(await told("Salle de pause"), [["avant", `${at}/prerequis`]]);
});

test("CAM-25, PRE-2 : le technicien qui a du travail dans la campagne sans la voir est prévenu, sans lien", async () => {
  const at = await campaign("active");
  await addOperation(sophie, at, { c_cible: "PC-1", technician: karim });
  await need(at, "Local libéré", { dueOn: dayIn(1) });
  await run();
  assert.deepEqual(await told("Local libéré"), [["avant", null]]);
});

test("GEN-3 : trois jours avant se compte au fuseau de la campagne", async () => {
  const local = (zone: string) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(world.clock.now());
  // These two are never on the same day.
  const [ahead, behind] = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
  const due = new Date(Date.parse(local(ahead!)) + 3 * 86_400_000).toISOString().slice(0, 10);
  await need(await campaign("active", ahead), "Devant", { dueOn: due });
  await need(await campaign("active", behind), "Derrière", { dueOn: due });
  await run();
  assert.deepEqual([(await told("Devant")).length, (await told("Derrière")).length], [1, 0]);
});

test("MSG-8 : un rappel que son prérequis ne justifie plus ne part pas", async () => {
  const at = await campaign("active");
  const id = await need(at, "Plans affichés", { dueOn: dayIn(2) });
  await run();
  const payload = { id, when: "before" as const, label: "Plans affichés", campaign: "X", dueOn: dayIn(2), path: null };
  const message = {
    ...{ tenantId, id, kind: prerequisiteDue.kind, address: "" },
    person: { type: "user", id: karim },
    payload,
  };
  const why = () =>
    world.db.read(tenantId, (em) =>
      prerequisiteDue.notDue!(em, { ...message, createdAt: world.clock.now() }, world.clock.now()),
    );
  assert.equal(await why(), null);
  await sophie.get(`${at}/prerequis`);
  isAt(await sophie.post(`${at}/prerequis/${id}/statut`, { status: "done", version: "1" }));
  assert.match(String(await why()), /est fait/);
});
