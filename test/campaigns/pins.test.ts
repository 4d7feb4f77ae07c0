import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const [denis, sophie, claire, nathalie] = (await Promise.all(
  ["denis", "sophie", "claire", "nathalie"].map((who) => world.as(who)),
)) as [Browser, Browser, Browser, Browser];
const { tenantId } = sophie;

/** What the menu of this page has under « Épinglées », in order. */
function pinsIn({ text }: { text: string }): string[] {
  const section = />Épinglées<\/h2>\s*<ul>([\s\S]*?)<\/ul>/.exec(text)?.[1] ?? "";
  return [...section.matchAll(/<a href="([^"]+)"/g)].map(([, href]) => href!);
}
const pin = (by: Browser, at: string) => by.post(`${at}/epingle`);
const clear = () => world.db.note(tenantId, (em) => em.execute("delete from campaign_pins"));

test("CAM-27 : une campagne épinglée est dans le menu de chaque page, dans l’ordre choisi, d’une connexion à l’autre, et de personne d’autre", async () => {
  await clear();
  const first = await makeCampaign(sophie, { name: "Badges 2026" });
  const second = await makeCampaign(sophie, { name: "Migration Windows" });
  for (const at of [first, second]) {
    await sophie.get(at);
    assert.equal((await pin(sophie, at)).status, 303);
  }
  const again = await world.as("sophie");
  for (const page of ["/campagnes", first, "/aide", "/compte", `/campagnes/${randomUUID()}`]) {
    assert.deepEqual(pinsIn(await again.get(page)), [first, second], page);
  }
  assert.deepEqual(pinsIn(await denis.get("/campagnes")), [], "les siennes sont à elle");
  assert.match(
    (await again.get(first)).text,
    /aria-current="page"><svg[^>]*><use[^>]*#pin"\/><\/svg><span>Badges 2026/,
  );

  await again.get("/campagnes/epinglees");
  isAt(await again.post(`${second}/epingle/deplacement`, { way: "up" }));
  assert.deepEqual(pinsIn(await sophie.get("/compte")), [second, first]);
  const beyond = await again.post(`${second}/epingle/deplacement`, { way: "up" });
  assert.equal(beyond.status, 422);
  assert.match(beyond.text, /déjà au bout de la liste/);
  assert.equal((await again.post(`${first}/epingle/retrait`)).status, 303);
  assert.deepEqual(pinsIn(await sophie.get("/compte")), [second]);
});

test("CAM-27 : le bouton pressé attend au même endroit, pour qui range au clavier", async () => {
  await clear();
  const all = [];
  for (const name of ["Ordre A", "Ordre B", "Ordre C"]) all.push(await makeCampaign(sophie, { name }));
  for (const at of all) await pin(sophie, at);
  const to = isAt(await sophie.post(`${all[2]}/epingle/deplacement`, { way: "up" }));
  const { text } = await sophie.get(to);
  assert.match(text, /value="up" autofocus>[\s\S]{0,200}Monter<span class="visually-hidden"> Ordre C/);
  const top = isAt(await sophie.post(`${all[2]}/epingle/deplacement`, { way: "up" }));
  assert.match(
    (await sophie.get(top)).text,
    /value="down" autofocus>[\s\S]{0,200}Descendre<span class="visually-hidden"> Ordre C/,
  );
});

test("CAM-27 : dix au plus ; la onzième est refusée en nommant la limite, et la base en refuse autant", async () => {
  await clear();
  for (let n = 1; n <= 10; n++) assert.equal((await pin(sophie, await makeCampaign(sophie))).status, 303, `${n}`);
  const eleventh = await makeCampaign(sophie);
  const refused = await pin(sophie, eleventh);
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /Vous épinglez déjà 10 campagnes, le plus possible/);
  assert.equal(pinsIn(await sophie.get("/compte")).length, 10);
  await assert.rejects(
    world.db.note(tenantId, (em) => em.execute("update campaign_pins set campaign_ids = campaign_ids || uuidv7()")),
    /campaign_pins_few/,
  );
});

test("CAM-27 : deux épingles posées au même instant restent toutes deux", async () => {
  await clear();
  const [one, other] = [await makeCampaign(sophie), await makeCampaign(sophie)];
  const twin = await world.as("sophie");
  await twin.get("/campagnes");
  const answers = await Promise.all([pin(sophie, one), pin(twin, other)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [303, 303],
  );
  assert.deepEqual(pinsIn(await sophie.get("/compte")).toSorted(), [one, other].toSorted());
});

test("CAM-27, règle 27 : une campagne archivée s’épingle, se range et se détache", async () => {
  await clear();
  const at = await makeCampaign(sophie, { name: "Rangée puis épinglée" });
  await sophie.get(`${at}/archivage`);
  isAt(await sophie.post(`${at}/archivage`, { reason: "Projet terminé" }));
  assert.equal((await pin(sophie, at)).status, 303);
  assert.deepEqual(pinsIn(await sophie.get("/compte")), [at]);
  assert.equal((await sophie.post(`${at}/epingle/retrait`)).status, 303);
});

test("CAM-26, CAM-27 : ce qu’on ne voit plus quitte le menu sans rien en dire, et ne compte plus dans les dix", async () => {
  await clear();
  const at = await makeCampaign(sophie, { name: "Ouverte un temps" });
  assert.equal((await pin(claire, at)).status, 404, "ni s’épingler");
  const version = async () => /name="version" value="(\d+)"/.exec((await sophie.get(`${at}/acces`)).text)![1]!;
  isAt(await sophie.post(`${at}/visibilite`, { visibility: "public", version: await version() }));
  assert.equal((await pin(claire, at)).status, 303);
  assert.deepEqual(pinsIn(await claire.get("/compte")), [at]);
  isAt(await sophie.post(`${at}/visibilite`, { visibility: "restricted", version: await version() }));
  const page = await claire.get("/campagnes/epinglees");
  assert.deepEqual(pinsIn(page), []);
  assert.ok(!page.text.includes("Ouverte un temps"));
  assert.equal((await pin(nathalie, `/campagnes/${idIn(at)}`)).status, 404, "ni d’une autre organisation");
});
