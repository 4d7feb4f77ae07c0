import assert from "node:assert/strict";
import { test } from "node:test";
import { changeRoles, User } from "../../src/accounts/index.ts";
import { accounts } from "../../src/accounts/module.ts";
import { askVerification, runVerification } from "../../src/history/verification.ts";
import { KINDS } from "../../src/notifications/kinds.ts";
import { listNotifications, notify, purgeNotifications } from "../../src/notifications/queries.ts";
import { actOf } from "../support/database.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { type Browser, startWorld, type Who } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => undefined);
const denis = await world.as("denis");

const listOf = async (who: Who, unread = false) => {
  const { id, tenantId } = await world.userOf(who);
  const { lines } = await world.db.read(tenantId, (em) => listNotifications(em, { userId: id, unread }, { size: 50 }));
  return lines;
};
const unreadOn = ({ text }: { text: string }) => Number(/class="unread">(\d+)/.exec(text)?.[1] ?? 0);

async function send(browser: Browser, page: string, action: string, over: Record<string, string | string[]> = {}) {
  const { text } = await browser.get(page);
  const form = formsOf(parseHtml(text), page).find((one) => one.method === "post" && one.action === action);
  assert.ok(form, `pas de formulaire vers ${action} sur ${page}`);
  const fields = Object.fromEntries(
    form.fields.filter(({ name, values }) => !name.startsWith("_") && values.length > 0).map((f) => [f.name, f.values]),
  );
  return browser.post(action, { ...fields, ...over });
}

test("ACT-5 : un changement de rôles fait par un autre se lit sur la cloche, s’ouvre, et devient lu", async () => {
  const { id } = await world.userOf("karim");
  await send(denis, `/admin/utilisateurs/${id}/roles`, `/admin/utilisateurs/${id}/roles`, {
    roles: ["technician", "coordinator"],
  });
  const karim = await world.as("karim");
  const home = await karim.get("/compte");
  assert.equal(unreadOn(home), 1);
  const list = await karim.get("/notifications");
  assert.match(list.text, /Denis Roussel a changé vos rôles\. Vous êtes maintenant\s: technicien, coordinat/);
  assert.match(list.text, /Non lue/);

  const [line] = await listOf("karim");
  const opened = await karim.post(`/notifications/${line!.id}/lecture`);
  assert.deepEqual([opened.status, opened.location], [303, "/compte"]);
  assert.equal(unreadOn(await karim.get("/compte")), 0);
  assert.match((await karim.get("/notifications?etat=non-lues")).text, /Vous avez tout lu/);
  assert.equal((await listOf("karim"))[0]!.isRead, true);
  assert.equal((await denis.post(`/notifications/${line!.id}/lecture`)).status, 404, "celle d’un autre n’existe pas");
});

test("ACT-5 : ce qu’on fait soi-même n’est pas signalé ; ce qu’un autre annule l’est à son auteur", async () => {
  const denisBefore = (await listOf("denis")).length;
  const hugo = await world.as("hugo");
  const before = (await listOf("hugo")).length;
  await hugo.post("/compte/preferences", { theme: "dark" });
  assert.equal((await listOf("hugo")).length, before);
  const { id: hugoId, tenantId } = await world.userOf("hugo");
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where actor_id = ? order by id desc limit 1", [hugoId]),
  );
  const { id } = await world.userOf("claire");
  await send(denis, `/admin/utilisateurs/${id}/modifier`, `/admin/utilisateurs/${id}/modifier`, {
    givenName: "Clara",
  });
  const own = /href="\/admin\/historique\/([0-9a-f-]{36})"/.exec((await denis.get("/admin/historique")).text)![1]!;
  await send(denis, `/actes/${own}/annulation`, `/actes/${own}/annulation`);
  assert.equal((await listOf("denis")).length, denisBefore, "annuler son propre acte ne se signale pas");

  const undone = await send(denis, `/actes/${act!.id}/annulation`, `/actes/${act!.id}/annulation`);
  assert.equal(undone.status, 303);
  const [told] = await listOf("hugo");
  assert.match(told!.text, /^Denis Roussel a annulé votre acte «\s?Préférences/);
  assert.equal(told!.path, "/actes");
});

test("ACT-5 : un acte annulé mène son auteur là où il peut aller : tout l’historique, ses actes, ou nulle part", async () => {
  for (const [who, path] of [
    ["helene", "/notifications"],
    ["karim", "/actes"],
  ] as const) {
    const author = await world.as(who);
    await author.post("/compte/preferences", { density: "compact" });
    const [act] = await world.db.read(author.tenantId, (em) =>
      em.execute<{ id: string }[]>("select id from act where actor_id = ? order by id desc limit 1", [author.id]),
    );
    await send(denis, `/actes/${act!.id}/annulation`, `/actes/${act!.id}/annulation`);
    const [line] = await listOf(who);
    const opened = await author.post(`/notifications/${line!.id}/lecture`);
    assert.equal(opened.location, path);
    assert.equal((await author.get(path)).status, 200, `${who} y entre`);
  }
});

test("LIV-2 : la liste redemandée ne revient que changée, bien que ses formulaires aient des clés neuves ; « Tout marquer comme lu » vient avec ce qui arrive", async () => {
  const claire = await world.as("claire");
  const { id, tenantId } = await world.userOf("claire");
  const tell = (text: string) =>
    world.db.note(tenantId, (em) => notify(em, { kind: "jobs", to: [id], text, path: null }));
  await claire.post("/notifications/lecture");
  const ask = (headers = {}) =>
    claire.get("/notifications", { part: true, headers: { "live-refresh": "1", ...headers } });
  assert.doesNotMatch((await ask()).text, /Tout marquer comme lu/);
  await tell("Un");
  const { text, headers } = await ask();
  assert.match(text, /Tout marquer comme lu/);
  const version = { "if-none-match": headers.get("etag")! };
  assert.equal((await ask(version)).status, 304);
  await tell("Deux");
  assert.equal((await ask(version)).status, 200);
});

test("ACT-5 : une sorte rendue muette n’arrive plus ; le choix est un acte, qui s’annule", async () => {
  const sophie = await world.as("sophie");
  const { id } = await world.userOf("sophie");
  const saved = await send(sophie, "/notifications", "/notifications/reglages", {
    kinds: ["account", "undone", "jobs"],
  });
  assert.equal(saved.status, 303);
  const after = await sophie.get("/notifications");
  assert.match(after.text, /Votre choix de notifications est enregistré/);
  const undo = /href="(\/actes\/[0-9a-f-]{36}\/annulation)"/.exec(after.text)![1]!;
  const roles = (list: string[]) =>
    send(denis, `/admin/utilisateurs/${id}/roles`, `/admin/utilisateurs/${id}/roles`, { roles: list });
  await roles(["campaign_manager", "coordinator"]);
  assert.equal((await listOf("sophie")).filter(({ kind }) => kind === "rights").length, 0);
  await send(denis, `/admin/utilisateurs/${id}/modifier`, `/admin/utilisateurs/${id}/modifier`, { givenName: "Sofia" });
  assert.equal((await listOf("sophie")).filter(({ kind }) => kind === "account").length, 1);

  assert.equal((await send(await world.as("sophie"), undo, undo)).status, 303);
  await roles(["campaign_manager"]);
  assert.equal((await listOf("sophie")).filter(({ kind }) => kind === "rights").length, 1);
});

test("ACT-5 : la fin d’une vérification est dite à qui l’a demandée, une fois ; la quotidienne à personne", async () => {
  const { id, tenantId } = await world.userOf("denis");
  const now = () => world.clock.now();
  const ask = async (by: string | null) => {
    let asked = "";
    await world.db.act(
      { ...actOf(tenantId), code: "history.verification_asked", label: "Vérification", now: now() },
      (em) => {
        asked = askVerification(em, { tenantId, by }).id;
      },
    );
    await world.sealer.sealAll();
    await runVerification(world.db, world.heads, { tenantId, id: asked, now });
    return asked;
  };
  const told = async () => (await listOf("denis")).filter(({ kind }) => kind === "jobs").map(({ text }) => text);
  await ask(null);
  assert.deepEqual(await told(), []);
  const asked = await ask(id);
  await runVerification(world.db, world.heads, { tenantId, id: asked, now });
  assert.deepEqual(await told(), ["La vérification de l’historique est terminée\u00a0: il est intact."]);
});

test("ACT-5 : l’historique nomme les sortes muettes avec les mots de la page où on les choisit", () => {
  const words = accounts.tracked?.find(({ table }) => table === "app_user")?.columns.silenced?.values;
  assert.deepEqual(words, Object.fromEntries(KINDS.map(({ kind, label }) => [kind, label])));
});

test("tout marquer comme lu ne touche que les siennes, en une fois", async () => {
  const { id, tenantId } = await world.userOf("martine");
  const { id: other } = await world.userOf("aicha");
  await world.db.note(tenantId, async (em) => {
    for (const text of ["Un", "Deux", "Trois"]) await notify(em, { kind: "jobs", to: [id, other], text, path: null });
  });
  const martine = await world.as("martine");
  assert.equal(unreadOn(await martine.get("/compte")), 3);
  const done = await martine.post("/notifications/lecture");
  assert.equal(done.status, 303);
  assert.match((await martine.get("/notifications")).text, /Les 3 notifications sont marquées comme lues/);
  assert.equal((await listOf("martine", true)).length, 0);
  assert.equal((await listOf("aicha", true)).length, 3);
  assert.equal((await martine.get("/compte")).text.includes('class="unread"'), false);
});

test("un compte désactivé n’est plus prévenu ; au-delà de 90 jours, la purge oublie", async () => {
  const { id, tenantId } = await world.userOf("helene");
  const told = () =>
    world.db.read(tenantId, async (em) => {
      const rows = await em.execute<{ text: string }[]>("select text from notification where user_id = ?", [id]);
      return rows.map(({ text }) => text);
    });
  await world.db.note(tenantId, (em) => notify(em, { kind: "jobs", to: [id], text: "Ancienne", path: null }));
  await world.clock.advance(91 * 86_400_000);
  assert.equal((await listOf("helene")).length, 0);
  assert.ok((await told()).includes("Ancienne"));
  await world.db.note(tenantId, purgeNotifications);
  assert.deepEqual(await told(), []);
  await world.db.act(
    { ...actOf(tenantId), code: "user.deactivated", label: "Départ", now: world.clock.now() },
    async (em) => {
      const user = await em.findOneOrFail(User, { id });
      user.deactivatedAt = world.clock.now();
    },
  );
  await world.db.note(tenantId, (em) => notify(em, { kind: "jobs", to: [id], text: "Partie", path: null }));
  assert.deepEqual(await told(), []);
});

test("la page se feuillette à plus de cinquante, dans les deux sens", async () => {
  const { id, tenantId } = await world.userOf("aicha");
  await world.db.note(tenantId, async (em) => {
    for (let i = 1; i <= 60; i++) await notify(em, { kind: "jobs", to: [id], text: `Travail ${i}`, path: "/" });
  });
  const aicha = await world.as("aicha");
  const first = await aicha.get("/notifications");
  assert.match(first.text, /Travail 60</);
  const older = /href="(\/notifications\?avant=[^"]+)"/.exec(first.text)![1]!;
  const second = await aicha.get(older);
  assert.match(second.text, /Travail 10</);
  assert.doesNotMatch(second.text, /Travail 11</);
  const newer = /href="(\/notifications\?apres=[^"]+)"/.exec(second.text)![1]!;
  assert.match((await aicha.get(newer)).text, /Travail 11</);
});

test("ce qui est dit l’est dans la transaction de sa cause : un acte refusé n’a prévenu personne", async () => {
  const { id, tenantId } = await world.userOf("yann");
  const before = (await listOf("yann")).length;
  const by = { id: (await world.userOf("denis")).id };
  await assert.rejects(
    world.db.act(
      { ...actOf(tenantId), code: "user.roles_changed", label: "Essai", now: world.clock.now() },
      async (em) => {
        await changeRoles(em, await em.findOneOrFail(User, { id }), ["viewer"], { by });
        throw new Error("coupure");
      },
    ),
    /coupure/,
  );
  assert.equal((await listOf("yann")).length, before);
});
