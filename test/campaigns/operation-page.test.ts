import assert from "node:assert/strict";
import { test } from "node:test";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

/** The page of one operation: what it says, and its forms sent from a page that somebody has outdated. */

const world = await startWorld();
const [sophie, denis] = (await Promise.all(["sophie", "denis"].map((who) => world.as(who)))) as [Browser, Browser];
const [karim, yann] = [(await world.userOf("karim")).id, (await world.userOf("yann")).id];

const at = await makeCampaign(sophie);
await sophie.get(`${at}/segments`);
for (const name of ["Nord", "Sud"]) isAt(await sophie.post(`${at}/segments`, { name }));
const [segments] = [(await sophie.get(`${at}/operations/nouvelle`)).text];
const segment = (name: string) => new RegExp(`<option value="([0-9a-f-]{36})"[^>]*>${name}`).exec(segments)![1]!;

let made = 0;
const add = (fields: Record<string, string> = {}) => addOperation(sophie, at, { c_cible: `PC-${++made}`, ...fields });

/** The version a form of this page carries: the one for this address. */
const versionFor = (text: string, action: string) =>
  /name="version" value="(\d+)"/.exec(text.split(`action="${action}"`)[1]?.split("</form>")[0] ?? "")?.[1];
/** What is typed from a page drawn now, to be sent later. */
async function drawn(by: Browser, one: string, to: string, page = one) {
  const { text } = await by.get(page);
  const version = versionFor(text, `${one}/${to}`);
  assert.ok(version, `le formulaire de /${to} dit de quelle version il part`);
  return (fields: Record<string, string>) => by.post(`${one}/${to}`, { version, ...fields });
}

const present = (text: string) => plain({ text: /id="actuelles"[\s\S]+?<\/section>/.exec(text)?.[0] ?? "" });

for (const [to, first, second, told, typed] of [
  ["affectation", { technician: karim }, { technician: yann }, /Technicien Karim/, `value="${yann}" selected`],
  [
    "date",
    { plannedOn: "2026-12-03", plannedHour: "10:00" },
    { plannedOn: "2026-12-04", plannedHour: "11:00" },
    /Planifiée le .*3 décembre 2026.*10:00/,
    'value="2026-12-04"',
  ],
  [
    "segment",
    { segment: segment("Nord") },
    { segment: segment("Sud") },
    /Segment Nord/,
    `value="${segment("Sud")}" selected`,
  ],
] as [string, Record<string, string>, Record<string, string>, RegExp, string][]) {
  test(`GEN-8 : /${to} envoyé de deux pages ; la seconde lit les deux valeurs, n’écrase rien, puis passe si l’on insiste`, async () => {
    const one = await add();
    const [sophies, deniss] = [await drawn(sophie, one, to), await drawn(denis, one, to)];
    isAt(await sophies(first));
    const late = await deniss(second);
    assert.equal(late.status, 409);
    assert.match(plain(late), /Sophie \S+ a modifié ces données/);
    assert.match(present(late.text), told);
    assert.ok(late.text.includes(typed), "ce qui était choisi l’est encore");
    const version = versionFor(late.text, `${one}/${to}`)!;
    isAt(await denis.post(`${one}/${to}`, { ...second, version }));
  });
}

test("GEN-8 : une date mal écrite, corrigée ensuite, ne fait pas oublier que la page était dépassée", async () => {
  const one = await add();
  const plan = await drawn(denis, one, "date");
  isAt(await (await drawn(sophie, one, "date"))({ plannedOn: "2026-12-03" }));
  const wrong = await plan({ plannedOn: "2026-02-31" });
  assert.equal(wrong.status, 422);
  const version = versionFor(wrong.text, `${one}/date`)!;
  const late = await denis.post(`${one}/date`, { plannedOn: "2026-12-04", plannedHour: "", version });
  assert.equal(late.status, 409);
  assert.match(present(late.text), /3 décembre 2026/);
});

test("GEN-8 : un statut demandé d’une page dépassée n’est pas changé ; la page dit ce qui l’a été, et un clic suffit pour insister", async () => {
  const one = await add();
  const start = await drawn(denis, one, "statut");
  isAt(await (await drawn(sophie, one, "affectation"))({ technician: karim }));
  const late = await start({ to: "in_progress", kind: "start" });
  assert.equal(late.status, 409);
  assert.match(present(late.text), /Statut À planifier.*Technicien Karim/);
  const version = versionFor(late.text, `${one}/statut`)!;
  isAt(await denis.post(`${one}/statut`, { to: "in_progress", kind: "start", version }));
});

test("GEN-8 : ce qui n’est plus possible depuis le statut d’à présent se dit, sans rien proposer d’autre à la place", async () => {
  const one = await add();
  const start = await drawn(denis, one, "statut");
  isAt(await (await drawn(sophie, one, "statut"))({ to: "in_progress", kind: "start" }));
  const late = await start({ to: "in_progress", kind: "start" });
  assert.equal(late.status, 409);
  assert.match(
    plain(late),
    /Sophie \S+ a changé cette opération avant vous\s: ce que vous demandiez n’est plus possible/,
  );
  assert.match(present(late.text), /Statut En cours/);
  assert.doesNotMatch(late.text, /name="to"/);
});

test("GEN-8 : un motif écrit sur une page dépassée se garde et s’envoie de nouveau", async () => {
  const one = await add();
  const asked = `${one}/statut?vers=cancelled&par=cancel`;
  const cancel = await drawn(denis, one, "statut", asked);
  isAt(await (await drawn(sophie, one, "date"))({ plannedOn: "2026-12-03" }));
  const late = await cancel({ to: "cancelled", kind: "cancel", reason: "Poste volé" });
  assert.equal(late.status, 409);
  assert.match(late.text, /Poste volé/);
  assert.match(present(late.text), /Planifiée le .*3 décembre 2026/);
});

test("GEN-8 : la mise à la corbeille et le retour au champ de segment partent aussi de ce que la page disait", async () => {
  const one = await add();
  isAt(await (await drawn(sophie, one, "segment"))({ segment: segment("Nord") }));
  const acts = [await drawn(denis, one, "corbeille"), await drawn(denis, one, "segment/suivi")];
  isAt(await (await drawn(sophie, one, "statut"))({ to: "in_progress", kind: "start" }));
  for (const act of acts) {
    const late = await act({});
    assert.equal(late.status, 409);
    assert.match(plain(late), /Sophie \S+ a modifié ces données/);
    assert.notEqual(present(late.text), "");
  }
  isAt(await denis.post(`${one}/corbeille`));
});

test("IMP-24 : une opération absente du dernier fichier porte sa marque dans la liste, sur sa carte et sa fiche, et se filtre", async () => {
  const of = await makeCampaign(sophie);
  const [kept, gone] = [
    await addOperation(sophie, of, { c_cible: "PC-1" }),
    await addOperation(sophie, of, { c_cible: "PC-2" }),
  ];
  const said = {
    tenantId: sophie.tenantId,
    actorId: sophie.id,
    channel: "page",
    code: "essai",
    label: "Essai",
  } as const;
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute("update operation set is_missing = true where id = ?", [idIn(gone)]),
  );
  const list = `${of}/operations`;
  for (const form of ["", "?forme=cartes"]) {
    const words = plain(await sophie.get(`${list}${form}`));
    assert.equal(words.match(/Absente du fichier/g)!.length, 1, form);
    assert.match(words, /PC-2 Absente du fichier/);
  }
  assert.match(plain(await sophie.get(gone)), /Absente du fichier/);
  assert.doesNotMatch(plain(await sophie.get(kept)), /Absente du fichier/);
  const filtered = plain(await sophie.get(`${list}?fichier=absentes`));
  assert.match(filtered, /1 résultat \(sur 2\)/);
  assert.match(filtered, /Retirer le filtre Absente du fichier/);
  assert.match((await sophie.get(`${list}/filtres?fichier=absentes`)).text, /value="absentes" selected/);
  const { text } = await sophie.post(`/exports/operations/${idIn(of)}/nouveau`, { liste: "", colonnes: "toutes" });
  const [heads, ...rows] = text
    .trim()
    .split("\r\n")
    .map((line) => line.split(";"));
  const at = heads!.indexOf("Absente du fichier");
  assert.deepEqual(rows.map((cells) => cells[at]).toSorted(), ["Non", "Oui"]);
});

test("OPS-1, OPS-17 : places, temps passé et notes se lisent sur la fiche, dans la liste qui les demande et son export, et les places se changent", async () => {
  const of = await makeCampaign(sophie);
  const one = await addOperation(sophie, of, { c_cible: "PC-1", notes: "Badge à l’accueil", capacity: "12" });
  assert.match(plain(await sophie.get(one)), /Places 12/);
  const list = `${of}/operations`;
  assert.doesNotMatch((await sophie.get(list)).text, /data-label="Places"/, "masquées d’abord");
  const asked = "colonnes=places%2Ctemps%2Cnotes&tri=places";
  assert.match(
    (await sophie.get(`${list}?${asked}`)).text,
    /data-label="Places" class="num">12<[\s\S]+data-label="Temps passé" class="num">—<[\s\S]+data-label="Notes">Badge à l’accueil</,
  );
  const { text } = await sophie.post(`/exports/operations/${idIn(of)}/nouveau`, { liste: asked });
  assert.match(text, /Cible;Places;Minutes passées;Notes\r\nPC-1;12;;Badge à l’accueil/);
  const edit = await sophie.get(`${one}/modifier`);
  const sent = { c_cible: "PC-1", notes: "", version: versionFor(edit.text, `${one}/modifier`)! };
  for (const capacity of ["0", "1,5", ""]) {
    const refused = await sophie.post(`${one}/modifier`, { ...sent, capacity });
    assert.equal(refused.status, 422, capacity);
    assert.match(refused.text, /id="field-capacity-problem"/);
  }
  isAt(await sophie.post(`${one}/modifier`, { ...sent, capacity: "3" }));
  assert.match(plain(await sophie.get(one)), /Places 3/);
  for (const by of ["places", "temps", "notes"]) {
    assert.equal((await sophie.get(`${list}?colonnes=${by}&tri=${by}&sens=decroissant`)).status, 200, by);
  }
});

test("OPS-17 : la fiche montre les cinq derniers actes, le dernier d’abord, et mène à tout l’historique", async () => {
  const one = await add({ technician: karim });
  for (const day of ["03", "04", "05", "06", "07"])
    isAt(await sophie.post(`${one}/date`, { plannedOn: `2026-12-${day}` }));
  isAt(await denis.post(`${one}/statut`, { to: "blocked", kind: "flag_problem", reason: "Pas de prise" }));
  const latest = (text: string) => /id="derniers"[\s\S]+?<\/section>/.exec(text)![0];
  const { text } = await denis.get(one);
  const words = plain({ text: latest(text) });
  assert.equal(latest(text).match(/<li>/g)!.length, 5);
  assert.match(words, /Denis .*Bloquée.*motif\s: Pas de prise.*Sophie .*Date de l’opération/);
  assert.match(latest(text), new RegExp(`href="/historique/operation/${idIn(one)}"`));
  assert.match(latest(text), /href="\/admin\/historique\//, "qui lit tout l’historique ouvre chaque acte");
  assert.doesNotMatch(latest((await sophie.get(one)).text), /href="\/admin\/historique\//);
});

test("CAM-21 : ajouter une cible d’une autre campagne vivante que l’on voit prévient et y mène, sans refuser", async () => {
  const [here, there, hidden] = [await makeCampaign(sophie), await makeCampaign(sophie), await makeCampaign(denis)];
  const known = await addOperation(sophie, there, { c_cible: "Serveur Été" });
  await addOperation(denis, hidden, { c_cible: "Serveur été" });
  const name = /<h1>([^<]+?)\s*</.exec((await sophie.get(there)).text)![1]!;
  await sophie.get(`${here}/operations/nouvelle`);
  const one = isAt(await sophie.post(`${here}/operations/nouvelle`, { c_cible: "SERVEUR ETE" }));
  const { text } = await sophie.get(one);
  assert.match(
    text,
    new RegExp(`tone-warning[\\s\\S]+?est ajoutée\\. Elle porte le nom d’une opération de «\u00a0${name}\u00a0»\\.`),
  );
  assert.match(text, new RegExp(`La même cible[\\s\\S]+?href="${known}"`));
  assert.doesNotMatch(text, new RegExp(idIn(hidden)), "une campagne que l’on ne voit pas ne se dit pas");
  await sophie.get(`${there}/archivage`);
  isAt(await sophie.post(`${there}/archivage`, { reason: "Finie" }));
  assert.doesNotMatch((await sophie.get(one)).text, /La même cible/);
});
