import assert from "node:assert/strict";
import { test } from "node:test";
import { seedCampaigns } from "../../fixtures/campaigns.ts";
import { WORLD } from "../../fixtures/world.ts";
import { idIn, isAt, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const quais = WORLD.find(({ key }) => key === "quais")!;
await seedCampaigns(world.db, quais, { tenantId, now: world.clock.now() });
const [{ id }] = (await world.db.read(tenantId, (em) =>
  em.execute("select id from campaign where name = 'Migration des postes de travail'"),
)) as [{ id: string }];

/** All that an import could change of a table. */
const image = (table: string, where = "true") =>
  world.db.read(tenantId, (em) =>
    em.execute<object[]>(
      `select md5(string_agg(t::text, '' order by t.id)) as digest, count(*)::int as n, sum(t.version)::int as versions
       from (select * from ${table} where ${where}) t`,
    ),
  );

/** Takes a list away whole and brings the file back with the mapping that is proposed, as it is; gives what came of it. */
async function thereAndBack(by: Browser, kind: string, object: string, liste = "") {
  const at = `/exports/${kind}/${object}/nouveau`;
  await by.get(at);
  const { status, text } = await by.post(at, { liste, colonnes: "toutes" });
  assert.equal(status, 200);

  const scope: Record<string, string> = object === "tout" ? {} : { scope: object };
  await by.get(`/imports/${kind}/nouveau${object === "tout" ? "" : `?objet=${object}`}`);
  const file = { name: `${kind}.csv`, content: Buffer.from(`\ufeff${text}`) };
  const sent = isAt(await sendForm(world, by, `/imports/${kind}/nouveau`, file, scope));
  const page = await by.get(sent);
  const form = formsOf(parseHtml(page.text), sent).find(({ action }) => action.endsWith("/verification"))!;
  const proposed = form.fields.map(({ name, values, type }) => [name, type === "radio" ? (values[0] ?? "") : values]);
  isAt(await by.post(`${sent}/verification`, Object.fromEntries(proposed)));
  const [{ counts }] = (await world.db.read(tenantId, (em) =>
    em.execute("select counts from import where id = ?", [idIn(sent)]),
  )) as [{ counts: Record<string, number> }];
  const checked = plain(await by.get(sent)).slice(600, 6_000);
  isAt(await by.post(`${sent}/execution`, { errors: "valid" }));
  const { create, update, unchanged, error } = counts;
  return { counts: { create, update, unchanged, error }, checked, lines: text.split("\r\n").length - 2 };
}

test("EXP-7, S24 : les 847 opérations de la démonstration, exportées avec toutes leurs colonnes puis importées telles quelles, ne changent pas", async () => {
  const before = await image("operation", `campaign_id = '${id}'`);
  const { counts, checked } = await thereAndBack(sophie, "operations", id);
  assert.deepEqual(counts, { create: 0, update: 0, unchanged: 847, error: 0 }, checked);
  assert.deepEqual(await image("operation", `campaign_id = '${id}'`), before);
});

test("EXP-7, IMP-46 : l’annuaire entier, fiches désactivées comprises, exporté puis importé tel quel, ne change pas", async () => {
  const denis = await world.as("denis");
  const before = await image("staff_member");
  const { counts, checked, lines } = await thereAndBack(denis, "annuaire", "tout", "etat=toutes");
  assert.equal(lines, (before[0] as { n: number }).n);
  assert.deepEqual(counts, { create: 0, update: 0, unchanged: lines, error: 0 }, checked);
  assert.deepEqual(await image("staff_member"), before);
});
