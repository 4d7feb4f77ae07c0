import assert from "node:assert/strict";
import { test } from "node:test";
import { addField, addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { holdOperation, untilWaiting } from "../support/locks.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Browser, startWorld } from "../support/world.ts";

/** People, bulk actions and imports at once on the same operations, on connections that really wait for each other. */

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const [sophie, denis] = (await Promise.all(["sophie", "denis"].map((who) => world.as(who)))) as [Browser, Browser];
const { tenantId } = sophie;
const [karimId, yannId] = [(await world.userOf("karim")).id, (await world.userOf("yann")).id];

const stored = async (at: string) =>
  (
    await world.db.read(tenantId, (em) =>
      em.execute<{ values: Record<string, string>; notes: string; technician: string | null; version: number }[]>(
        'select "values", notes, technician_id as technician, version from operation where id = ?',
        [idIn(at)],
      ),
    )
  )[0]!;
/** What history says the values of a field of an operation were and became, in order. */
const told = (at: string, code: string) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ before: string | null; after: string | null }[]>(
      `select before -> 'values' ->> ? as before, after -> 'values' ->> ? as after from change
       where row_id = ? and operation = 'update' and after -> 'values' -> ? is not null order by ordinal`,
      [code, code, idIn(at), code],
    ),
  );
async function edition(by: Browser, at: string) {
  const { text } = await by.get(`${at}/modifier`);
  const version = /name="version" value="(\d+)"/.exec(text)![1]!;
  return (fields: Record<string, string>) => by.post(`${at}/modifier`, { c_cible: "PC-1", version, ...fields });
}
async function previewed(by: Browser, at: string, row: string[], technician: string) {
  await by.get(`${at}/operations`);
  const lot = isAt(await by.post(`${at}/operations/lots`, { action: "assign", scope: "ticked", row }));
  await by.get(lot);
  isAt(await by.post(`${lot}/apercu`, { technician }));
  await by.get(lot);
  return lot;
}

test("GEN-8 : deux personnes enregistrent la même opération au même instant ; une passe, l’autre lit les deux valeurs et n’écrase rien", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle");
  const one = await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "A" });
  const [first, second] = [await edition(sophie, one), await edition(denis, one)];
  const free = await holdOperation(world, idIn(one));
  const sent = [first({ c_salle: "B" }), second({ c_salle: "C" })] as const;
  await untilWaiting(world, 2, Promise.all(sent));
  await free();
  const answers = await Promise.all(sent);
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [303, 409]);
  const isFirst = answers[0].status === 303;
  assert.equal((await stored(one)).values.salle, isFirst ? "B" : "C");
  const late = answers.find(({ status }) => status === 409)!;
  assert.match(late.text, isFirst ? /B[\s\S]+value="C"/ : /C[\s\S]+value="B"/);
  assert.equal((await told(one, "salle")).length, 1);
});

test("OPS-15 : deux actions groupées qui attendent la même ligne ; chacune dit ce qu’elle a changé et ce qui l’a été entre-temps", async () => {
  const at = await makeCampaign(sophie);
  const rows: string[] = [];
  for (const n of [1, 2, 3]) rows.push(idIn(await addOperation(sophie, at, { c_cible: `PC-${n}` })));
  const lots = [await previewed(sophie, at, rows, karimId), await previewed(denis, at, rows.toReversed(), yannId)];
  const free = await holdOperation(world, rows[0]!);
  const applied = [sophie.post(`${lots[0]}/execution`), denis.post(`${lots[1]}/execution`)] as const;
  await untilWaiting(world, 2, Promise.all(applied));
  await free();
  for (const answer of await Promise.all(applied)) isAt(answer);
  const results = [plain(await sophie.get(lots[0]!)), plain(await denis.get(lots[1]!))];
  const changed = results.map((words) => Number(/Changées (\d)/.exec(words)![1]));
  assert.deepEqual(changed.toSorted(), [0, 3]);
  assert.match(results[changed.indexOf(0)]!, /Modifiée entre-temps par (Sophie|Denis)[\s\S]+3 opérations/);
  const holder = changed[0] === 3 ? karimId : yannId;
  for (const id of rows) assert.equal((await stored(id)).technician, holder);
  // Each row with its cause, those its page does not name too.
  for (const [i, lot] of lots.entries()) {
    const to = `/exports/lots/${idIn(lot)}/nouveau`;
    const told = changed[i] === 3 ? "Changée;" : "Écartée;Modifiée entre-temps par ";
    if (changed[i] === 0) assert.ok((await denis.get(lot)).text.includes(`href="${to}"`));
    const { status, text } = await denis.post(to, {});
    assert.equal(status, 200);
    const lines = text.trim().split("\r\n").slice(1);
    assert.deepEqual(
      lines.map((line) => line.startsWith(`PC-${lines.indexOf(line) + 1};${told}`)),
      [true, true, true],
      text,
    );
  }
  assert.equal((await world.as("karim").then((by) => by.get(`/exports/lots/${idIn(lots[0]!)}/nouveau`))).status, 404);
});

test("OPS-14, GEN-8 : un aperçu refait ailleurs n’est pas appliqué par le bouton de l’ancien, qui montre le nouveau", async () => {
  const at = await makeCampaign(sophie);
  const row = idIn(await addOperation(sophie, at, { c_cible: "PC-1" }));
  const lot = await previewed(sophie, at, [row], karimId);
  const versionIn = (text: string) => /name="version" value="(\d+)"/.exec(text)![1]!;
  const version = versionIn((await sophie.get(lot)).text);
  await denis.get(`${lot}?reglages=oui`);
  isAt(await denis.post(`${lot}/apercu`, { technician: yannId }));
  const late = await sophie.post(`${lot}/execution`, { version, message: "Vague 2" });
  assert.equal(late.status, 409);
  assert.match(plain(late), /Denis [^.]+ a refait cet aperçu/);
  assert.match(plain(late), /Affectation de 1.opération à Yann/);
  assert.match(late.text, /value="Vague 2"/);
  assert.equal((await stored(row)).technician, null);
  isAt(await sophie.post(`${lot}/execution`, { version: versionIn(late.text) }));
  assert.equal((await stored(row)).technician, yannId);
});

const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50" };
async function checked(at: string, lines: string[][]) {
  const page = `/imports/operations/nouveau?objet=${idIn(at)}`;
  await denis.get(page);
  const file = { name: "postes.csv", content: Buffer.from(csvText([["Cible", "Salle"], ...lines])) };
  const sent = isAt(await sendForm(world, denis, "/imports/operations/nouveau", file, { scope: idIn(at) }));
  isAt(await denis.post(`${sent}/verification`, { ...CHOICE, column: ["cible", "salle"], key: "Cible" }));
  await denis.get(sent);
  return sent;
}

test("IMP-37, GEN-8 : un import attend la personne qui enregistre la même ligne, ne change que ses cellules, et laisse la sienne", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle");
  await addField(sophie, at, "Bureau");
  const one = await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "A", c_bureau: "1" });
  const sent = await checked(at, [["PC-1", "B"]]);
  const save = await edition(sophie, one);
  const free = await holdOperation(world, idIn(one));
  const saving = save({ c_salle: "A", c_bureau: "2", notes: "vu sur place" });
  await untilWaiting(world, 1, saving);
  const running = denis.post(`${sent}/execution`, { errors: "valid" });
  await untilWaiting(world, 2, running);
  await free();
  isAt(await saving);
  isAt(await running);
  const { values, notes } = await stored(one);
  assert.deepEqual([values.salle, values.bureau, notes], ["B", "2", "vu sur place"]);
});

test("GEN-8 : qui enregistre la cellule qu’un import vient de changer est arrêté, et lit les deux valeurs", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle");
  const one = await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "A" });
  const sent = await checked(at, [["PC-1", "B"]]);
  const save = await edition(sophie, one);
  const free = await holdOperation(world, idIn(one));
  const running = denis.post(`${sent}/execution`, { errors: "valid" });
  await untilWaiting(world, 1, running);
  const saving = save({ c_salle: "C" });
  await untilWaiting(world, 2, saving);
  await free();
  isAt(await running);
  const late = await saving;
  assert.equal(late.status, 409);
  assert.match(late.text, /B[\s\S]+value="C"/);
  assert.equal((await stored(one)).values.salle, "B");
});

test("HIS-12 : une cellule enregistrée juste avant que l’import ne la change reste dans l’historique, et revient avec l’annulation", async () => {
  const at = await makeCampaign(sophie);
  await addField(sophie, at, "Salle");
  const one = await addOperation(sophie, at, { c_cible: "PC-1", c_salle: "A" });
  const sent = await checked(at, [["PC-1", "B"]]);
  const save = await edition(sophie, one);
  const free = await holdOperation(world, idIn(one));
  const saving = save({ c_salle: "C" });
  await untilWaiting(world, 1, saving);
  const running = denis.post(`${sent}/execution`, { errors: "valid" });
  await untilWaiting(world, 2, running);
  await free();
  isAt(await saving);
  isAt(await running);
  assert.deepEqual(await told(one, "salle"), [
    { before: "A", after: "C" },
    { before: "C", after: "B" },
  ]);
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec((await denis.get(sent)).text)![1]!;
  await denis.get(undo);
  isAt(await denis.post(undo));
  assert.equal((await stored(one)).values.salle, "C");
});
