import assert from "node:assert/strict";
import { test } from "node:test";
import { addField, addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { formsOf, parseHtml } from "../support/html.ts";
import { holdOperation, untilWaiting } from "../support/locks.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

/** A value of a unique field is that of one live operation, whichever way it comes (FLD-3). */

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, denis] = (await Promise.all(["sophie", "denis"].map((who) => world.as(who)))) as [Browser, Browser];
const { tenantId } = sophie;

async function campaign(): Promise<string> {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Série", { switches: ["isListed", "isUnique"] });
  return at;
}
const add = (at: string, name: string, serie: string) =>
  addOperation(sophie, at, { c_cible: name, ...(serie && { c_serie: serie }) });
async function edition(by: Browser, at: string) {
  const { text } = await by.get(`${at}/modifier`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  return (fields: Record<string, string>) => by.post(`${at}/modifier`, { version, ...fields });
}
const edit = async (at: string, name: string, serie: string) =>
  isAt(await (await edition(sophie, at))({ c_cible: name, c_serie: serie }));
async function trash(at: string) {
  await sophie.get(at);
  isAt(await sophie.post(`${at}/corbeille`));
}
/** The live operations that hold a value. */
const holders = async (at: string, serie: string) =>
  (
    await world.db.read(tenantId, (em) =>
      em.execute<{ title: string }[]>(
        `select title from operation where campaign_id = ? and "values" ->> 'serie' = ? and trashed_at is null order by title`,
        [idIn(at), serie],
      ),
    )
  ).map(({ title }) => title);
async function lastAct(code: string): Promise<string> {
  const [act] = await world.db.read(tenantId, (em) =>
    em.execute<{ id: string }[]>("select id from act where code = ? order by id desc limit 1", [code]),
  );
  return `/actes/${act!.id}/annulation`;
}
const TAKEN = /Une autre opération a maintenant sa valeur de «\u00a0Série\u00a0», qui est unique\./;

test("FLD-3 : sortir de la corbeille une opération dont la valeur a été prise est refusé, à la main comme par l’annulation", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1", "7");
  await trash(one);
  const undo = await lastAct("operation.trashed");
  const other = await add(at, "PC-2", "7");
  await sophie.get(one);
  const refused = await sophie.post(`${one}/restauration`);
  assert.equal(refused.status, 422);
  assert.match(plain(refused), /PC-2.» a déjà cette valeur, et «.Série.» est unique/);
  assert.match((await sophie.get(undo)).text, TAKEN);
  assert.equal((await sophie.post(undo)).status, 422);
  assert.deepEqual(await holders(at, "7"), ["PC-2"]);

  await trash(other);
  await sophie.get(one);
  isAt(await sophie.post(`${one}/restauration`));
  assert.deepEqual(await holders(at, "7"), ["PC-1"]);
});

test("FLD-3, rulings 11 : annuler une modification ne rend pas une valeur qu’une autre opération a prise", async () => {
  const at = await campaign();
  const one = await add(at, "PC-1", "7");
  await edit(one, "PC-1", "8");
  const undo = await lastAct("operation.edited");
  const two = await add(at, "PC-2", "7");
  assert.match((await sophie.get(undo)).text, TAKEN);
  assert.equal((await sophie.post(undo)).status, 422);
  assert.deepEqual([await holders(at, "7"), await holders(at, "8")], [["PC-2"], ["PC-1"]]);

  await edit(two, "PC-2", "9");
  assert.doesNotMatch((await sophie.get(undo)).text, TAKEN);
  isAt(await sophie.post(undo));
  assert.deepEqual(await holders(at, "7"), ["PC-1"]);
});

test("FLD-3 : deux valeurs échangées par un acte reviennent ensemble ; l’une gardée, l’autre ne revient pas", async () => {
  const at = await campaign();
  const [one, two] = [await add(at, "PC-1", "A"), await add(at, "PC-2", "B")];
  const swap = () =>
    world.db.act(
      { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Échange", now: world.clock.now() },
      (em) =>
        em.execute(
          `update operation set "values" = jsonb_set("values", '{serie}', case when "values" ->> 'serie' = 'A' then '"B"' else '"A"' end::jsonb)
           where campaign_id = ?`,
          [idIn(at)],
        ),
    );
  await swap();
  const undo = await lastAct("essai");
  assert.doesNotMatch((await sophie.get(undo)).text, TAKEN);
  isAt(await sophie.post(undo));
  assert.deepEqual([await holders(at, "A"), await holders(at, "B")], [["PC-1"], ["PC-2"]]);

  await swap();
  const again = await lastAct("essai");
  await sophie.get(again);
  const rows = [one, two].map((each) => `operation.${idIn(each)}`);
  const answer = await sophie.post(again, { listed: rows, rows: rows[0]! });
  assert.equal(answer.status, 422);
  assert.deepEqual([await holders(at, "A"), await holders(at, "B")], [["PC-2"], ["PC-1"]]);
});

test("FLD-3 : un champ ne redevient pas unique par une annulation quand deux opérations partagent une valeur", async () => {
  const at = await campaign();
  await add(at, "PC-1", "7");
  const path = `${at}/champs/serie/modifier`;
  const form = formsOf(parseHtml((await sophie.get(path)).text), path).find(({ action }) => action === path)!;
  const fields = Object.fromEntries(
    form.fields.filter(({ name }) => !name.startsWith("_")).map(({ name, values }) => [name, values]),
  );
  isAt(await sophie.post(path, { ...fields, switches: ["isListed"] }));
  const undo = await lastAct("campaign.fields_changed");
  await add(at, "PC-2", "7");
  assert.match(
    (await sophie.get(undo)).text,
    /Plusieurs opérations ont maintenant la même valeur dans ce champ unique/,
  );
  assert.equal((await sophie.post(undo)).status, 422);
});

const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
async function checked(at: string, head: string[], lines: string[][], key: string) {
  const page = `/imports/operations/nouveau?objet=${idIn(at)}`;
  await denis.get(page);
  const file = { name: "postes.csv", content: Buffer.from(csvText([head, ...lines])) };
  const sent = isAt(await sendForm(world, denis, "/imports/operations/nouveau", file, { scope: idIn(at) }));
  isAt(await denis.post(`${sent}/verification`, { ...CHOICE, column: ["cible", "serie"], key }));
  await denis.get(sent);
  return sent;
}

for (const [key, created] of [
  ["Cible", "valeur unique"],
  ["Série", "clé unique"],
] as const) {
  test(`FLD-3 : un import et une fiche qui écrivent la même ${created} au même instant ne l’écrivent qu’une fois`, async () => {
    const at = await campaign();
    await add(at, "PC-0", "6");
    const one = await add(at, "PC-1", "");
    const sent = await checked(
      at,
      ["Cible", "Série"],
      [
        ["PC-0", "6"],
        ["PC-9", "7"],
      ],
      key,
    );
    const save = await edition(sophie, one);
    const free = await holdOperation(world, idIn(one));
    // The form holds the value, and waits for its row; the import has to wait for it.
    const saving = save({ c_cible: "PC-1", c_serie: "7" });
    await untilWaiting(world, 1, saving);
    const running = denis.post(`${sent}/execution`, { errors: "valid" });
    await untilWaiting(world, 2, running);
    await free();
    isAt(await saving);
    isAt(await running);
    assert.deepEqual(await holders(at, "7"), [key === "Cible" ? "PC-1" : "PC-9"]);
  });
}
