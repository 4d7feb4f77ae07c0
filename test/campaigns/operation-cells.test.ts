import assert from "node:assert/strict";
import { after, test } from "node:test";
import { axeFindings, contextOf, listen, startChromium } from "../support/browser.ts";
import { addField, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const [sophie, denis] = await Promise.all(["sophie", "denis"].map((who) => world.as(who)));
const chromium = await startChromium();
after(() => chromium.close());

const at = await makeCampaign(sophie!);
const list = `${at}/operations`;
await addField(sophie!, at, "Bureau", { switches: ["isListed"] });
await addField(sophie!, at, "Poids", { type: "number", switches: ["isListed"] });
await sophie!.get(`${at}/segments`);
await sophie!.post(`${at}/segments`, { name: "Bâtiment A" });

let made = 0;
async function add(fields: Record<string, string> = {}): Promise<string> {
  await sophie!.get(`${list}/nouvelle`);
  return (await sophie!.post(`${list}/nouvelle`, { c_cible: `PC-${++made}`, ...fields })).location!;
}
const versionIn = (text: string) => /name="version" value="(\d+)"/.exec(text)![1]!;
/** Opens the cell as htmx does, then sends it. */
async function change(one: string, code: string, fields: Record<string, string>, from = list) {
  const referer = { referer: `${world.origin}${from}` };
  const { text } = await sophie!.get(`${one}/cellules/${code}`, { part: true, headers: referer });
  return sophie!.post(
    `${one}/cellules/${code}`,
    { ...fields, retour: from, version: versionIn(text) },
    { part: true, headers: referer },
  );
}

test("OPS-10 : statut, date, technicien, segment et champs se changent dans la rangée, qui revient entière avec l’annonce", async () => {
  const one = await add();
  const karim = (await world.userOf("karim")).id;
  const { text: form } = await sophie!.get(`${one}/cellules/segment`, { part: true });
  const segment = /<option value="([0-9a-f-]{36})"[^>]*>Bâtiment A/.exec(form)![1]!;
  for (const [code, fields, shown] of [
    ["c.bureau", { c_bureau: "B 12" }, /data-label="Bureau"[\s\S]{0,300}?B 12/],
    ["date", { plannedOn: "2026-12-03", plannedHour: "14:30" }, /03\/12\/2026 <strong>14:30/],
    ["technicien", { technician: karim }, /Karim/],
    ["segment", { segment }, /Bâtiment A/],
    ["statut", { arrow: "in_progress.start", reason: "", plannedOn: "", plannedHour: "" }, /En cours/],
  ] as [string, Record<string, string>, RegExp][]) {
    const { status, text } = await change(one, code, fields);
    assert.equal(status, 200, code);
    assert.match(text, /^\s*<tr id="operation-[\s\S]+<div id="annonces"/, code);
    assert.match(text, shown, code);
  }
});

test("OPS-10, WFL-3 : la cellule du statut n’offre que les transitions permises, et demande motif ou date quand il en faut", async () => {
  const one = await add();
  const { text } = await sophie!.get(`${one}/cellules/statut`, { part: true });
  assert.match(text, /value="in_progress\.start"/);
  assert.match(text, /par=cancelled\.cancel"[\s\S]{0,300}?motif demandé/);
  assert.doesNotMatch(text, /done\.complete/);
  const { text: small } = await sophie!.get(`${one}/cellules/statut?par=cancelled.cancel`, { part: true });
  assert.match(small, /name="reason" required/);
  const silent = await change(one, "statut", { arrow: "cancelled.cancel", reason: "", plannedOn: "", plannedHour: "" });
  assert.equal(silent.status, 422);
  assert.match(silent.text, /aria-invalid="true"/);
  const absent = await change(one, "statut", { arrow: "done.complete", reason: "", plannedOn: "", plannedHour: "" });
  assert.equal(absent.status, 409);
});

test("FLD-5 : une cellule se lit comme la fiche ; refusée, elle garde ce qui est tapé", async () => {
  const one = await add();
  const { status, text } = await change(one, "c.poids", { c_poids: "lourd" });
  assert.equal(status, 422);
  assert.match(text, /aria-invalid="true"[^>]*value="lourd"/);
});

test("GEN-8 : une cellule changée entre-temps montre les deux valeurs, puis s’applique si l’on insiste", async () => {
  const one = await add({ c_bureau: "B1" });
  const { text } = await sophie!.get(`${one}/cellules/c.bureau`, { part: true });
  const stale = versionIn(text);
  const page = (await denis!.get(`${one}/cellules/c.bureau`)).text;
  await denis!.post(`${one}/cellules/c.bureau`, { c_bureau: "B2", version: versionIn(page), retour: list });
  const sent = { c_bureau: "B3", version: stale, retour: list };
  const refused = await sophie!.post(`${one}/cellules/c.bureau`, sent, { part: true });
  assert.equal(refused.status, 409);
  assert.match(refused.text, /Denis[\s\S]+à présent[\s\S]+B2[\s\S]+value="B3"/);
  await sophie!.get(`${one}/cellules/c.bureau`, { part: true });
  const again = { ...sent, version: versionIn(refused.text) };
  assert.equal((await sophie!.post(`${one}/cellules/c.bureau`, again, { part: true })).status, 200);
});

test("OPS-10 : sans JavaScript, la cellule est un lien vers sa page, qui ramène à la liste telle qu’elle était", async () => {
  const one = await add();
  const from = `${list}?tri=cible&colonnes=statut%2Cdate`;
  const { text } = await sophie!.get(from);
  assert.match(text, new RegExp(`<a class="edit" href="${one}/cellules/statut"`));
  const page = await sophie!.get(`${one}/cellules/date`, { headers: { referer: `${world.origin}${from}` } });
  assert.match(page.text, /<h1>Planifiée le – PC-/);
  const sent = { plannedOn: "2026-12-03", plannedHour: "", retour: from, version: versionIn(page.text) };
  const { status, location } = await sophie!.post(`${one}/cellules/date`, sent);
  assert.deepEqual([status, location], [303, from]);
  const elsewhere = await sophie!.get(`${one}/cellules/date`);
  const astray = { ...sent, retour: "/admin/utilisateurs", version: versionIn(elsewhere.text), plannedHour: "10:00" };
  assert.equal((await sophie!.post(`${one}/cellules/date`, astray)).location, list);
});

test("OPS-10, UIX-4 : au clavier, Entrée enregistre, Échap renonce, et le focus revient à la cellule", async () => {
  const one = await add({ c_bureau: "Sud" });
  const context = await contextOf(chromium, world, "sophie");
  const page = await context.newPage();
  const complaints = listen(page, world.origin);
  await page.goto(`${world.origin}${list}?tri=cible&sens=decroissant`);
  const cell = page.locator(`a.edit[href="${one}/cellules/c.bureau"]`);
  const isHeld = () => cell.evaluate((link) => link === document.activeElement);
  await cell.focus();
  await page.keyboard.press("Enter");
  const input = page.getByLabel("Bureau", { exact: true });
  await input.waitFor();
  assert.ok(await input.evaluate((field) => field === document.activeElement), "le focus entre dans le champ");
  assert.deepEqual(await axeFindings(page), []);
  await page.keyboard.type("Nord");
  await page.keyboard.press("Escape");
  await input.waitFor({ state: "detached" });
  assert.match((await cell.textContent())!, /Sud/);
  await page.locator(".edit:focus").waitFor();
  assert.ok(await isHeld(), "Échap rend le focus");
  await page.keyboard.press("Enter");
  await input.waitFor();
  await input.fill("Nord");
  await page.keyboard.press("Enter");
  await input.waitFor({ state: "detached" });
  assert.match((await cell.textContent())!, /Nord/);
  await page.locator(".edit:focus").waitFor();
  assert.ok(await isHeld(), "Entrée rend le focus");
  assert.match((await page.locator("#annonces").textContent())!, /bureau enregistré/);
  const status = page.locator(`a.edit[href="${one}/cellules/statut"]`);
  await status.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Démarrer" }).click();
  await page.locator(`#operation-${one.split("/").at(-1)} .badge`, { hasText: "En cours" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});
