import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { actOf } from "../support/database.ts";
import { parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { type Answer, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const denis = await world.as("denis");
await world.owner.query("select set_config('app.tenant_id', $1, false)", [denis.tenantId]);
const NEW = "/imports/annuaire/nouveau";

const words = (text: string) => text.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
const isAt = ({ status, location, text }: Answer): string => {
  assert.equal(status, 303, words(text).slice(0, 900));
  return location!;
};
const rows = async (query: string, values: unknown[] = []) => (await world.owner.query(query, values)).rows;
const HEAD = ["Matricule", "Nom", "Prénom", "E-mail", "Téléphone", "Responsable", "Active"];
const COLUMNS = ["matricule", "nom", "prenom", "email", "telephone", "responsable", "active"];
const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "90", key: "Matricule" };

async function bring(lines: string[][], more: Record<string, string> = {}) {
  const at = isAt(
    await sendForm(world, denis, NEW, { name: "agents.csv", content: Buffer.from(csvText([HEAD, ...lines])) }),
  );
  isAt(await denis.post(`${at}/verification`, { ...CHOICE, column: COLUMNS, ...more }));
  const { text } = await denis.get(at);
  assert.deepEqual(judgePage(text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(text)), []);
  isAt(await denis.post(`${at}/execution`, { errors: "valid" }));
  const id = at.split("/").at(-1);
  const [one] = await rows("select state, failure, counts, act_id from import where id = $1", [id]);
  const { create, update, unchanged, error } = one.counts;
  const errors = await rows(
    'select line, column_name as "column", reason from import_error where import_id = $1 order by line, id',
    [id],
  );
  return { ...one, at, checked: words(text), told: `${create} ${update} ${unchanged} ${error}`, errors };
}
const staff = () =>
  rows(
    `select s.staff_number as number, s.family_name as name, s.email, s.phone, m.staff_number as manager, s.deactivated_at is null as active
     from staff_member s left join staff_member m on m.id = s.manager_id where s.staff_number like 'Z%' order by 1`,
  );

test("IMP-46, IMP-47, IMP-48 : des personnes arrivent avec qui en est responsable, dans n’importe quel ordre", async () => {
  assert.match(words((await denis.get(NEW)).text), /Importer des personnes/);
  const list = (await denis.get("/admin/annuaire")).text;
  assert.match(list, /href="\/imports\/annuaire\/nouveau"/);
  assert.deepEqual(judgePage(list).faults, []);
  const first = await bring([
    [" z001 ", "Lefèvre", "Hélène", "Helene.Lefevre@Essai.test", "01 99 00 12 34", "z002", ""],
    ["z002", "Garçon", "Noël", "", "", "", "oui"],
    ["z003", "Petit", "Anne", "helene.lefevre@essai.test", "", "z002", ""],
    ["z004", "Roux", "Zoé", "", "12", "", ""],
    ["z005", "Noir", "Luc", "", "", "z999", "non"],
  ]);
  assert.equal(first.told, "3 0 0 3");
  assert.deepEqual(
    first.errors.map(({ line, column, reason }: Record<string, string>) => [line, column, reason!.slice(0, 59)]),
    [
      [4, "E-mail", "Cette valeur est déjà à la ligne 2, Hélène Lefèvre Z001, et"],
      [5, "Téléphone", "Ce numéro n’existe pas. Écrivez-le comme 01 99 00 12 34, ou"],
      [6, "Responsable", "Ce matricule n’est ni dans le fichier ni dans l’annuaire\u00a0: "],
    ],
  );
  // Its line is written without a manager, and comes in the file of errors as it was.
  assert.deepEqual(await rows("select value from import_error where value like 'z9%'"), [{ value: "z999" }]);
  assert.match((await denis.post(`${first.at}/erreurs.csv`)).text, /^z005;Noir;Luc;;;z999;non;6;Responsable;/m);
  assert.deepEqual(await staff(), [
    {
      number: "Z001",
      name: "Lefèvre",
      email: "helene.lefevre@essai.test",
      phone: "+33199001234",
      manager: "Z002",
      active: true,
    },
    { number: "Z002", name: "Garçon", email: null, phone: null, manager: null, active: true },
    { number: "Z005", name: "Noir", email: null, phone: null, manager: null, active: false },
  ]);
  // Undone with its managers [IMP-40].
  await denis.get(`/actes/${first.act_id}/annulation`);
  isAt(await denis.post(`/actes/${first.act_id}/annulation`, {}));
  assert.deepEqual(await staff(), []);
  await bring([
    ["z001", "Lefèvre", "Hélène", "Helene.Lefevre@Essai.test", "01 99 00 12 34", "z002", ""],
    ["z002", "Garçon", "Noël", "", "", "", "oui"],
    ["z005", "Noir", "Luc", "", "", "", "non"],
  ]);
  const again = await bring([
    ["Z001", "Lefèvre", "Hélène", "helene.lefevre@essai.test", "01 99 00 12 34", "Z002", ""],
    ["Z002", "Garçon", "Noël", "", "", "", "oui"],
  ]);
  assert.equal(again.told, "0 0 2 0");
});

test("IMP-49 : un import apporte des téléphones, jamais d’accord pour les SMS ; un autre numéro retire celui qu’il y avait", async () => {
  const line = (phone: string) => [["y030", "Accord", "Ida", "", phone, "", ""]];
  const consent = async () =>
    (
      await rows(
        "select sms_consent_at is not null as given, sms_consent_proof as proof from staff_member where staff_number = 'Y030'",
      )
    )[0];
  const none = { given: false, proof: null };
  await bring(line("01 99 00 12 40"));
  assert.deepEqual(await consent(), none);
  const given = () =>
    world.db.act(actOf(denis.tenantId), (em) =>
      em.execute(
        "update staff_member set sms_consent_at = now(), sms_consent_proof = 'formulaire' where staff_number = 'Y030'",
      ),
    );
  await given();
  await bring(line("0199001240"));
  assert.deepEqual(await consent(), { given: true, proof: "formulaire" });
  await bring(line("01 99 00 12 41"));
  assert.deepEqual(await consent(), none);
  const at = isAt(
    await sendForm(world, denis, NEW, { name: "a.csv", content: Buffer.from(csvText([[...HEAD, "Accord SMS"]])) }),
  );
  assert.doesNotMatch((await denis.get(at)).text, /<option[^>]*>[^<]*(?:Accord|Consentement)/);
});

test("IMP-47 : soi-même, une boucle ; la personne arrive sans responsable, et l’annuaire garde ses adresses", async () => {
  const loop = await bring([
    ["Z002", "Garçon", "Noël", "", "", "Z001", ""],
    ["Z010", "Blanc", "Eva", "helene.lefevre@essai.test", "", "", ""],
    ["Z011", "Vert", "Tom", "", "", "Z011", ""],
    ["Z005", "Noir", "Luc", "", "", "Z002", ""],
  ]);
  assert.equal(loop.told, "1 1 1 3");
  assert.deepEqual(loop.errors.map(({ line, reason }: Record<string, string>) => [line, reason]).toSorted(), [
    [2, "Ce lien formerait une boucle de responsables\u00a0: la personne est importée sans."],
    [3, "Cette adresse est celle de Hélène Lefèvre (Z001)."],
    [4, "Une personne ne peut pas être son propre responsable\u00a0: elle est importée sans."],
  ]);
  assert.deepEqual(
    (await staff()).map(({ number, manager }) => [number, manager]),
    [
      ["Z001", "Z002"],
      ["Z002", null],
      ["Z005", "Z002"],
      ["Z011", null],
    ],
  );
});

test("IMP-40, IMP-48 : les fiches absentes du fichier se désactivent, leur nombre dit avant, et tout revient", async () => {
  const [{ n }] = await rows("select count(*)::int as n from staff_member where deactivated_at is null");
  const act = await bring([["Z001", "Lefèvre", "Hélène", "", "", "", ""]], { missing: "deactivate" });
  assert.match(act.checked, new RegExp(`${n - 1} lignes enregistrées ne sont pas dans le fichier`));
  assert.deepEqual(await rows("select count(*)::int as n from staff_member where deactivated_at is null"), [{ n: 1 }]);
  const undo = `/actes/${act.act_id}/annulation`;
  await denis.get(undo);
  isAt(await denis.post(undo, {}));
  assert.deepEqual(await rows("select count(*)::int as n from staff_member where deactivated_at is null"), [{ n }]);
  assert.equal((await (await world.as("karim")).get(NEW)).status, 403);
});

test("IMP-42 : d’un agent corrigé depuis l’import, l’annulation rend les cellules choisies et laisse les autres", async () => {
  await bring([["Z020", "Mauve", "Ada", "ada@essai.test", "", "", ""]]);
  const brought = await bring([["Z020", "Mauve-Roux", "Ada", "ada.roux@essai.test", "01 99 00 55 66", "", ""]]);
  const [{ id }] = await rows("select id from staff_member where staff_number = 'Z020'");
  const card = `/admin/annuaire/agents/${id}/modifier`;
  const version = /name="version" value="(\d+)"/.exec((await denis.get(card)).text)![1]!;
  const fields = { staffNumber: "Z020", familyName: "Mauve-Roux", givenName: "Ada", phone: "01 99 00 55 66" };
  isAt(await denis.post(card, { ...fields, email: "ada@ailleurs.test", version }));
  const undo = `/actes/${brought.act_id}/annulation`;
  const { text } = await denis.get(undo);
  for (const words of ["Nom et prénom", "Adresse électronique", "Téléphone et SMS"])
    assert.match(text, new RegExp(words));
  const cells = [...text.matchAll(/name="cells" value="([^"]+:(?:family_name|phone))"/g)].map(([, value]) => value!);
  assert.equal(cells.length, 2);
  isAt(await denis.post(undo, { cells }));
  const [now] = await rows("select family_name, email, phone from staff_member where id = $1", [id]);
  assert.deepEqual({ ...now }, { family_name: "Mauve", email: "ada@ailleurs.test", phone: null });
});

test("DIR-4, IMP-28, IMP-41 : les services et les sites d’un premier fichier s’ajoutent avec lui, se disent avant, et repartent avec lui", async () => {
  const head = ["Matricule", "Nom", "Prénom", "Service", "Site"];
  const column = ["matricule", "nom", "prenom", "service", "site"];
  const places = (table: string) =>
    rows(`select name from ${table} where name like 'Essai%' order by 1`).then((all) => all.map(({ name }) => name));
  const lines = [
    ["SD001", "Lefèvre", "Hélène", "Essai cœur", "Essai Lyon"],
    ["SD002", "Garçon", "Noël", "ESSAI  COEUR", ""],
    ["SD003", "Petit", "Anne", "Essai <b>", "Essai Nice"],
    ["SD004", "Roux", "Zoé", "Essai paie", "essai lyon"],
  ];
  const at = isAt(
    await sendForm(world, denis, NEW, { name: "agents.csv", content: Buffer.from(csvText([head, ...lines])) }),
  );
  isAt(await denis.post(`${at}/verification`, { ...CHOICE, column }));
  const checked = words((await denis.get(at)).text);
  assert.match(checked, /Ce fichier ajoute 2 services à l’annuaire : « Essai cœur » et « Essai paie »\./);
  assert.match(checked, /Ce fichier ajoute un site à l’annuaire : « Essai Lyon »\./);
  assert.match(checked, /Matricule : SD002, Nom : Garçon, Prénom : Noël, Service : Essai cœur/);
  assert.deepEqual([await places("department"), await places("site")], [[], []]);
  isAt(await denis.post(`${at}/execution`, { errors: "valid" }));
  assert.deepEqual([await places("department"), await places("site")], [["Essai cœur", "Essai paie"], ["Essai Lyon"]]);
  assert.deepEqual(
    await rows(
      `select s.staff_number as n, d.name as service, p.name as site, p.zone from staff_member s
       left join department d on d.id = s.department_id left join site p on p.id = s.site_id where s.staff_number like 'SD%' order by 1`,
    ),
    [
      { n: "SD001", service: "Essai cœur", site: "Essai Lyon", zone: "Europe/Paris" },
      { n: "SD002", service: "Essai cœur", site: null, zone: null },
      { n: "SD004", service: "Essai paie", site: "Essai Lyon", zone: "Europe/Paris" },
    ],
  );
  // Somebody else is of one of them by now: it stays, and the rest goes.
  await world.db.act(actOf(denis.tenantId), (em) =>
    em.execute(
      "update staff_member set department_id = (select id from department where name = 'Essai paie') where staff_number = (select min(staff_number) from staff_member where staff_number like 'Z%')",
    ),
  );
  const [{ act_id: act }] = await rows("select act_id from import where id = $1", [at.split("/").at(-1)]);
  const preview = words((await denis.get(`/actes/${act}/annulation`)).text);
  assert.match(preview, /Des agents ou un périmètre sont de ce service/);
  isAt(await denis.post(`/actes/${act}/annulation`, { reason: "" }));
  assert.deepEqual([await places("department"), await places("site")], [["Essai paie"], []]);
  assert.deepEqual(await rows("select staff_number from staff_member where staff_number like 'SD%'"), []);
});
