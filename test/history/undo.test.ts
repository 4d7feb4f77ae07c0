import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { EntityManager } from "@mikro-orm/postgresql";
import { allows, explain } from "../../src/accounts/index.ts";
import { inviteUser } from "../../src/accounts/invitation.ts";
import { editTenant, Tenant } from "../../src/accounts/tenant.ts";
import { changeRoles, createUser, deactivateUser, editUser, User } from "../../src/accounts/user.ts";
import { Heads, startSealer, verifyHistory } from "../../src/history/index.ts";
import { undosOf } from "../../src/history/queries/undo.ts";
import { previewUndo, type UndoChoice, undoAct, undoInForce } from "../../src/history/undo.ts";
import { PublicPage, writePage } from "../../src/instance/public-page.ts";
import type { Undoing } from "../../src/platform/db/undo.ts";
import { Forbidden, NotFound, RuleBroken } from "../../src/platform/errors.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

const { db, registry, clock, owner } = await testDatabase();
const tracked = new Map(registry.tracked.map((one) => [one.table, one]));
const { tenantId, userId } = await buildTenant(db);
const now = new Date("2026-11-21T10:00:00Z");
const later = (days: number) => new Date(now.getTime() + days * 86_400_000);

const undoing = (id = userId, roles: string[] = ["admin"], at = now): Undoing => ({
  by: { id },
  tenantId,
  now: at,
  may: (right) => allows(roles, right),
  explain: (right) => explain(roles, right),
  from: { ip: "127.0.0.1", headers: {} },
});

/** Carries out an act and gives its id. */
async function act(verb: (em: EntityManager) => unknown, actorId: string | null = userId, of = tenantId) {
  await db.act(actOf(of, { actorId, now }), verb);
  const [last] = await db.read(of, (em) => em.execute<{ id: string }[]>("select id from act order by id desc limit 1"));
  return last!.id;
}
async function undo(actId: string, choice: UndoChoice = {}, who = undoing()) {
  const undone = await db.act(
    actOf(tenantId, { actorId: who.by.id, undoesId: actId, code: "act.undone", now: who.now }),
    (em) => undoAct(em, actId, who, tracked, choice),
  );
  const [last] = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act order by id desc limit 1"),
  );
  return { ...undone, id: last!.id };
}
const preview = (actId: string, who = undoing()) => db.read(tenantId, (em) => previewUndo(em, actId, who, tracked));
const userOf = (id: string) => db.read(tenantId, (em) => em.findOneOrFail(User, { id }));
const edit = (id: string, identity: Partial<Pick<User, "givenName" | "familyName" | "email">>) =>
  act(async (em) => {
    const user = await em.findOneOrFail(User, { id });
    const { givenName, familyName, email } = user;
    await editUser(em, user, { givenName, familyName, email, ...identity }, { by: { id: userId } });
  });
let people = 0;
async function person(roles: string[] = ["viewer"], email = `p${++people}@essai.test`) {
  let id = "";
  const made = await act(async (em) => {
    const user = await createUser(
      em,
      { email, givenName: "Paul", familyName: `Durand ${people}`, roles },
      { tenantId, by: { id: userId } },
    );
    id = user.id;
  });
  return { id, made };
}

test("HIS-12, HIS-14 : un acte restaurable l’est, par un acte lié, et l’annulation s’annule à son tour", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline", familyName: "Martin" });
  const before = await userOf(id);
  const seen = await preview(renamed);
  assert.deepEqual(seen.counts, { restorable: 1, conflict: 0, impossible: 0 });
  const undone = await undo(renamed);
  assert.equal(undone.restored, 1);
  const after = await userOf(id);
  assert.deepEqual([after.givenName, after.version], ["Paul", before.version + 1]);
  const links = await db.read(tenantId, (em) => undosOf(em, [renamed]));
  assert.equal(undoInForce(renamed, links)?.id, undone.id);

  const redone = await undo(undone.id);
  assert.deepEqual((await userOf(id)).name(), "Pauline Martin");
  const chain = await db.read(tenantId, (em) => undosOf(em, [renamed]));
  assert.equal(undoInForce(renamed, chain), null);
  assert.equal(undoInForce(undone.id, chain)?.id, redone.id);
  // In force again, the first act can be undone again.
  assert.equal((await undo(renamed)).restored, 1);
  assert.equal((await userOf(id)).givenName, "Paul");
});

test("HIS-12 : changé depuis, c’est un conflit gardé, et montré avec avant, écrit, présent et par qui", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline" });
  await edit(id, { givenName: "Paola" });
  const seen = await preview(renamed);
  const [line] = seen.lines.conflict;
  assert.deepEqual(
    [line!.before.given_name, line!.after.given_name, line!.present!.given_name, line!.changedById],
    ["Paul", "Pauline", "Paola", userId],
  );
  await assert.rejects(undo(renamed), /plus rien ne peut être restauré/);
  assert.equal((await userOf(id)).givenName, "Paola");

  const stale = { table: "app_user", rowId: id, mark: line!.mark };
  await edit(id, { givenName: "Paula" });
  await assert.rejects(undo(renamed, { force: [stale] }), /vient de changer/);
  const fresh = { ...stale, mark: (await preview(renamed)).lines.conflict[0]!.mark };
  const undone = await undo(renamed, { force: [fresh] });
  assert.deepEqual([undone.restored, undone.forced], [0, 1]);
  assert.equal((await userOf(id)).givenName, "Paul");
  await undo(undone.id);
  assert.equal((await userOf(id)).givenName, "Paula");
});

test("HIS-12 : un autre champ changé depuis n’est pas un conflit", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline" });
  await edit(id, { familyName: "Martin" });
  assert.equal((await undo(renamed)).restored, 1);
  assert.equal((await userOf(id)).name(), "Paul Martin");
});

test("HIS-13 : une création d’acteur se défait en désactivant le compte ; ses liens secrets ne reviennent pas", async () => {
  let id = "";
  const invited = await act(async (em) => {
    const { user } = await inviteUser(
      em,
      { email: "invitee@essai.test", givenName: "Iris", familyName: "Lo", roles: ["viewer"] },
      { tenantId, by: { id: userId }, now },
    );
    id = user.id;
  });
  const seen = await preview(invited);
  assert.deepEqual(seen.counts, { restorable: 1, conflict: 0, impossible: 1 });
  assert.match(seen.lines.impossible[0]!.why!, /lien secret ne se restaure pas/);
  const undone = await undo(invited);
  assert.equal((await userOf(id)).isActive(), false);
  const [link] = await db.read(tenantId, (em) =>
    em.execute<{ revoked_at: string | null }[]>("select revoked_at from access_link where user_id = ?", [id]),
  );
  assert.ok(link!.revoked_at, "le lien ouvert est fermé avec le compte");
  await undo(undone.id);
  assert.equal((await userOf(id)).isActive(), true);
});

test("HIS-11 : après trente jours, l’acte ne s’annule plus", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline" });
  assert.equal((await preview(renamed, undoing(userId, ["admin"], later(29.9)))).closed, null);
  const late = undoing(userId, ["admin"], later(30.1));
  assert.match((await preview(renamed, late)).closed!, /plus de 30 jours/);
  await assert.rejects(undo(renamed, {}, late), RuleBroken);
});

test("ROL-3, HIS-13 : une annulation qui ôterait le dernier administrateur, ou son propre rôle, est refusée", async () => {
  const { id } = await person();
  const promoted = await act(async (em) => {
    await changeRoles(em, await em.findOneOrFail(User, { id }), ["admin"], { by: { id: userId } });
  });
  const self = await preview(promoted, undoing(id));
  assert.match(self.lines.impossible[0]!.why!, /propre rôle d’administration/);
  await act(async (em) => {
    await deactivateUser(em, await em.findOneOrFail(User, { id: userId }), { by: { id }, now });
  }, id);
  const alone = await preview(promoted, undoing(userId));
  assert.match(alone.lines.impossible[0]!.why!, /dernière personne active/);
  await assert.rejects(undo(promoted, {}, undoing(userId)), RuleBroken);
  await act(async (em) => {
    (await em.findOneOrFail(User, { id: userId })).deactivatedAt = null;
  }, id);
  assert.equal((await undo(promoted)).restored, 1);
});

test("RG-002, HIS-13 : une adresse prise depuis par un autre compte rend la ligne impossible, avec sa phrase", async () => {
  const { id } = await person(["viewer"], "avant@essai.test");
  const moved = await edit(id, { email: "apres@essai.test" });
  await person(["viewer"], "avant@essai.test");
  const [line] = (await preview(moved)).lines.impossible;
  assert.equal(line!.why, "Un autre compte a maintenant cette adresse électronique.");
  await assert.rejects(undo(moved), RuleBroken);
});

test("deux personnes annulent le même acte ensemble : l’une y arrive, l’autre l’apprend", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline" });
  const outcomes = await Promise.allSettled([undo(renamed), undo(renamed)]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const refused = outcomes.find((one) => one.status === "rejected")!;
  assert.match(String(refused.reason.message), /déjà annulé/);
});

test("PRM-25, PRM-26, TEN-2 : les siens, ceux d’autrui avec le droit, jamais ceux d’une autre organisation", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Pauline" });
  await assert.rejects(preview(renamed, undoing(id, ["technician"])), NotFound);
  await assert.rejects(preview(renamed, undoing(id, ["super_admin"])), Forbidden);
  const own = await act(async (em) => {
    (await em.findOneOrFail(User, { id })).theme = "dark";
  }, id);
  assert.equal((await preview(own, undoing(id, ["technician"]))).counts.restorable, 1);
  await assert.rejects(preview(own, undoing(id, ["viewer"])), Forbidden);
  // Their own act, whose right has gone since.
  const byThem = await act(async (em) => {
    (await em.findOneOrFail(User, { id: userId })).givenName = "Aminata";
  }, id);
  assert.match(
    (await preview(byThem, undoing(id, ["technician"]))).lines.impossible[0]!.why!,
    /Vous ne pouvez pas gérer/,
  );

  const other = await buildTenant(db, "Ailleurs");
  const theirs = await act(
    async (em) => {
      (await em.findOneOrFail(User, { id: other.userId })).givenName = "Ailleurs";
    },
    other.userId,
    other.tenantId,
  );
  await assert.rejects(preview(theirs), NotFound);
  await assert.rejects(undo(theirs), NotFound);
});

test("un réglage d’organisation revient, s’il est encore permis", async () => {
  const set = await act(async (em) => {
    const tenant = await em.findOneOrFail(Tenant, { id: tenantId });
    editTenant(em, tenant, { name: "Autre nom", stayConnectedDays: 7 }, { by: { id: userId } });
  });
  await undo(set);
  const tenant = await db.read(tenantId, (em) => em.findOneOrFail(Tenant, { id: tenantId }));
  assert.deepEqual([tenant.name, tenant.stayConnectedDays], ["Ville d’essai", 30]);
  const coloured = await act(async (em) => {
    (await em.findOneOrFail(Tenant, { id: tenantId })).accent = "#ffff00";
  });
  const again = await act(async (em) => {
    (await em.findOneOrFail(Tenant, { id: tenantId })).accent = "#1c43b4";
  });
  assert.match((await preview(again)).lines.impossible[0]!.why!, /se lirait mal/);
  assert.ok(coloured);
});

test("plusieurs changements d’une ligne dans un acte reviennent au premier état", async () => {
  const { id } = await person();
  const twice = await act(async (em) => {
    const user = await em.findOneOrFail(User, { id });
    user.givenName = "Une";
    await em.flush();
    user.givenName = "Deux";
    user.familyName = "Trois";
  });
  const seen = await preview(twice);
  assert.deepEqual(seen.counts, { restorable: 1, conflict: 0, impossible: 0 });
  await undo(twice);
  assert.equal((await userOf(id)).givenName, "Paul");
});

test("rulings 11 : ce qui est né d’un acte en repart, et revient entier quand l’annulation s’annule", async () => {
  const root = undoing(userId, ["admin", "super_admin"]);
  let id = "";
  const written = await act((em) => {
    id = writePage(em, null, { kind: "contact", body: "Appelez le 0123.", tenantId, by: userId }).id;
  });
  assert.match((await preview(written)).lines.impossible[0]!.why!, /Vous ne pouvez pas régler l’instance/);
  const undone = await undo(written, {}, root);
  assert.equal(await db.read(tenantId, (em) => em.count(PublicPage, { id })), 0);
  const back = await undo(undone.id, {}, root);
  const page = await db.read(tenantId, (em) => em.findOneOrFail(PublicPage, { id }));
  assert.deepEqual([page.kind, page.body], ["contact", "Appelez le 0123."]);
  await undo(back.id, {}, root);
  assert.equal(await db.read(tenantId, (em) => em.count(PublicPage, { id })), 0);

  // Meanwhile another took its place: the base's own rule, told as a sentence.
  await act((em) => void writePage(em, null, { kind: "contact", body: "Autre.", tenantId, by: userId }));
  const withdrawn = await db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where undoes_id = ? order by id desc limit 1", [back.id]),
  );
  await assert.rejects(undo(withdrawn[0]!.id, {}, root), /contre une règle/);
});

test("une création modifiée depuis est un conflit, qu’on peut forcer", async () => {
  const root = undoing(userId, ["admin", "super_admin"]);
  let page!: PublicPage;
  const written = await act((em) => {
    page = writePage(em, null, { kind: "mentions-legales", body: "Un.", tenantId, by: userId });
  });
  await act(async (em) => {
    const found = await em.findOneOrFail(PublicPage, { id: page.id });
    writePage(em, found, { kind: found.kind, body: "Deux.", tenantId, by: userId });
  });
  const [line] = (await preview(written, root)).lines.conflict;
  assert.equal(line!.kind, "create");
  const undone = await undo(written, { force: [line!] }, root);
  assert.equal(undone.forced, 1);
  await undo(undone.id, {}, root);
  const back = await db.read(tenantId, (em) => em.findOneOrFail(PublicPage, { id: page.id }));
  assert.equal(back.body, "Deux.");
});

test("une ligne qu’un autre écrit pendant l’annulation n’est pas recouverte : rien n’est annulé", async () => {
  const { id } = await person();
  const renamed = await edit(id, { givenName: "Vague" });
  let refused: Promise<void> | undefined;
  let isOver = false;
  await act(async (em) => {
    await em.execute("update app_user set density = 'compact' where id = ?", [id]);
    refused = assert.rejects(undo(renamed), /vient de changer/).finally(() => {
      isOver = true;
    });
    const waits =
      "select from pg_locks join pg_stat_activity a using (pid) where not granted and a.datname = current_database()";
    while (!isOver && (await owner.query(waits)).rowCount === 0);
  });
  await refused;
  assert.equal((await userOf(id)).givenName, "Vague");
});

test("un acte de dix mille lignes se prévisualise et s’annule en une requête par table", async () => {
  const many = await act((em) =>
    em.execute(
      `insert into app_user (tenant_id, id, email, given_name, family_name, roles)
       select ?, uuidv7(), 'foule' || n || '@essai.test', 'Foule', n::text, '{viewer}' from generate_series(1, 10000) n`,
      [tenantId],
    ),
  );
  assert.ok(many);
  const renamed = await act((em) => em.execute("update app_user set given_name = 'Marée' where given_name = 'Foule'"));
  await act((em) =>
    em.execute("update app_user set given_name = 'Ressac' where given_name = 'Marée' and family_name::int <= 19"),
  );
  const seen = await preview(renamed);
  assert.deepEqual(seen.counts, { restorable: 9981, conflict: 19, impossible: 0 });
  const left = seen.lines.restorable[0]!;
  const undone = await undo(renamed, { except: [left] });
  assert.deepEqual([undone.restored, undone.kept], [9980, 20]);
  assert.equal(await db.read(tenantId, (em) => em.count(User, { givenName: "Foule" })), 9980);
  assert.equal((await userOf(left.rowId)).givenName, "Marée");
});

test("HIS-6 : après tant d’annulations, la chaîne se vérifie", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "heads-"));
  const { privateKey } = generateKeyPairSync("ed25519");
  const heads = new Heads(folder, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  const sealer = startSealer(db, { heads, clock, everyMs: Number.POSITIVE_INFINITY, onError: assert.fail });
  await sealer.sealAll();
  await sealer.stop();
  const verdict = await verifyHistory(db, heads, tenantId);
  rmSync(folder, { recursive: true });
  assert.equal(verdict.firstBreak, null);
  assert.ok(verdict.verified > 30);
});
