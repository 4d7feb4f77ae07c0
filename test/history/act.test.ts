import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { z } from "zod";
import { User } from "../../src/accounts/user.ts";
import { AlreadyDone, KeyReused } from "../../src/platform/db/index.ts";
import { record } from "../../src/platform/events/record.ts";
import { actOf, buildTenant, testDatabase } from "../support/database.ts";

const ran: string[] = [];
let reaction: (() => void) | undefined;

const open = await testDatabase({
  extra: {
    events: {
      "test.renamed": { label: "renommé", payload: z.object({ to: z.string() }) },
      "test.followed": { label: "suivi", payload: z.object({}) },
    },
    reactions: [
      {
        on: "test.renamed",
        async run(em, event) {
          reaction?.();
          const user = await em.findOneOrFail(User, { id: event.subject.id });
          user.familyName = "Réagi";
          record(em, "test.followed", user && { type: "user", id: user.id });
        },
      },
      { on: "test.followed", run: () => void ran.push("followed") },
    ],
  },
});
const { tenantId, userId } = await buildTenant(open.db);
await open.owner.query("select set_config('app.tenant_id', $1, false)", [tenantId]);

const rename = (givenName: string, more = {}) =>
  open.db.act(actOf(tenantId, more), async (em) => {
    const user = await em.findOneOrFail(User, { id: userId });
    user.givenName = givenName;
    return user;
  });
const owner = async (sql: string, values: unknown[] = []) => (await open.owner.query(sql, values)).rows;
const counts = async () =>
  (
    await owner(
      "select (select count(*) from act)::int acts, (select count(*) from change)::int changes, (select count(*) from event)::int events",
    )
  )[0];

test("un acte garde l’avant et l’après des seuls champs changés, avec le titre d’alors", async () => {
  await rename("Zoé", { label: "Renommer Amina", reason: "Mariage" });
  const [change] = await owner(
    "select operation, table_name, subject_type, title, before, after from change order by ordinal desc limit 1",
  );
  assert.deepEqual(change, {
    operation: "update",
    table_name: "app_user",
    subject_type: "user",
    title: "Zoé Ville d’essai",
    before: { given_name: "Amina" },
    after: { given_name: "Zoé" },
  });
  const [act] = await owner("select label, reason, channel from act order by id desc limit 1");
  assert.deepEqual(act, { label: "Renommer Amina", reason: "Mariage", channel: "page" });
});

test("écrire hors d’un acte est refusé par la base, quel que soit le chemin", async () => {
  const before = await counts();
  await assert.rejects(
    open.db.note(tenantId, (em) => em.nativeUpdate(User, { id: userId }, { givenName: "Furtif" })),
    /outside a changeset/,
  );
  await assert.rejects(owner("update app_user set given_name = 'Furtif'"), /outside a changeset/);
  assert.deepEqual(await counts(), before);
});

test("un changeset inventé sans son acte ne passe pas le commit", async () => {
  await open.owner.query("begin");
  await open.owner.query("select set_config('app.changeset_id', $1, true), set_config('app.act_id', $2, true)", [
    randomUUID(),
    randomUUID(),
  ]);
  await open.owner.query("update app_user set given_name = 'Inventé'");
  await assert.rejects(open.owner.query("commit"), /changeset_tenant_id_act_id_foreign/);
});

test("un acte qui ne change rien ne laisse pas de trace", async () => {
  const before = await counts();
  await rename("Zoé");
  assert.deepEqual(await counts(), before);
});

test("un acte en erreur n’écrit rien, historique compris", async () => {
  const before = await counts();
  await assert.rejects(
    open.db.act(actOf(tenantId), async (em) => {
      (await em.findOneOrFail(User, { id: userId })).givenName = "Perdu";
      await em.flush();
      throw new Error("panne");
    }),
    /panne/,
  );
  assert.deepEqual(await counts(), before);
});

test("les réactions vivent dans la transaction de l’évènement, en chaîne", async () => {
  await open.db.act(actOf(tenantId), async (em) => {
    record(em, "test.renamed", { type: "user", id: userId }, { to: "x" });
  });
  const [user] = await owner("select family_name from app_user");
  assert.equal(user.family_name, "Réagi");
  assert.deepEqual(ran, ["followed"]);
  assert.deepEqual(
    (await owner("select name from event order by id")).map((row) => row.name),
    ["test.renamed", "test.followed"],
  );
});

test("une réaction qui refuse défait l’acte entier", async () => {
  const before = await counts();
  reaction = () => {
    throw new Error("refus");
  };
  await assert.rejects(
    open.db.act(actOf(tenantId), (em) => record(em, "test.renamed", { type: "user", id: userId }, { to: "y" })),
    /refus/,
  );
  reaction = undefined;
  assert.deepEqual(await counts(), before);
});

test("un évènement inconnu, ou mal formé, arrête l’acte", async () => {
  const subject = { type: "user", id: userId };
  await assert.rejects(
    open.db.act(actOf(tenantId), (em) => record(em, "test.unknown", subject)),
    /Unknown event/,
  );
  await assert.rejects(
    open.db.act(actOf(tenantId), (em) => record(em, "test.renamed", subject, { to: 3 })),
    /to/,
  );
  assert.throws(() => record(open.db.orm.em.fork(), "test.renamed", subject), /outside an act/);
});

test("vingt demandes identiques en parallèle n’agissent qu’une fois, et répondent pareil", async () => {
  const key = randomUUID();
  const { acts } = await counts();
  let tried = 0;
  const send = (digest = "même contenu") =>
    open.db.act(
      actOf(tenantId, {
        idempotency: {
          key,
          route: "POST /essai",
          digest: Buffer.from(digest),
          result: () => ({ status: 303, location: "/la-suite" }),
        },
      }),
      async (em) => {
        tried += 1;
        (await em.findOneOrFail(User, { id: userId })).givenName = `Fois ${tried}`;
      },
    );
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => send()));
  assert.equal((await counts()).acts, acts + 1);
  const replays = outcomes.filter((one) => one.status === "rejected").map((one) => one.reason);
  assert.equal(replays.length, 19);
  for (const replay of replays) {
    assert.ok(replay instanceof AlreadyDone);
    assert.deepEqual([replay.status, replay.location], [303, "/la-suite"]);
  }
  await assert.rejects(send("autre contenu"), KeyReused);
});

test("INSERT retiré sur l’historique : plus aucune écriture n’aboutit, rien n’est changé", async () => {
  const before = await counts();
  await open.owner.query("revoke insert on act, changeset, event from opstracker_app");
  try {
    await assert.rejects(rename("Sans trace"), (error: { code?: string }) => error.code === "42501");
    const [user] = await owner("select given_name from app_user");
    assert.notEqual(user.given_name, "Sans trace");
    assert.deepEqual(await counts(), before);
  } finally {
    await open.owner.query("grant insert on act, changeset, event to opstracker_app");
  }
});

test("l’historique refuse UPDATE, DELETE et TRUNCATE, même à son propriétaire", async () => {
  for (const table of ["act", "changeset", "change", "event", "imprint", "seal"]) {
    await assert.rejects(owner(`update ${table} set tenant_id = tenant_id`), /append-only/, table);
    await assert.rejects(owner(`delete from ${table}`), /append-only/, table);
    await assert.rejects(owner(`truncate ${table} cascade`), /append-only/, table);
  }
});
