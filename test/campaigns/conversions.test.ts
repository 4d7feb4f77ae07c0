import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { runConversion } from "../../src/campaigns/conversion-run.ts";
import { operationImports } from "../../src/campaigns/import-profile.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addField, addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { openStream } from "../support/stream.ts";
import { type Browser, startWorld } from "../support/world.ts";

/** A change of type of more values than one waits for (FLD-6). */

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const { services } = world.app.locals;
const act = <T>(verb: (em: { execute(sql: string, values?: unknown[]): Promise<T> }) => Promise<T>) =>
  world.db.act(
    { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai", now: world.clock.now() },
    (em) => verb(em as never),
  );
const ask = <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values as never));

/** A campaign of so many operations, each with a surface: one in ten is no number. */
async function surfaces(rows: number): Promise<string> {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Surface");
  await act((em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category)
       select ?, uuidv7(), ?, t, jsonb_build_object('cible', t, 'surface', n::text || case when n % 10 = 0 then ' environ' else '' end),
         lower(t || ' ' || n), 'to_schedule', 'open' from (select n, 'PC-' || lpad(n::text, 5, '0') as t from generate_series(1, ${rows}) n) g`,
      [tenantId, idIn(at)],
    ),
  );
  return at;
}
async function change(at: string, fields: Record<string, string>) {
  const path = `${at}/champs/surface/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const own = form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]);
  return sophie.post(path, { ...Object.fromEntries(own), ...fields });
}
async function toNumber(at: string) {
  const asked = await change(at, { type: "number" });
  assert.equal(asked.status, 422);
  const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
  assert.equal(isAt(await change(at, { type: "number", seen })), `${at}/champs/surface/modifier`);
  const [one] = await ask<{ id: string; act_id: string }>(
    "select id, act_id from field_conversion where campaign_id = ? and state = 'running'",
    [idIn(at)],
  );
  return { id: one!.id, actId: one!.act_id };
}
const counted = async (at: string) =>
  (
    await ask<{ numbers: number; texts: number; none: number }>(
      `select count(*) filter (where jsonb_typeof("values" -> 'surface') = 'number')::int as numbers,
         count(*) filter (where jsonb_typeof("values" -> 'surface') = 'string')::int as texts,
         count(*) filter (where "values" -> 'surface' is null)::int as none from operation where campaign_id = ?`,
      [idIn(at)],
    )
  )[0]!;
const sound = async (by: Browser, at: string) => {
  const answer = await by.get(at);
  assert.equal(answer.status, 200);
  assert.deepEqual(judgePage(answer.text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(answer.text)), []);
  return plain(answer);
};

test("FLD-6 : au-delà de 500 valeurs, une tâche les relit par parties d’un seul acte, que l’on suit et qui s’annule une fois finie", async () => {
  const at = await surfaces(4_500);
  const field = `${at}/champs/surface/modifier`;
  const { id, actId } = await toNumber(at);
  assert.match(await sound(sophie, field), /Changement de type en cours\. Valeurs relues , 0 sur 4\s500/);
  assert.deepEqual(await counted(at), { numbers: 0, texts: 4_500, none: 0 }, "la page n’a attendu aucune ligne");
  await sophie.get(`/actes/${actId}/annulation`);
  const early = await sophie.post(`/actes/${actId}/annulation`);
  assert.equal(early.status, 409);
  assert.match(early.text, /n’est pas fini/);

  await world.sealer.sealAll();
  const stream = await openStream(world.origin, sophie.cookie, "lots");
  await runConversion(services, { tenantId, id });
  await world.sealer.sealAll();
  assert.deepEqual((await stream.next()).topics, ["lots"]);
  stream.close();
  assert.deepEqual(await counted(at), { numbers: 4_050, texts: 0, none: 450 });
  assert.match(plain(await sophie.get(field, { part: true })), /Changement de type terminé/);
  assert.match(await sound(sophie, field), /450 valeurs, changement de type du/);
  const [{ n }] = (await ask<{ n: number }>("select count(*)::int as n from changeset where act_id = ?", [actId])) as [
    { n: number },
  ];
  assert.ok(n >= 4, "une partie par transaction");
  await runConversion(services, { tenantId, id });
  assert.equal(
    (await ask("select id from operation where campaign_id = ? and version <> 2", [idIn(at)])).length,
    0,
    "chaque ligne une seule fois",
  );

  await sophie.get(`/actes/${actId}/annulation`);
  isAt(await sophie.post(`/actes/${actId}/annulation`));
  assert.deepEqual(await counted(at), { numbers: 0, texts: 4_500, none: 0 });
  const [{ type }] = (await ask<{ type: string }>(
    "select type from campaign_field where campaign_id = ? and code = 'surface'",
    [idIn(at)],
  )) as [{ type: string }];
  assert.equal(type, "short_text");
});

test("FLD-6, SEG-2, OPS-6 : par parties aussi, chaque opération suit son segment, et se cherche comme on la lit", async () => {
  const at = await surfaces(1_200);
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
    await em.execute("update campaign set segment_field = 'surface' where id = ?", [idIn(at)]);
    await em.execute(
      `insert into segment (tenant_id, id, campaign_id, name, position, "values")
       select ?, uuidv7(), ?, 'Surface ' || n, n, array[n::text, n * 10 || ' environ'] from generate_series(1, 9) n`,
      [tenantId, idIn(at)],
    );
    await em.execute(
      `update operation o set segment_id = s.id from segment s where o.campaign_id = ? and s.campaign_id = o.campaign_id
         and o."values" ->> 'surface' = any (s."values")`,
      [idIn(at)],
    );
  });
  const placed = async () =>
    (
      await ask<{ told: string }>(
        `select o.title || ' ' || s.name as told from operation o join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
         where o.campaign_id = ? order by 1`,
        [idIn(at)],
      )
    ).map(({ told }) => told);
  const before = await placed();
  assert.equal(before.length, 18);
  const asked = await change(at, { type: "number", unit: "m²" });
  const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
  isAt(await change(at, { type: "number", unit: "m²", seen }));
  const [one] = await ask<{ id: string }>(
    "select id from field_conversion where campaign_id = ? and state = 'running'",
    [idIn(at)],
  );
  await runConversion(services, { tenantId, id: one!.id });
  assert.deepEqual(
    await placed(),
    before.filter((told) => !/0 Surface/.test(told)),
  );
  const [{ search }] = (await ask<{ search: string }>(
    "select search from operation where campaign_id = ? and title = 'PC-00007'",
    [idIn(at)],
  )) as [{ search: string }];
  assert.equal(search, "pc-00007 pc-00007 7 m2");
});

test("FLD-6 : reprise où elle s’était arrêtée ; une valeur écrite entre-temps est déjà du nouveau type et n’est pas relue", async () => {
  const at = await surfaces(2_500);
  const { id } = await toNumber(at);
  const one = await addOperation(sophie, at, { c_cible: "PC-neuf", c_surface: "12,5" });
  const [kept] = await ask<{ id: string }>("select id from operation where campaign_id = ? and title = 'PC-00010'", [
    idIn(at),
  ]);
  // As an import would, under the new type.
  await act((em) =>
    em.execute(`update operation set "values" = "values" || '{"surface": 10.5}', version = version + 1 where id = ?`, [
      kept!.id,
    ]),
  );
  // The first part, then its process dies.
  let parts = 0;
  const dying = {
    ...services,
    db: new Proxy(services.db, {
      get(db, name) {
        if (name === "patiently")
          return () => ({
            act: (...of: unknown[]) =>
              parts++ ? Promise.reject(new Error("tué")) : db.patiently().act(...(of as [never, never])),
          });
        const value = Reflect.get(db, name);
        return typeof value === "function" ? value.bind(db) : value;
      },
    }),
  };
  await assert.rejects(runConversion(dying as never, { tenantId, id }), /tué/);
  assert.ok((await counted(at)).texts > 0);
  await runConversion(services, { tenantId, id });
  assert.deepEqual(await counted(at), { numbers: 2_252, texts: 0, none: 249 });
  const held = await ask<{ surface: number }>(
    `select ("values" -> 'surface')::float as surface from operation where id in (?, ?) order by 1`,
    [kept!.id, idIn(one)],
  );
  assert.deepEqual(
    held.map(({ surface }) => surface),
    [10.5, 12.5],
  );
});

test("FLD-6 : pendant qu’un type change, ce qui mêlerait deux types attend : fiche, remplissage, autre type, segments", async () => {
  const at = await surfaces(600);
  const [one] = await ask<{ id: string }>("select id from operation where campaign_id = ? order by title limit 1", [
    idIn(at),
  ]);
  const card = `/operations/${one!.id}`;
  const opened = /name="version" value="(\d+)"/.exec((await sophie.get(`${card}/modifier`)).text)![1]!;
  const asked = await change(at, { type: "number" });
  const seen = /name="seen" value="([^"]+)"/.exec(asked.text)![1]!;
  const stale = await sophie.get(`${at}/segments/resynchronisation?champ=surface`);
  assert.equal(stale.status, 200);
  isAt(await change(at, { type: "number", seen }));
  const refused = await sophie.post(`${card}/modifier`, { c_cible: "PC-1", c_surface: "3", version: opened });
  assert.equal(refused.status, 409);
  assert.match(plain(refused), /Surface[\s\S]*en train de changer de type/);
  // Everything else goes on.
  await sophie.get(card);
  isAt(await sophie.post(`${card}/date`, { plannedOn: "2026-12-03" }));
  const [running] = await ask<{ id: string }>("select id from field_conversion where campaign_id = ?", [idIn(at)]);
  await runConversion(services, { tenantId, id: running!.id });
  const version = /name="version" value="(\d+)"/.exec((await sophie.get(`${card}/modifier`)).text)![1]!;
  isAt(await sophie.post(`${card}/modifier`, { c_cible: "PC-1", c_surface: "3", version }));
});

test("FLD-6 : un import ouvert sous un type de champ s’arrête quand il a changé, et lui seul", async () => {
  const at = await surfaces(3);
  const about = {
    tenantId,
    scopeId: idIn(at),
    author: { id: sophie.id },
    importId: randomUUID(),
    now: world.clock.now(),
  };
  const columns = [{ code: "cible" }, { code: "surface" }];
  const open = await world.db.read(tenantId, (em) =>
    operationImports.open(em, about, { columns: columns as never, key: ["cible"] }),
  );
  const beside = await world.db.read(tenantId, (em) =>
    operationImports.open(em, about, { columns: [columns[0]!, null] as never, key: ["cible"] }),
  );
  await world.db.note(tenantId, (em) => open.hold!(em));
  const asked = await change(at, { type: "number" });
  const seen = /name="seen" value="([^"]+)"/.exec(asked.text)?.[1];
  assert.equal((await change(at, { type: "number", ...(seen && { seen }) })).status, 303);
  await assert.rejects(
    world.db.note(tenantId, (em) => open.hold!(em)),
    /«\u00a0Surface\u00a0» a changé pendant cet import/,
  );
  await world.db.note(tenantId, (em) => beside.hold!(em));
});

test("CAM-8, FLD-6 : une campagne ne s’archive pas tant qu’un de ses champs change de type, ni par une annulation", async () => {
  const at = await surfaces(600);
  const archive = async (to: "archivage" | "restauration") => {
    await sophie.get(`${at}/archivage`);
    return sophie.post(`${at}/${to}`, { reason: "Fin de vague" });
  };
  isAt(await archive("archivage"));
  isAt(await archive("restauration"));
  const [restored] = await ask<{ id: string }>(
    "select id from act where code = 'campaign.restored' and subject_id = ? order by id desc limit 1",
    [idIn(at)],
  );
  const { id } = await toNumber(at);
  const refused = await archive("archivage");
  assert.equal(refused.status, 409);
  assert.match(plain(refused), /Surface[\s\S]*en train de changer de type/);
  assert.match(
    plain(await sophie.get(`/actes/${restored!.id}/annulation`)),
    /Un champ est en train de changer de type/,
  );
  await runConversion(services, { tenantId, id });
  isAt(await archive("archivage"));
  assert.deepEqual(await counted(at), { numbers: 540, texts: 0, none: 60 });
});
