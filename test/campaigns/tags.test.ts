import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addField, makeCampaign } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const [sophie, hugo] = await Promise.all(["sophie", "hugo"].map((who) => world.as(who)));

test("OPS-6 : une étiquette scannée ouvre son opération ; plusieurs, la liste ; aucune, une phrase qui dit quoi faire", async () => {
  const at = await makeCampaign(sophie!);
  await addField(sophie!, at, "Série", { switches: ["isUnique"] });
  const add = async (fields: Record<string, string>) => {
    await sophie!.get(`${at}/operations/nouvelle`);
    return (await sophie!.post(`${at}/operations/nouvelle`, fields)).location!;
  };
  const one = await add({ c_cible: "PC-0847", c_serie: "5CG1234XYZ" });
  await add({ c_cible: "PC-08471" });
  await add({ c_cible: "Écran", c_serie: "A1" });
  await add({ c_cible: "écran", c_serie: "A2" });
  const scan = (tag: string, by = sophie!) => by.get(`${at}/operations/etiquette?etiquette=${encodeURIComponent(tag)}`);
  assert.equal((await scan("pc-0847")).location, one);
  assert.equal((await scan(" PC-0847 ")).location, one);
  assert.equal((await scan("5CG1234XYZ")).location, one);
  assert.equal((await scan("ecran")).location, `${at}/operations?q=ecran`);
  for (const tag of ["PC-08", "100%_", ""]) {
    const none = await scan(tag);
    assert.equal(none.status, 200, tag);
    assert.deepEqual(judgePage(none.text).faults, []);
    assert.deepEqual(faultsOf(parseHtml(none.text)), []);
    assert.equal(/Aucune opération n’a l’étiquette/.test(none.text), tag !== "", tag);
  }
  assert.match((await sophie!.get(`${at}/operations`)).text, /name="etiquette"/);
  assert.equal((await scan("PC-0847", hugo!)).status, 404);
});
