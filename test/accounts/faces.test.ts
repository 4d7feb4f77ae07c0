import assert from "node:assert/strict";
import { after, test } from "node:test";
import pg from "pg";
import { giveUpload, picture } from "../support/files.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const root = new pg.Client({ connectionString: world.superUrl });
root.on("error", () => undefined); // the database may be dropped under it, at the end
await root.connect();
after(() => root.end());

const chooseLogo = async (browser: Browser) => {
  const upload = await giveUpload(world, browser, "tenant.logo", await picture(400, 90));
  assert.equal((await browser.post("/admin/organisation/logo", { upload })).status, 303);
};
const logoOf = async () => {
  const { text } = await world.anonymous().get("/connexion");
  return /<img class="logo" src="(\/connexion\/logo\/[0-9a-f-]+)" alt="([^"]+)">/.exec(text)?.slice(1) ?? null;
};

test("la page de connexion montre le logo de l’instance, ou de sa seule organisation, et aucun autre", async () => {
  const [denis, nadia] = [await world.as("denis"), await world.as("nadia")];
  await chooseLogo(denis);
  assert.equal(await logoOf(), null, "deux organisations : le logo de l’une n’est pas pour l’autre");
  await chooseLogo(nadia);
  const [ofInstance, name] = (await logoOf())!;
  assert.equal(name, "Instance de démonstration");
  const served = await world.anonymous().get(ofInstance!);
  assert.deepEqual([served.status, served.headers.get("content-type")], [200, "image/png"]);
  assert.match(served.headers.get("content-security-policy")!, /^sandbox/);

  await root.query("set session_replication_role = replica");
  await root.query("delete from tenant where kind = 'organisation' and id <> $1", [denis.tenantId]);
  const [ofOnly, onlyName] = (await logoOf())!;
  assert.equal(onlyName, "Mutuelle des Quais");
  assert.equal((await world.anonymous().get(ofOnly!)).status, 200);
  assert.equal((await world.anonymous().get(ofInstance!)).status, 404, "celui qu’on ne montre plus ne se demande plus");
});

test("la liste des utilisateurs montre les photos, et des initiales à qui n’en a pas", async () => {
  const [karim, denis] = [await world.as("karim"), await world.as("denis")];
  const upload = await giveUpload(world, karim, "user.picture");
  assert.equal((await karim.post("/compte/photo", { upload })).status, 303);
  const { text } = await denis.get("/admin/utilisateurs");
  assert.match(
    text,
    /<img class="avatar small" src="\/fichiers\/[0-9a-f-]+\/image" alt=""[^>]*>\s*<a [^>]*>Daoudi Karim/,
  );
  assert.match(text, /<span class="avatar small" aria-hidden="true">SM<\/span>\s*<a [^>]*>Marchand Sophie/);
});
