import assert from "node:assert/strict";
import { test } from "node:test";
import { readAccounts } from "../../src/accounts/bulk.ts";
import { RuleBroken } from "../../src/platform/errors.ts";
import { readHeld } from "../../src/platform/sheets/held.ts";
import { senderOf } from "../support/mail.ts";
import { startSmtp } from "../support/smtp.ts";
import { startWorld } from "../support/world.ts";

const smtp = await startSmtp();
const world = await startWorld({ smtpUrl: smtp.url });
const sender = senderOf(world);
const denis = await world.as("denis");
const AT = "/admin/utilisateurs/plusieurs";
const HEAD = "Prénom;Nom;Adresse électronique;Rôles";

const read = async (file: string | Buffer): ReturnType<typeof held> =>
  held(file).catch((error) => {
    if (error instanceof RuleBroken) return { problem: error.message };
    throw error;
  });
const held = async (file: string | Buffer) =>
  readAccounts(await readHeld(Buffer.from(file as string)), { kind: "organisation" });
const count = async () =>
  (
    await world.db.read(denis.tenantId, (em) => em.execute<{ n: number }[]>("select count(*)::int as n from app_user"))
  )[0]!.n;
const preview = async (fields: Record<string, string>) => {
  await denis.get(AT);
  return denis.post(`${AT}/apercu`, fields);
};
const unquoted = (text: string) => text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
const keptIn = (text: string) => unquoted(/name="text" value="([^"]*)"/.exec(text)![1]!);

test("IMP-4 : UTF-8 avec et sans marque, UTF-16 dans les deux sens, Windows-1252 disent le même texte", async () => {
  const text = `${HEAD}\r\nZoé;L’Œuvre;zoe@quais.example;Lecteur\r\n`;
  const swapped = Buffer.from(text, "utf16le").swap16();
  const cp1252 = Buffer.from(text.replaceAll("’", "\x92").replaceAll("Œ", "\x8c"), "latin1");
  const forms: Record<string, Buffer> = {
    "UTF-8": Buffer.from(text),
    "UTF-8 avec marque": Buffer.from(`\ufeff${text}`),
    "UTF-16LE avec marque": Buffer.from(`\ufeff${text}`, "utf16le"),
    "UTF-16BE avec marque": Buffer.concat([Buffer.from([0xfe, 0xff]), swapped]),
    "UTF-16LE sans marque": Buffer.from(text, "utf16le"),
    "UTF-16BE sans marque": swapped,
    "Windows-1252": cp1252,
  };
  for (const [name, bytes] of Object.entries(forms)) {
    const { lines } = await read(bytes);
    assert.deepEqual(
      lines?.map(({ givenName, familyName, problems }) => [givenName, familyName, problems]),
      [["Zoé", "L’Œuvre", []]],
      name,
    );
  }
});

test("point-virgule, virgule ou tabulation, colonnes dans tout ordre, guillemets, lignes vides", async () => {
  for (const text of [
    `${HEAD}\n\nAda;Lovelace;ada@quais.example;Technicien, Lecteur\n`,
    `courriel,ROLE,nom,prenom\nada@quais.example,"technicien, lecteur",Lovelace,Ada`,
    `Nom\tPrénom\tE-mail\tRôles\nLovelace\tAda\tADA@quais.example\tviewer|technician`,
  ]) {
    const [line] = (await read(text)).lines!;
    assert.deepEqual(line?.problems, []);
    assert.deepEqual([line?.email, line?.roles], ["ada@quais.example", ["technician", "viewer"]]);
  }
});

test("chaque ligne dit toutes ses fautes, avec son numéro dans le fichier", async () => {
  const { lines } = await read(
    [
      HEAD,
      "Ada;Lovelace;ada@quais.example;Lecteur",
      ";;pas une adresse;Chef",
      "Ada;Bis;ADA@quais.example;",
      'Bob;"<b>";bob@quais.example;Lecteur;trop',
    ].join("\n"),
  );
  assert.deepEqual(
    lines!.map(({ line, problems }) => [line, problems.length]),
    [
      [2, 0],
      [3, 4],
      [4, 2],
      [5, 2],
    ],
  );
  assert.match(
    lines![1]!.problems.join(" "),
    /Prénom.*Nom.*Adresse.*adresse complète.*rôle «\u00a0Chef\u00a0» n’existe pas/,
  );
  assert.match(lines![2]!.problems.join(" "), /déjà à la ligne 2.*au moins un rôle/);
});

test("un fichier sans colonnes, vide, trop long ou mal fermé se refuse d’une phrase", async () => {
  assert.match((await read("")).problem!, /vide/);
  assert.match((await read("Prénom;Nom\nAda;L")).problem!, /Il manque.*Adresse électronique.*Rôles/);
  assert.match((await read(HEAD)).problem!, /que sa première ligne/);
  const many = Array.from({ length: 1_001 }, (_, i) => `A;B;a${i}@quais.example;Lecteur`);
  assert.match((await read([HEAD, ...many].join("\n"))).problem!, /1001 personnes/);
  assert.match((await read(`${HEAD}\n"Ada;Lovelace`)).problem!, /guillemet s’ouvre à la ligne 2 et n’est pas fermé/);
});

test("l’aperçu n’écrit rien et nomme qui a déjà un compte ; une ligne fausse retient toutes les autres", async () => {
  const before = await count();
  const { email } = await world.userOf("karim");
  const text = `${HEAD}\nKarim;Bis;${email};Lecteur\nAda;Lovelace;ada@quais.example;Lecteur`;
  const { status, text: page } = await preview({ text });
  assert.equal(status, 200);
  assert.match(page, /1 ligne est à corriger sur 2[\s\S]*Karim Daoudi a déjà un compte/);
  assert.doesNotMatch(page, /Créer 2 comptes/);
  assert.equal((await denis.post(AT, { text })).status, 422);
  assert.equal(await count(), before);
});

test("une colonne collée ou un fichier : relus, créés en un acte, invités par courriel, annulables", async () => {
  const file = Buffer.from(
    `${HEAD}\r\nZoé;Faure;zoe.faure@quais.example;Lecteur\r\n-Léo;Faure;leo.faure@quais.example;"Technicien, Lecteur"`,
    "utf16le",
  ).toString("base64");
  const shown = await preview({ file, text: "" });
  assert.match(shown.text, /Créer 2 comptes/);
  const before = await count();
  const done = await denis.post(AT, { text: keptIn(shown.text), by: "courriel" });
  assert.deepEqual([done.status, done.location], [303, "/admin/utilisateurs"]);
  assert.equal(await count(), before + 2);
  await sender.sweep();
  assert.deepEqual(smtp.received.flatMap(({ to }) => to).toSorted(), [
    "leo.faure@quais.example",
    "zoe.faure@quais.example",
  ]);
  const acts = await world.db.read(denis.tenantId, (em) =>
    em.execute<{ id: string; label: string }[]>("select id, label from act where code = 'users.created'"),
  );
  assert.deepEqual(
    acts.map(({ label }) => label),
    ["Création de 2 comptes"],
  );
  await world.sealer.sealAll();
  const page = await denis.get(`/actes/${acts[0]!.id}/annulation`);
  assert.match(page.text, /2 messages sont partis/);
  const rows = [...page.text.matchAll(/name="rows" value="([^"]+)"/g)].map(([, key]) => key!);
  assert.equal((await denis.post(`/actes/${acts[0]!.id}/annulation`, { listed: rows, rows })).status, 303);
  const [{ n }] = (await world.db.read(denis.tenantId, (em) =>
    em.execute<{ n: number }[]>(
      "select count(*)::int as n from app_user where family_name = 'Faure' and deactivated_at is not null",
    ),
  )) as [{ n: number }];
  assert.equal(n, 2);
});

test("mille comptes, liens à remettre : chacun le sien, montré une fois", async () => {
  const lines = Array.from({ length: 1_000 }, (_, i) => `Prénom ${i};Nombreux;nombreux${i}@quais.example;Lecteur`);
  const shown = await preview({ text: [HEAD, ...lines].join("\n") });
  assert.match(shown.text, /Créer 1\u202f000 comptes/);
  const done = await denis.post(AT, { text: keptIn(shown.text), by: "lien" });
  assert.equal(done.status, 200);
  const links = new Set([...done.text.matchAll(/\/invitation\/([\w-]{43})/g)].map(([, token]) => token));
  assert.equal(links.size, 1_000);
  assert.equal((await world.anonymous().get(`/invitation/${[...links][500]}`)).status, 200);
});

test("le modèle se relit lui-même ; les comptes ne s’ouvrent qu’à qui administre", async () => {
  const { text, headers } = await denis.get(`${AT}/modele.csv`);
  assert.match(headers.get("content-disposition")!, /attachment; filename="?modele-comptes\.csv/);
  assert.deepEqual(
    (await read(text)).lines!.flatMap(({ problems }) => problems),
    [],
  );
  const helene = await world.as("helene");
  assert.equal((await helene.get(AT)).status, 403);
  assert.equal((await helene.post(AT, { text: `${HEAD}\nA;B;a@b.example;Lecteur` })).status, 403);
});
