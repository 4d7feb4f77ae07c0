import assert from "node:assert/strict";
import { test } from "node:test";
import { addField, addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, claire, karim] = (await Promise.all(
  ["denis", "sophie", "claire", "karim"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];
const { tenantId } = sophie;
const DAYS = { startsOn: "2027-03-01", endsOn: "2027-06-30" };
const rows = <T>(text: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(text, values));
const versionAt = async (by: Browser, at: string) => /name="version" value="(\d+)"/.exec((await by.get(at)).text)![1]!;

async function clone(by: Browser, at: string, fields: Record<string, string> = {}): Promise<string> {
  const { text } = await by.get(`${at}/copie`);
  const name = /name="name"[^>]* value="([^"]+)"/.exec(text)![1]!;
  return isAt(await by.post(`${at}/copie`, { name, ...DAYS, ...fields }));
}
const settings = (at: string) =>
  rows(
    `select operation_type_id, type_taken, type_refused, workflow, zone, holiday_zone, closed_days, default_hour, duration_minutes,
       is_time_tracked, problem_reasons, title_field, subtitle_fields, segment_field from campaign where id = ?`,
    [idIn(at)],
  );
const fields = (at: string) =>
  rows(
    `select code, label, help, type, rules, is_mandatory, is_unique, is_personal, is_listed, is_for_technicians,
       is_technician_editable, is_searchable from campaign_field where campaign_id = ? and removed_at is null order by position`,
    [idIn(at)],
  );
const segments = (at: string) =>
  rows(`select name, tone, position, "values" from segment where campaign_id = ? order by position`, [idIn(at)]);

/** A campaign with something of each kind a copy takes, and of each it leaves. */
async function whole(by: Browser, name: string): Promise<string> {
  await denis.get("/admin/types-operations/nouveau");
  const type = isAt(
    await denis.post("/admin/types-operations/nouveau", {
      icon: "wrench",
      description: "Pour essayer",
      preset: "standard",
      tone: "primary",
      durationMinutes: "45",
      name: `Type de ${name}`,
    }),
  );
  const at = await makeCampaign(by, { name, description: "Tous les postes du siège.", type: idIn(type) });
  await addField(by, at, "Bâtiment");
  await addField(by, at, "Numéro", { switches: ["isListed", "isSearchable", "isUnique"] });
  await addOperation(by, at, { c_cible: "PC-1", c_numero: "1", c_batiment: "Aile A" });
  await addOperation(by, at, { c_cible: "PC-2", c_numero: "2", c_batiment: "Aile B" });
  const { text } = await by.get(`${at}/segments/resynchronisation?champ=batiment`);
  const seen = /name="seen" value="([^"]*)"/.exec(text)![1]!;
  isAt(await by.post(`${at}/segments/resynchronisation`, { field: "batiment", seen }));
  const calendar = {
    defaultHour: "10:30",
    closedDays: "24/12/2026",
    zone: "Indian/Reunion",
    holidayZone: "",
    durationMinutes: "45",
  };
  isAt(await by.post(`${at}/calendrier`, { ...calendar, version: await versionAt(by, `${at}/reglages`) }));
  isAt(
    await by.post(`${at}/suivi`, {
      isTimeTracked: "oui",
      problemReasons: "Prise absente",
      version: await versionAt(by, `${at}/reglages`),
    }),
  );
  isAt(await by.post(`${at}/acces`, { grantee: `u.${karim.id}`, letters: ["see"] }));
  const place = (
    await rows<{ id: string }>("select id from segment where campaign_id = ? and name = 'Aile B'", [idIn(at)])
  )[0]!.id;
  for (const [label, segment, dueOn] of [
    ["Serveur prêt", "", "2026-10-30"],
    ["Clés de l’aile B", place, ""],
  ] as const) {
    await by.get(`${at}/prerequis/nouveau`);
    isAt(
      await by.post(`${at}/prerequis/nouveau`, {
        label,
        segment,
        dueOn,
        responsibleName: "Le gardien",
        responsible: "",
      }),
    );
  }
  await world.db.act(
    { tenantId, actorId: by.id, channel: "page", code: "test.done", label: "Essai", now: world.clock.now() },
    (em) => em.execute("update prerequisite set status = 'done' where campaign_id = ?", [idIn(at)]),
  );
  return at;
}

const prerequisites = (at: string) =>
  rows<{ label: string; status: string; due_on: string | null; place: string | null }>(
    `select p.label, p.status, p.due_on::text, s.name as place from prerequisite p left join segment s on s.id = p.segment_id
     where p.campaign_id = ? order by p.label`,
    [idIn(at)],
  );

test("CAM-19 : une copie reprend type, champs, flux, segments et réglages ; ni opération, ni personne, ni habilitation", async () => {
  const at = await whole(sophie, "Postes 2026");
  isAt(
    await sophie.post(`${at}/visibilite`, { visibility: "public", version: await versionAt(sophie, `${at}/acces`) }),
  );
  const page = await claire.get(`${at}/copie`);
  assert.match(page.text, /name="name"[^>]* value="Postes 2026 \(copie\)"/);
  assert.match(page.text, /name="description"[^>]*>\s*Tous les postes du siège/);
  assert.match(page.text, /name="startsOn"[^>]* value=""/, "les jours sont demandés");
  const copy = await clone(claire, at, { description: "Tous les postes du siège." });

  assert.deepEqual(await settings(copy), await settings(at));
  assert.deepEqual(await fields(copy), await fields(at));
  assert.equal((await segments(at)).length, 2);
  assert.deepEqual(await segments(copy), await segments(at));
  assert.deepEqual(await prerequisites(copy), [
    { label: "Clés de l’aile B", status: "todo", due_on: null, place: "Aile B" },
    { label: "Serveur prêt", status: "todo", due_on: "2027-02-26", place: null },
  ]);
  const [{ owner_id, state, visibility, starts_on, description }] = (await rows<Record<string, string>>(
    "select owner_id, state, visibility, starts_on::text, description from campaign where id = ?",
    [idIn(copy)],
  )) as [Record<string, string>];
  assert.deepEqual(
    [owner_id, state, visibility, starts_on, description],
    [claire.id, "draft", "restricted", "2027-03-01", "Tous les postes du siège."],
  );
  for (const table of ["operation", "eligible_person", "campaign_grant", "saved_view"]) {
    const [{ n }] = (await rows(`select count(*)::int as n from ${table} where campaign_id = ?`, [idIn(copy)])) as [
      { n: number },
    ];
    assert.equal(n, 0, table);
  }
  assert.equal((await sophie.get(copy)).status, 404, "celle de Claire, restreinte");
  // Each lives its own life from then on.
  isAt(
    await addOperation(claire, copy, { c_cible: "PC-1", c_numero: "1", c_batiment: "Aile A" }).then(async () =>
      claire.post(`${copy}/champs`, { label: "Étage", type: "short_text", switches: [] }),
    ),
  );
  assert.equal((await fields(at)).length + 1, (await fields(copy)).length);
});

test("CAM-19, PRE-1 : un prérequis dont le responsable n’a plus de compte attend quelqu’un, et l’avis le dit", async () => {
  const at = await makeCampaign(sophie, { name: "Responsables partis" });
  const yann = await world.userOf("yann");
  for (const [label, responsible] of [
    ["Clés rendues", yann.id],
    ["Badges prêts", karim.id],
  ] as const) {
    // biome-ignore format: short
    await sophie.get(`${at}/prerequis/nouveau`);
    const said = { label, segment: "", dueOn: "", responsible, responsibleName: "" };
    isAt(await sophie.post(`${at}/prerequis/nouveau`, said));
  }
  await denis.get(`/admin/utilisateurs/${yann.id}/desactivation`);
  isAt(await denis.post(`/admin/utilisateurs/${yann.id}/desactivation`, { reason: "Départ" }));
  const copy = await clone(sophie, at);
  assert.match(plain(await sophie.get(copy)), /La copie est prête.*1 prérequis attend un responsable/);
  assert.deepEqual(
    await rows(
      "select label, responsible_id, responsible_name from prerequisite where campaign_id = ? order by label",
      [idIn(copy)],
    ),
    [
      { label: "Badges prêts", responsible_id: karim.id, responsible_name: null },
      { label: "Clés rendues", responsible_id: null, responsible_name: "À désigner" },
    ],
  );
});

test("CAM-19, TYP-3 : une copie garde un type retiré depuis ; la page le dit avant, et l’étape 1 permet d’en changer", async () => {
  const at = await whole(sophie, "Type retiré");
  const [{ type }] = (await rows<{ type: string }>("select operation_type_id as type from campaign where id = ?", [
    idIn(at),
  ])) as [{ type: string }];
  assert.doesNotMatch(plain(await sophie.get(`${at}/copie`)), /est retiré/);
  await denis.get(`/admin/types-operations/${type}`);
  isAt(await denis.post(`/admin/types-operations/${type}/retrait`));
  assert.match(plain(await sophie.get(`${at}/copie`)), /Le type « Type de Type retiré » est retiré La copie le garde/);
  const copy = await clone(sophie, at);
  assert.deepEqual(await settings(copy), await settings(at));
  const { text } = await sophie.get(`${copy}/informations`);
  assert.match(text, new RegExp(`<option value="${type}" selected>`));
});

test("CAM-19, CAM-2 : le nom proposé est libre, et celui qu’une autre porte est refusé avec ce qui a été saisi", async () => {
  const at = await makeCampaign(sophie, { name: "Badges 2026" });
  await clone(sophie, at);
  assert.match((await sophie.get(`${at}/copie`)).text, /value="Badges 2026 \(copie 2\)"/);
  const refused = await sophie.post(`${at}/copie`, { name: "badges 2026 (COPIE)", ...DAYS });
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /Une campagne s’appelle déjà/);
  assert.match(refused.text, /value="2027-03-01"/);
  const long = await makeCampaign(sophie, { name: "É".repeat(255) });
  const { text } = await sophie.get(`${long}/copie`);
  const proposed = /name="name"[^>]* value="([^"]+)"/.exec(text)![1]!;
  assert.equal(proposed, `${"É".repeat(247)} (copie)`);
  await clone(sophie, long);
});

test("CAM-19, PRM-2, PRM-5 : copie qui voit la campagne et peut en créer ; une archivée se copie", async () => {
  const at = await makeCampaign(sophie, { name: "À copier ou non" });
  assert.equal((await claire.get(`${at}/copie`)).status, 404, "ne la voit pas");
  await sophie.get(`${at}/acces`);
  for (const { id } of [karim, claire])
    isAt(await sophie.post(`${at}/acces`, { grantee: `u.${id}`, letters: ["see"] }));
  assert.equal((await karim.get(`${at}/copie`)).status, 403, "voit, et ne crée pas de campagne");
  assert.doesNotMatch((await karim.get(at)).text, /Dupliquer/);
  assert.match((await claire.get(at)).text, /Dupliquer/);
  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Terminée" }));
  const copy = await clone(claire, at);
  assert.match((await claire.get(copy)).text, /Préparation/);
});

test("CAM-19, HIS-12 : une copie est un seul acte, et s’annule d’un bloc ; l’annulation aussi", async () => {
  const at = await whole(sophie, "Une seule fois");
  const copy = await clone(sophie, at);
  const [act] = await rows<{ id: string; n: number }>(
    "select a.id, (select count(*)::int from changeset c where c.act_id = a.id) as n from act a where a.code = 'campaign.cloned' order by a.id desc limit 1",
  );
  assert.equal(act!.n, 1);
  await sophie.get(`/actes/${act!.id}/annulation`);
  const undone = await sophie.post(`/actes/${act!.id}/annulation`, {});
  assert.equal(undone.status, 303, plain(undone).slice(0, 1_500));
  assert.equal((await sophie.get(copy)).status, 404);
  const [undo] = await rows<{ id: string }>("select id from act where undoes_id = ?", [act!.id]);
  await sophie.get(`/actes/${undo!.id}/annulation`);
  const again = await sophie.post(`/actes/${undo!.id}/annulation`, {});
  assert.equal(again.status, 303, plain(again).slice(0, 1_500));
  assert.deepEqual(await fields(copy), await fields(at));
  assert.deepEqual(await segments(copy), await segments(at));
});
