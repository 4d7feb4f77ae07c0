/** The people a campaign concerns, from a file to its list. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createStaffMembers } from "../../src/directory/index.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { addOperation, idIn, isAt, makeCampaign, plain } from "../support/campaigns.ts";
import { parseHtml } from "../support/html.ts";
import { checkAsProposed, runImport } from "../support/imports.ts";
import { sendForm } from "../support/multipart.ts";
import { csvText } from "../support/sheets.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const staff = [
  ["ZZ-0001", "Arielle", "Quentin", "arielle.quentin@quais.example"],
  ["ZZ-0002", "Basile", "Quentin", "basile.quentin@quais.example"],
].map(([staffNumber, givenName, familyName, email]) => ({
  ...{ staffNumber: staffNumber!, givenName: givenName!, familyName: familyName!, email: email! },
  ...{ department: null, site: null, position: "", contractType: "", phone: "", manager: "" },
}));
const said = { tenantId, actorId: sophie.id, channel: "page", code: "staff.created", label: "Essai" } as const;
await world.db.act({ ...said, now: world.clock.now() }, (em) =>
  createStaffMembers(em, staff, { tenantId, by: { id: sophie.id } } as never),
);

const rows = <T>(query: string, values: unknown[]): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute(query, values as never)) as Promise<T[]>;
const peopleIn = (campaign: string) =>
  rows<{ name: string; number: string | null; linked: boolean; mayBook: boolean; operation: string | null }>(
    `select coalesce(s.given_name || ' ' || s.family_name, nullif(concat_ws(' ', e.given_name, e.family_name), ''), e.email) as name,
       coalesce(s.staff_number, e.staff_number) as number, e.staff_member_id is not null as linked, e.may_book as "mayBook", o.title as operation
     from eligible_person e left join staff_member s on s.id = e.staff_member_id left join operation o on o.id = e.operation_id
     where e.campaign_id = ? order by 1`,
    [campaign],
  );

async function send(campaign: string, lines: string[][]): Promise<string> {
  await sophie.get(`/imports/personnes/nouveau?objet=${campaign}`);
  const file = { name: "personnes.csv", content: Buffer.from(csvText(lines)) };
  return isAt(await sendForm(world, sophie, "/imports/personnes/nouveau", file, { scope: campaign }));
}
/** Sent, checked as proposed and run; gives what its check said and what came of it. */
async function bring(campaign: string, lines: string[][], choice: Record<string, string> = {}) {
  const at = await send(campaign, lines);
  isAt(await checkAsProposed(sophie, at, choice));
  const page = await sophie.get(at);
  assert.deepEqual([judgePage(page.text).faults, faultsOf(parseHtml(page.text))], [[], []]);
  return { at, checked: plain(page), came: await runImport(world, sophie, at) };
}

const HEAD = ["Matricule", "Nom", "Prénom", "E-mail", "Service", "Opération", "Peut s’inscrire"];

test("IMP-50, IMP-51 : par matricule, sinon par e-mail, une personne est reconnue dans l’annuaire ; sinon la campagne seule la connaît", async () => {
  const at = await makeCampaign(sophie);
  await addOperation(sophie, at, { c_cible: "PC-1" });
  const { came } = await bring(idIn(at), [
    HEAD,
    ["zz-0001", "Autrenom", "Arielle", "", "Ailleurs", "pc-1", "non"],
    ["", "", "", "Basile.Quentin@quais.example", "", "", ""],
    ["EXT-9", "Prado", "Lino", "", "Voirie", "", "oui"],
    ["", "", "", "seule@partenaire.example", "", "", ""],
  ]);
  assert.equal(came, "4 0 0 0 0");
  assert.deepEqual(await peopleIn(idIn(at)), [
    { name: "Arielle Quentin", number: "ZZ-0001", linked: true, mayBook: false, operation: "PC-1" },
    { name: "Basile Quentin", number: "ZZ-0002", linked: true, mayBook: true, operation: null },
    { name: "Lino Prado", number: "EXT-9", linked: false, mayBook: true, operation: null },
    { name: "seule@partenaire.example", number: null, linked: false, mayBook: true, operation: null },
  ]);
  const shown = await sophie.get(`${at}/personnes`);
  assert.deepEqual([judgePage(shown.text).faults, faultsOf(parseHtml(shown.text))], [[], []]);
  assert.match(plain(shown), /4 personnes .* Prado Lino EXT-9, hors de l’annuaire/);

  const again = await bring(idIn(at), [
    HEAD,
    ["ZZ-0001", "", "", "", "", "", ""],
    ["EXT-9", "Prado", "Lina", "", "", "", ""],
  ]);
  assert.equal(again.came, "0 1 1 0 0");
  assert.equal((await peopleIn(idIn(at)))[2]!.name, "Lina Prado");
});

test("IMP-50 : qui n’avait pas de fiche est reconnu dès qu’il en a une", async () => {
  const at = await makeCampaign(sophie);
  await bring(idIn(at), [HEAD, ["ZZ-0777", "Sorel", "Jeanne", "", "Voirie", "", ""]]);
  await world.db.act({ ...said, now: world.clock.now() }, (em) =>
    createStaffMembers(
      em,
      [{ ...staff[0]!, staffNumber: "ZZ-0777", email: "", givenName: "Jeanne", familyName: "Sorel" }],
      { tenantId, by: { id: sophie.id } } as never,
    ),
  );
  const { came } = await bring(idIn(at), [HEAD, ["ZZ-0777", "Sorel", "Jeanne", "", "Voirie", "", ""]]);
  assert.equal(came, "0 1 0 0 0");
  assert.deepEqual(await peopleIn(idIn(at)), [
    { name: "Jeanne Sorel", number: "ZZ-0777", linked: true, mayBook: true, operation: null },
  ]);
});

test("IMP-50, IMP-51, IMP-53 : sans matricule ni e-mail, opération inconnue ou prise, personne répétée : la ligne dit pourquoi, le reste s’importe", async () => {
  const at = await makeCampaign(sophie);
  await addOperation(sophie, at, { c_cible: "PC-1" });
  const known = ["EXT-5", "Prado", "", "prado@partenaire.example", "", "", ""];
  await bring(idIn(at), [HEAD, ["ZZ-0001", "", "", "", "", "PC-1", ""], known]);
  const { at: page, came } = await bring(
    idIn(at),
    [
      HEAD,
      ["", "Prado", "Lino", "", "", "", ""],
      ["ZZ-0002", "", "", "", "", "PC-404", ""],
      ["EXT-1", "", "", "", "", "PC-1", ""],
      ["EXT-2", "", "", "", "", "", ""],
      ["ext-2", "", "", "", "", "", ""],
      ["EXT-7", "Sosie", "", "prado@partenaire.example", "", "", ""],
    ],
    { threshold: "100" },
  );
  assert.equal(came, "1 0 0 0 5");
  const errors = await rows<{ line: number; reason: string }>(
    "select line, reason from import_error where import_id = ? order by line",
    [idIn(page)],
  );
  assert.deepEqual(
    errors.map(({ line, reason }) => `${line} ${reason.replaceAll("\u00a0", " ")}`),
    [
      "2 Donnez un matricule ou un e-mail : sans eux, rien ne dit de qui il s’agit.",
      "3 Aucune opération de la campagne ne porte ce nom.",
      "4 Cette opération est déjà celle de « Arielle Quentin ».",
      "6 Cette personne est déjà à la ligne 5.",
      "7 Cette adresse est celle de « Prado ».",
    ],
  );
});

test("IMP-52, IMP-40 : les personnes absentes du fichier se retirent si on le choisit, et l’annulation les remet", async () => {
  const at = await makeCampaign(sophie);
  await bring(idIn(at), [HEAD, ["ZZ-0001", "", "", "", "", "", ""], ["EXT-1", "", "", "", "", "", ""]]);
  const { at: page } = await bring(idIn(at), [HEAD, ["EXT-1", "", "", "", "", "", ""]], { missing: "remove" });
  assert.deepEqual(
    (await peopleIn(idIn(at))).map(({ number }) => number),
    ["EXT-1"],
  );
  const [{ act }] = (await rows<{ act: string }>("select act_id as act from import where id = ?", [idIn(page)])) as [
    { act: string },
  ];
  await sophie.get(`/actes/${act}/annulation`);
  isAt(await sophie.post(`/actes/${act}/annulation`, {}));
  assert.deepEqual((await peopleIn(idIn(at))).map(({ number }) => number).sort(), ["EXT-1", "ZZ-0001"]);
});

test("le fichier d’essai des personnes s’importe en entier", async () => {
  const at = await makeCampaign(sophie);
  await sophie.get(`/imports/personnes/nouveau?objet=${idIn(at)}`);
  const page = isAt(await sophie.post("/imports/personnes/essai", { file: "personnes.csv", scope: idIn(at) }));
  isAt(await checkAsProposed(sophie, page));
  assert.equal(await runImport(world, sophie, page), "20 0 0 0 0");
  assert.match(plain(await sophie.get(`${at}/personnes?origine=campagne&q=ibarra`)), /1 personne .* Ibarra Tom/);
});

test("EXP-1, EXP-7 : la liste s’exporte, et son export réimporté ne change rien", async () => {
  const at = await makeCampaign(sophie);
  await addOperation(sophie, at, { c_cible: "PC-1" });
  await bring(idIn(at), [
    HEAD,
    ["ZZ-0001", "", "", "", "", "PC-1", "non"],
    ["EXT-9", "Prado", "Lino", "lino@partenaire.example", "Voirie", "", "oui"],
  ]);
  await sophie.get(`/exports/personnes/${idIn(at)}/nouveau`);
  const file = await sophie.post(`/exports/personnes/${idIn(at)}/nouveau`, {});
  assert.equal(file.status, 200);
  const lines = file.text
    .replace("\ufeff", "")
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(";"));
  assert.deepEqual(lines[1], ["EXT-9", "Prado", "Lino", "lino@partenaire.example", "Voirie", "", "", "", "", "Oui"]);
  const { came } = await bring(idIn(at), lines);
  assert.equal(came, "0 0 2 0 0");
});
