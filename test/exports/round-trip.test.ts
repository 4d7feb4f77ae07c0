import assert from "node:assert/strict";
import { test } from "node:test";
import { seedCampaigns } from "../../fixtures/campaigns.ts";
import { WORLD } from "../../fixtures/world.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const quais = WORLD.find(({ key }) => key === "quais")!;
await seedCampaigns(world.db, quais, { tenantId, now: world.clock.now() });
const [{ id }] = (await world.db.read(tenantId, (em) =>
  em.execute("select id from campaign where name = 'Migration des postes de travail'"),
)) as [{ id: string }];

/** All that an import could change, but its own numbering of versions. */
const image = () =>
  world.db.read(tenantId, (em) =>
    em.execute<object[]>(
      `select md5(string_agg(t::text, '' order by t.id)) as digest, count(*)::int as n, sum(t.version)::int as versions
       from (select * from operation where campaign_id = ?) t`,
      [id],
    ),
  );

test("EXP-7, S24 : les 847 opérations de la démonstration, exportées avec toutes leurs colonnes puis importées telles quelles, ne changent pas", async () => {
  const before = await image();
  const at = `/exports/operations/${id}/nouveau`;
  await sophie.get(at);
  const { status, text } = await sophie.post(at, { liste: "", colonnes: "toutes" });
  assert.equal(status, 200);

  await sophie.get(`/imports/operations/nouveau?objet=${id}`);
  const sent = await sendForm(
    world,
    sophie,
    "/imports/operations/nouveau",
    { name: "operations.csv", content: Buffer.from(`\ufeff${text}`) },
    { scope: id },
  );
  assert.equal(sent.status, 303);
  const page = await sophie.get(sent.location!);
  // The mapping that is proposed, as it is.
  const form = formsOf(parseHtml(page.text), sent.location!).find(({ action }) => action.endsWith("/verification"))!;
  const proposed = form.fields.map(({ name, values, type }) => [name, type === "radio" ? (values[0] ?? "") : values]);
  const asked = await sophie.post(`${sent.location}/verification`, Object.fromEntries(proposed));
  assert.equal(
    asked.status,
    303,
    asked.text
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ")
      .slice(0, 3_000),
  );
  const checked = (await sophie.get(sent.location!)).text;
  const [{ counts }] = (await world.db.read(tenantId, (em) =>
    em.execute("select counts from import where id = ?", [sent.location!.split("/").at(-1)!]),
  )) as [{ counts: Record<string, number> }];
  const { create, update, unchanged, error } = counts;
  assert.deepEqual(
    { create, update, unchanged, error },
    { create: 0, update: 0, unchanged: 847, error: 0 },
    checked
      .replace(/<[^>]+>/g, " ")
      .replace(/\s+/g, " ")
      .slice(600, 6_000),
  );
  const run = await sophie.post(`${sent.location}/execution`, { errors: "valid" });
  assert.equal(run.status, 303);
  assert.deepEqual(await image(), before);
});
