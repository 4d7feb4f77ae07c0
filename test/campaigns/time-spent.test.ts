import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
let [sophie, karim, helene] = (await Promise.all(["sophie", "karim", "helene"].map((who) => world.as(who)))) as [
  Browser,
  Browser,
  Browser,
];
const { tenantId } = sophie;
const karimId = (await world.userOf("karim")).id;

const sound = async (by: Browser, at: string) => {
  const answer = await by.get(at);
  assert.equal(answer.status, 200);
  assert.deepEqual(judgePage(answer.text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(answer.text)), []);
  return plain(answer);
};
async function follow(at: string, fields: Record<string, string>, by = sophie) {
  const version = /name="version" value="(\d+)"/.exec((await by.get(`${at}/reglages`)).text)![1]!;
  return by.post(`${at}/suivi`, { version, ...fields });
}
/** A campaign whose time is tracked and whose operations technicians see. */
async function tracked(fields: Record<string, string> = {}): Promise<string> {
  const at = await makeCampaign(sophie);
  isAt(await follow(at, { isTimeTracked: "oui", ...fields }));
  const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    em.execute("update campaign set state = 'active' where id = ?", [idIn(at)]),
  );
  return at;
}
async function step(by: Browser, at: string, to: string, kind: string, more: Record<string, string> = {}) {
  await by.get(at);
  return by.post(`${at}/statut`, { to, kind, ...more });
}
const stored = async (at: string) =>
  (
    await world.db.read(tenantId, (em) =>
      em.execute<{ minutes: number | null; byTechnician: boolean | null; reason: string | null; status: string }[]>(
        'select minutes, is_completed_by_technician as "byTechnician", reason, status from operation where id = ?',
        [idIn(at)],
      ),
    )
  )[0]!;

test("OPS-23, WFL-8 : par défaut le temps n’est pas demandé ; suivi, terminer le demande en minutes entières, de 1 à 1 440", async () => {
  const at = await makeCampaign(sophie);
  const free = await addOperation(sophie, at, { c_cible: "PC-0" });
  await step(sophie, free, "in_progress", "start");
  isAt(await step(sophie, free, "done", "complete"));
  assert.equal((await stored(free)).minutes, null);
  isAt(await follow(at, { isTimeTracked: "oui" }));
  const one = await addOperation(sophie, at, { c_cible: "PC-1" });
  isAt(await step(sophie, one, "in_progress", "start"));
  assert.match((await sophie.get(one)).text, /Terminer…/, "plus un simple bouton");
  assert.match(await sound(sophie, `${one}/statut?vers=done&par=complete`), /Temps passé, en minutes \(obligatoire\)/);
  for (const minutes of ["", "0", "1441", "12,5", "-3"]) {
    const refused = await step(sophie, one, "done", "complete", { minutes });
    assert.equal(refused.status, 422, minutes);
    assert.match(refused.text, /aria-invalid="true"/);
  }
  assert.equal((await stored(one)).status, "in_progress");
  isAt(await step(sophie, one, "done", "complete", { minutes: "125" }));
  assert.match(await sound(sophie, one), /Temps passé 2 h 05/);
  // Reopening keeps it (WFL-8); completing again asks again.
  isAt(await step(sophie, one, "in_progress", "reopen", { reason: "Mauvais poste" }));
  assert.equal((await stored(one)).minutes, 125);
  assert.equal((await step(sophie, one, "done", "complete")).status, 422);
});

test("OPS-21 : terminer dit si c’était le technicien de l’opération ; rouvrir l’oublie", async () => {
  const at = await tracked();
  const one = await addOperation(sophie, at, { c_cible: "PC-1", technician: karimId });
  isAt(await step(karim, one, "in_progress", "start"));
  isAt(await step(karim, one, "done", "complete", { minutes: "45" }));
  assert.equal((await stored(one)).byTechnician, true);
  isAt(await step(sophie, one, "in_progress", "reopen", { reason: "Incomplet" }));
  assert.equal((await stored(one)).byTechnician, null);
  isAt(await step(sophie, one, "done", "complete", { minutes: "50" }));
  assert.equal((await stored(one)).byTechnician, false);
});

test("OPS-23 : les totaux par campagne, segment et type ; par technicien, à qui gère seulement", async () => {
  const at = await tracked();
  await sophie.get(`${at}/segments`);
  isAt(await sophie.post(`${at}/segments`, { name: "Nord" }));
  const [segment] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from segment where campaign_id = ?", [idIn(at)]),
  );
  const done = async (fields: Record<string, string>, minutes: string) => {
    const one = await addOperation(sophie, at, fields);
    isAt(await step(sophie, one, "in_progress", "start"));
    isAt(await step(sophie, one, "done", "complete", { minutes }));
    return one;
  };
  await done({ c_cible: "PC-1", segment: segment!.id, technician: karimId }, "45");
  await done({ c_cible: "PC-2", segment: segment!.id }, "75");
  await done({ c_cible: "PC-3" }, "5");
  const words = await sound(sophie, `${at}/temps`);
  assert.match(words, /Campagne 2 h 05 Opérations comptées 3 En moyenne 42 min/);
  assert.match(words, /Nord 2 h 2 Sans segment 5 min 1/);
  assert.match(words, /Karim Daoudi 45 min 1 Non affectée 1 h 20 2/);
  await sophie.get(`${at}/acces`);
  isAt(await sophie.post(`${at}/acces`, { grantee: `u.${helene.id}`, letters: ["see"] }));
  const seen = await sound(helene, `${at}/temps`);
  assert.match(seen, /Nord 2 h/);
  assert.doesNotMatch(seen, /Karim|Par technicien/);
  assert.equal((await karim.get(`${at}/temps`)).status, 403, "le technicien n’y a que son opération (S17)");
});

test("OPS-23 : une action groupée qui termine demande le temps de chacune ; l’annulation le rend", async () => {
  const at = await tracked();
  const rows: string[] = [];
  for (const n of [1, 2]) {
    const one = await addOperation(sophie, at, { c_cible: `PC-${n}` });
    isAt(await step(sophie, one, "in_progress", "start"));
    rows.push(idIn(one));
  }
  await sophie.get(`${at}/operations`);
  const lot = isAt(await sophie.post(`${at}/operations/lots`, { action: "step", scope: "ticked", row: rows }));
  await sound(sophie, `${lot}?reglages=oui&choix=complete:done`);
  assert.equal((await sophie.post(`${lot}/apercu`, { choice: "complete:done" })).status, 422);
  isAt(await sophie.post(`${lot}/apercu`, { choice: "complete:done", spent: "20" }));
  await sophie.get(lot);
  isAt(await sophie.post(`${lot}/execution`));
  for (const id of rows) assert.deepEqual([(await stored(id)).status, (await stored(id)).minutes], ["done", 20]);
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec((await sophie.get(lot)).text)![1]!;
  await sophie.get(undo);
  isAt(await sophie.post(undo));
  for (const id of rows)
    assert.deepEqual([(await stored(id)).status, (await stored(id)).minutes], ["in_progress", null]);
});

test("OPS-20 : les motifs de la campagne se proposent à qui signale un problème, le texte libre reste possible", async () => {
  const at = await tracked({ problemReasons: "Pas de prise réseau\n\nPOSTE ABSENT\nPoste  absent" });
  const one = await addOperation(sophie, at, { c_cible: "PC-1", technician: karimId });
  const page = await karim.get(`${one}/statut?vers=blocked&par=flag_problem`);
  assert.deepEqual(faultsOf(parseHtml(page.text)), []);
  assert.deepEqual(
    [...page.text.matchAll(/<option value="([^"]+)">/g)].map(([, text]) => text),
    ["Pas de prise réseau", "Poste absent"],
    "une fois chacun",
  );
  isAt(await step(karim, one, "blocked", "flag_problem", { reason: "Pas de prise réseau" }));
  assert.equal((await stored(one)).reason, "Pas de prise réseau");
  isAt(await step(sophie, one, "in_progress", "unblock"));
  const cell = await sophie.get(`${one}/cellules/statut?par=blocked.flag_problem`, { part: true });
  assert.match(cell.text, /<datalist[^>]*><option value="Pas de prise réseau">/);
  isAt(await step(karim, one, "blocked", "flag_problem", { reason: "Chien dans le bureau" }));
  assert.equal((await stored(one)).reason, "Chien dans le bureau");
  const long = await follow(at, { problemReasons: "x".repeat(101) });
  assert.equal(long.status, 422);
  assert.match(long.text, /Un motif tient en 100 caractères/);
});

test("CAM-8, CAM-16, GEN-8 : le suivi se règle seul, se refuse archivé, et s’arrête sur une version dépassée", async () => {
  const at = await makeCampaign(sophie);
  const stale = /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/reglages`)).text)![1]!;
  isAt(await follow(at, { isTimeTracked: "oui" }));
  const late = await sophie.post(`${at}/suivi`, { problemReasons: "Absent", version: stale });
  assert.equal(late.status, 409);
  assert.match(late.text, /suivi/);
  assert.match(await sound(sophie, at), /Temps passé Suivi/);
  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Fin" }));
  assert.equal((await follow(at, {})).status, 409);
});

// A day passes here: sessions end, so this one comes last.
test("OPS-23 : qui a terminé corrige le jour même ; ensuite, qui gère seulement", async () => {
  const at = await tracked();
  const one = await addOperation(sophie, at, { c_cible: "PC-1", technician: karimId });
  assert.equal((await sophie.post(`${one}/temps`, { minutes: "5" })).status, 409, "pas encore réalisée");
  isAt(await step(karim, one, "in_progress", "start"));
  isAt(await step(karim, one, "done", "complete", { minutes: "45" }));
  assert.match(await sound(karim, one), /Corriger le temps passé/);
  assert.equal((await karim.post(`${one}/temps`, { minutes: "0" })).status, 422);
  isAt(await karim.post(`${one}/temps`, { minutes: "50" }));
  assert.equal((await stored(one)).minutes, 50);
  assert.match(plain(await sophie.get(`/historique/operation/${idIn(one)}`)), /Temps passé/);
  await world.clock.advance(86_400_000);
  [sophie, karim, helene] = (await Promise.all(["sophie", "karim", "helene"].map((who) => world.as(who)))) as [
    Browser,
    Browser,
    Browser,
  ];
  assert.doesNotMatch((await karim.get(one)).text, /Corriger le temps passé/);
  assert.equal((await karim.post(`${one}/temps`, { minutes: "55" })).status, 403);
  await sophie.get(one);
  isAt(await sophie.post(`${one}/temps`, { minutes: "60" }));
  assert.equal((await stored(one)).minutes, 60);
});
