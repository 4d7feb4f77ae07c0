/** What must be ready before a campaign or one of its segments begins. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/index.ts";
import { blockingPrerequisites } from "../../src/campaigns/queries/prerequisites.ts";
import { listSegments } from "../../src/campaigns/queries/segments.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const DAY_MS = 86_400_000;

const rows = <T>(query: string, values: unknown[]): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute(query, values as never)) as Promise<T[]>;

interface Row {
  id: string;
  label: string;
  status: string;
  segment: string | null;
  responsible: string;
  due: string | null;
  blocking: boolean;
  version: number;
}
const listOf = (at: string) =>
  rows<Row>(
    `select p.id, p.label, p.status, s.name as segment, coalesce(u.given_name, p.responsible_name) as responsible, p.due_on::text as due,
       p.is_blocking as blocking, p.version
     from prerequisite p left join segment s on s.id = p.segment_id left join app_user u on u.id = p.responsible_id
     where p.campaign_id = ? order by s.position nulls first, p.position, p.id`,
    [idIn(at)],
  );
const labelsOf = async (at: string) => (await listOf(at)).map(({ label }) => label);

const draft = (label: string, more: Record<string, string> = {}) => ({ label, responsibleName: "Achats", ...more });
async function need(at: string, label: string, more: Record<string, string> = {}, by: Browser = sophie): Promise<Row> {
  await by.get(`${at}/prerequis/nouveau`);
  isAt(await by.post(`${at}/prerequis/nouveau`, draft(label, more)));
  return (await listOf(at)).find((one) => one.label === label.trim())!;
}
async function segment(at: string, name: string): Promise<string> {
  await sophie.get(`${at}/segments`);
  isAt(await sophie.post(`${at}/segments`, { name }));
  const all = await world.db.read(tenantId, (em) => listSegments(em, idIn(at)));
  return all.find((one) => one.name === name)!.id;
}
const send = (at: string, one: Row, to: string, fields: Record<string, string> = {}, by: Browser = sophie) =>
  by.post(`${at}/prerequis/${one.id}/${to}`, { version: String(one.version), ...fields });
async function undoLast(code: string): Promise<void> {
  const [act] = await rows<{ id: string }>("select id from act where code = ? order by id desc limit 1", [code]);
  await sophie.get(`/actes/${act!.id}/annulation`);
  isAt(await sophie.post(`/actes/${act!.id}/annulation`, {}));
}
const dayIn = (days: number) => new Date(world.clock.now().getTime() + days * DAY_MS).toISOString().slice(0, 10);
async function sound(address: string, by: Browser = sophie): Promise<string> {
  const page = await by.get(address);
  assert.deepEqual([judgePage(page.text).faults, faultsOf(parseHtml(page.text))], [[], []]);
  return plain(page);
}

test("PRE-1 : un prérequis a un libellé, un responsable, une échéance facultative et un statut ; il est de la campagne ou d’un segment", async () => {
  const at = await makeCampaign(sophie);
  assert.match(await sound(`${at}/prerequis`), /Aucun prérequis pour l’instant/);
  await sound(`${at}/prerequis/nouveau`);
  const nord = await segment(at, "Nord");
  await need(at, "  Badges   commandés ", { dueOn: "2027-01-15", isBlocking: "oui" });
  const karim = (await world.userOf("karim")).id;
  await need(at, "Salle ouverte", { segment: nord, responsible: karim, responsibleName: "" });
  const seen = (await listOf(at)).map(({ id: _id, version: _version, ...one }) => one);
  assert.deepEqual(seen, [
    {
      ...{ label: "Badges commandés", status: "todo", segment: null, responsible: "Achats" },
      ...{ due: "2027-01-15", blocking: true },
    },
    { label: "Salle ouverte", status: "todo", segment: "Nord", responsible: "Karim", due: null, blocking: false },
  ]);
  await sound(`${at}/prerequis`);
});

test("PRE-1 : libellé de 3 à 255 caractères, un responsable et un seul, une échéance du calendrier ; sinon 422, rien n’est écrit", async () => {
  const at = await makeCampaign(sophie);
  await sophie.get(`${at}/prerequis/nouveau`);
  const karim = (await world.userOf("karim")).id;
  for (const [wrong, why] of [
    [draft("ab"), /au moins 3 caractères/],
    [draft("x".repeat(256)), /255 caractères/],
    [draft("Sans personne", { responsibleName: "" }), /Choisissez un compte, ou écrivez/],
    [draft("Deux fois", { responsible: karim }), /pas les deux/],
    [draft("Trop long", { responsibleName: "x".repeat(101) }), /100 caractères/],
    [draft("Inconnu", { responsibleName: "", responsible: idIn(at) }), /compte est actif/],
    [draft("Autrefois", { dueOn: "0000-01-01" }), /entre 1900 et 2100/],
    [draft("Nulle part", { segment: idIn(at) }), /segment n’existe plus/],
  ] as const) {
    const { status, text } = await sophie.post(`${at}/prerequis/nouveau`, wrong);
    assert.equal(status, 422, wrong.label);
    assert.match(text, why);
  }
  assert.deepEqual(await labelsOf(at), []);
  await need(at, "x".repeat(255));
  await need(at, "abc", { responsibleName: "y".repeat(100) });
});

test("PRE-1 : tout statut mène à tout autre, d’un clic dans la liste ; la version lue compte (GEN-8)", async () => {
  const at = await makeCampaign(sophie);
  await need(at, "Accès ouverts");
  for (const status of ["done", "doing", "todo", "doing", "done", "todo"]) {
    const [one] = await listOf(at);
    isAt(await send(at, one!, "statut", { status }));
    assert.equal((await listOf(at))[0]!.status, status);
  }
  const [one] = await listOf(at);
  const stale = await send(at, { ...one!, version: one!.version - 1 }, "statut", { status: "done" });
  assert.equal(stale.status, 409);
  assert.match(plain(stale), /a modifié ces données/);
  const part = await sophie.post(
    `${at}/prerequis/${one!.id}/statut`,
    { version: String(one!.version), status: "done" },
    { part: true },
  );
  assert.equal(part.status, 200);
  assert.match(part.text, /^\s*<section id="prerequis"/);
  assert.match(plain(part), /1 sur 1 prérequis fait .*100,0 % .* « Accès ouverts » : fait/u);
});

test("PRE-1 : modifié sur une page, monté et descendu par boutons, supprimé ; chaque acte s’annule", async () => {
  const at = await makeCampaign(sophie);
  const sud = await segment(at, "Sud");
  for (const label of ["Un", "Deux", "Trois"].map((word) => `${word} à faire`)) await need(at, label);
  const [, two] = await listOf(at);
  isAt(await send(at, two!, "deplacement", { way: "up" }));
  assert.deepEqual(await labelsOf(at), ["Deux à faire", "Un à faire", "Trois à faire"]);
  const [first] = await listOf(at);
  assert.equal((await send(at, first!, "deplacement", { way: "up" })).status, 422, "au bout de la liste");

  assert.match(await sound(`${at}/prerequis/${first!.id}/modifier`), /Supprimer ce prérequis/);
  const wanted = { ...draft("Deux faits"), segment: sud, dueOn: "2027-02-01", status: "doing" };
  isAt(await send(at, first!, "modifier", wanted));
  assert.deepEqual(
    (await listOf(at)).map(({ label, segment: of, status }) => [label, of, status]),
    [
      ["Un à faire", null, "todo"],
      ["Trois à faire", null, "todo"],
      ["Deux faits", "Sud", "doing"],
    ],
  );
  assert.equal((await send(at, first!, "modifier", wanted)).status, 409, "une version passée");
  await undoLast("campaign.prerequisite_edited");
  assert.deepEqual(await labelsOf(at), ["Deux à faire", "Un à faire", "Trois à faire"]);

  const [gone] = await listOf(at);
  isAt(await send(at, gone!, "suppression"));
  assert.deepEqual(await labelsOf(at), ["Un à faire", "Trois à faire"]);
  await undoLast("campaign.prerequisite_removed");
  assert.deepEqual(await labelsOf(at), ["Deux à faire", "Un à faire", "Trois à faire"]);
});

test("PRE-2 : en retard du lendemain de l’échéance, au jour de la campagne, tant qu’il n’est pas fait", async () => {
  const at = await makeCampaign(sophie);
  const late = await need(at, "Hier encore", { dueOn: dayIn(-2) });
  await need(at, "Plus tard", { dueOn: dayIn(3) });
  const text = await sound(`${at}/prerequis`);
  assert.equal(text.match(/En retard/g)?.length, 1);
  assert.match(await sound(`${at}/prerequis?voir=en-retard`), /Hier encore(?!.*Plus tard)/);
  isAt(await send(at, late, "statut", { status: "done" }));
  assert.doesNotMatch(await sound(`${at}/prerequis`), /En retard/);
});

test("PRE-2, GEN-3 : aujourd’hui se compte au fuseau de la campagne", async () => {
  const at = await makeCampaign(sophie);
  const local = (zone: string) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(world.clock.now());
  // These two are never on the same day.
  const [ahead, behind] = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
  await need(at, "Au bout du monde", { dueOn: local(behind!) });
  const inZone = async (zone: string) => {
    const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
    await world.db.act({ ...said, now: world.clock.now() }, async (em) => {
      (await em.findOneOrFail(Campaign, { id: idIn(at) })).zone = zone;
    });
    return sound(`${at}/prerequis`);
  };
  assert.doesNotMatch(await inZone(behind!), /En retard/);
  assert.match(await inZone(ahead!), /En retard/);
});

test("PRE-4 : avancement de la campagne et de chaque segment ; 0 % dans un segment se signale", async () => {
  const at = await makeCampaign(sophie);
  const [nord, sud] = [await segment(at, "Nord"), await segment(at, "Sud")];
  await need(at, "Un de tous");
  const done = await need(at, "Un du nord", { segment: nord });
  await need(at, "Deux du nord", { segment: nord });
  await need(at, "Un du sud", { segment: sud });
  isAt(await send(at, done, "statut", { status: "done" }));
  const text = await sound(`${at}/prerequis`);
  assert.match(text, /1 sur 4 prérequis faits 25,0 %/u);
  assert.match(text, /Toute la campagne 0,0 % 0 sur 1.*Nord 50,0 % 1 sur 2.*Sud 0,0 % 0 sur 1/u);
  assert.equal(text.match(/Rien n’est fait/g)?.length, 1, "le segment Sud, pas la campagne");
  assert.match(await sound(`${at}/segments/${sud}`), /0 sur 1 prérequis fait .*Rien n’est fait.*Un du sud/u);
});

test("PRE-5 : supprimer un segment demande ce que deviennent ses prérequis ; annuler les y remet", async () => {
  const at = await makeCampaign(sophie);
  const nord = await segment(at, "Nord");
  await need(at, "De la campagne");
  await need(at, "Du nord", { segment: nord });
  const card = `${at}/segments/${nord}`;
  assert.match(await sound(card), /Que deviennent ses 1 prérequis|Que deviennent ses/);
  const asked = await sophie.post(`${card}/suppression`, {});
  assert.equal(asked.status, 422);
  assert.match(plain(asked), /Dites ce que deviennent les prérequis/);

  isAt(await sophie.post(`${card}/suppression`, { prerequisites: "campaign" }));
  assert.deepEqual(
    (await listOf(at)).map(({ label, segment: of }) => [label, of]),
    [
      ["De la campagne", null],
      ["Du nord", null],
    ],
  );
  await undoLast("campaign.segment_deleted");
  assert.deepEqual((await listOf(at)).at(-1)!.segment, "Nord");

  await sophie.get(card);
  isAt(await sophie.post(`${card}/suppression`, { prerequisites: "nobody" }));
  assert.deepEqual(await labelsOf(at), ["De la campagne"]);
  await undoLast("campaign.segment_deleted");
  assert.deepEqual((await listOf(at)).at(-1)!.segment, "Nord");
});

test("SEG-5 : fondre un segment mène ses prérequis dans l’autre, après les siens ; annuler l’ajout d’un segment qui en a le garde", async () => {
  const at = await makeCampaign(sophie);
  const [nord, sud] = [await segment(at, "Nord"), await segment(at, "Sud")];
  await need(at, "Du nord", { segment: nord });
  await need(at, "Du sud", { segment: sud });
  const [made] = await rows<{ id: string }>(
    "select id from act where code = 'campaign.segment_added' order by id desc limit 1",
    [],
  );
  assert.match(plain(await sophie.get(`/actes/${made!.id}/annulation`)), /prérequis sont dans ce segment/);
  isAt(await sophie.post(`${at}/segments/${sud}/fusion`, { into: nord }));
  assert.deepEqual(
    (await listOf(at)).map(({ label, segment: of }) => [label, of]),
    [
      ["Du nord", "Nord"],
      ["Du sud", "Nord"],
    ],
  );
});

test("PRM-3, UIX-13 : qui voit sans configurer lit la liste et apprend qui la change ; une campagne archivée ne change plus (CAM-8)", async () => {
  const at = await makeCampaign(sophie);
  const one = await need(at, "Salle réservée");
  const helene = await world.as("helene");
  assert.equal((await helene.get(`${at}/prerequis`)).status, 404, "une campagne qu’elle ne voit pas");
  await sophie.get(`${at}/acces`);
  isAt(await sophie.post(`${at}/acces`, { grantee: `u.${(await world.userOf("helene")).id}`, letters: ["see"] }));
  const seen = await sound(`${at}/prerequis`, helene);
  assert.match(seen, /Salle réservée/);
  assert.match(seen, /Vous ne pouvez pas régler cette campagne.*Peuvent le faire/);
  assert.doesNotMatch(seen, /Ajouter un prérequis/);
  assert.equal((await send(at, one, "statut", { status: "done" }, helene)).status, 403);
  assert.equal((await helene.get(`${at}/prerequis/nouveau`)).status, 403);

  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Projet abandonné" }));
  for (const [to, fields] of [
    ["statut", { status: "done" }],
    ["modifier", { ...draft("Autre chose"), status: "todo" }],
    ["deplacement", { way: "down" }],
    ["suppression", {}],
  ] as const) {
    assert.equal((await send(at, one, to, fields)).status, 409, to);
  }
  assert.equal((await sophie.post(`${at}/prerequis/nouveau`, draft("Trop tard"))).status, 409);
});

test("PRE-3 : démarrer une opération du segment d’un prérequis bloquant demande un motif, une à une comme en lot", async () => {
  const at = await makeCampaign(sophie);
  const nord = await segment(at, "Nord");
  const blocking = await need(at, "Courant coupé", { segment: nord, isBlocking: "oui" });
  await need(at, "De toute la campagne", { isBlocking: "oui" });
  const [inside, second, outside] = [
    await addOperation(sophie, at, { c_cible: "PC-1", segment: nord }),
    await addOperation(sophie, at, { c_cible: "PC-2", segment: nord }),
    await addOperation(sophie, at, { c_cible: "PC-3" }),
  ];
  const start = (one: string, reason = "") =>
    sophie.post(`${one}/statut`, { to: "in_progress", kind: "start", reason });
  const refused = await start(inside);
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /prérequis bloquant de son segment reste à faire/);
  assert.match(
    await sound(`${inside}/statut?vers=in_progress&par=start`),
    /Motif \(obligatoire\) Un prérequis bloquant/,
  );
  assert.match((await sophie.get(inside)).text, /statut\?vers=in_progress/, "la page mène à celle qui demande");
  isAt(await start(outside));
  isAt(await start(inside, "Groupe électrogène sur place"));
  const [act] = await rows<{ reason: string }>(
    "select reason from act where code = 'operation.transitioned' order by id desc limit 1",
    [],
  );
  assert.equal(act!.reason, "Groupe électrogène sur place");

  await sophie.get(`${second}/cellules/statut`);
  const [{ version }] = (await rows<{ version: number }>("select version from operation where id = ?", [
    idIn(second),
  ])) as [{ version: number }];
  const cell = { version: String(version), arrow: "in_progress.start", plannedOn: "", plannedHour: "" };
  assert.equal((await sophie.post(`${second}/cellules/statut`, { ...cell, reason: "" })).status, 422);

  await sophie.get(`${at}/operations`);
  const lot = isAt(
    await sophie.post(`${at}/operations/lots`, { action: "step", scope: "ticked", row: [idIn(second)] }),
  );
  await sophie.get(lot);
  const preview = async (reason: string) => {
    isAt(await sophie.post(`${lot}/apercu`, { choice: "start:in_progress", reason }));
    return plain(await sophie.get(lot));
  };
  assert.match(await preview(""), /prérequis bloquant de son segment/);
  assert.doesNotMatch(await preview("Sous surveillance"), /prérequis bloquant de son segment/);

  const held = (of?: { id: string }) =>
    world.db.read(tenantId, (em) => blockingPrerequisites(em, { id: idIn(at) }, of));
  assert.deepEqual(
    (await held()).map(({ label }) => label),
    ["De toute la campagne", "Courant coupé"],
  );
  assert.deepEqual(
    (await held({ id: nord })).map(({ label }) => label),
    ["Courant coupé"],
  );
  isAt(await send(at, blocking, "statut", { status: "done" }));
  assert.deepEqual(await held({ id: nord }), []);
  isAt(await start(second));
});

test("PRE-3 : publier avec un prérequis bloquant à faire demande un motif, que l’historique garde", async () => {
  const at = await makeCampaign(sophie);
  const one = await need(at, "Marché signé", { isBlocking: "oui" });
  assert.match(await sound(`${at}/publication`), /Non prête.*Motif \(obligatoire\).*« Marché signé »/);
  const refused = await sophie.post(`${at}/publication`, { reason: "" });
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /prérequis bloquant reste à faire : donnez un motif/);
  isAt(await sophie.post(`${at}/publication`, { reason: "Signature demain" }));
  const [act] = await rows<{ reason: string }>(
    "select reason from act where code = 'campaign.published' and subject_id = ?",
    [idIn(at)],
  );
  assert.equal(act!.reason, "Signature demain");
  assert.equal((await send(at, one, "statut", { status: "done" })).status, 303);
  const other = await makeCampaign(sophie);
  assert.doesNotMatch(await sound(`${other}/publication`), /Motif/);
  isAt(await sophie.post(`${other}/publication`, {}));
});

test("EXP-1 : les prérequis s’exportent, ceux de la campagne d’abord", async () => {
  const at = await makeCampaign(sophie);
  const nord = await segment(at, "Nord");
  await need(at, "Du nord", { segment: nord, dueOn: "2026-01-05", isBlocking: "oui" });
  await need(at, "De tous");
  await sophie.get(`/exports/prerequis/${idIn(at)}/nouveau`);
  const file = await sophie.post(`/exports/prerequis/${idIn(at)}/nouveau`, {});
  const lines = file.text.split(/\r?\n/).map((line) => line.replace(/^\uFEFF/, ""));
  assert.deepEqual(lines.slice(0, 3), [
    "Segment;Prérequis;Responsable;Échéance;Statut;Bloquant;En retard",
    ";De tous;Achats;;À faire;Non;Non",
    "Nord;Du nord;Achats;05/01/2026;À faire;Oui;Oui",
  ]);
});
