import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { purgeImports } from "../../src/imports/queries/outcomes.ts";
import { installTracking } from "../../src/platform/db/tracking.ts";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { actOf } from "../support/database.ts";
import { parseHtml } from "../support/html.ts";
import { sendForm } from "../support/multipart.ts";
import { latin } from "../support/sheets.ts";
import { openStream } from "../support/stream.ts";
import { workbook } from "../support/workbook.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";
import { POSTES, postes, TABLE } from "./world.ts";

const world = await startWorld({ extraModules: [postes] });
await world.owner.query(TABLE);
await installTracking(world.owner, [POSTES]);
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const denis = await world.as("denis");
await world.owner.query("select set_config('app.tenant_id', $1, false)", [sophie.tenantId]);

const NEW = "/imports/postes/nouveau";
const HEAD = "Série;Nom;Date prévue;Étage\r\n";
const isAt = ({ status, location, text }: Answer) => {
  assert.equal(status, 303, text.replace(/<[^>]+>/g, " ").slice(0, 600));
  return location!;
};
const sent = async (content: Buffer | string, name = "postes.csv") =>
  isAt(await sendForm(world, sophie, NEW, { name, content: Buffer.from(content as string) }));
const sound = async (at: string, browser: Browser = sophie) => {
  const { status, text } = await browser.get(at);
  assert.equal(status, 200, world.logged.filter((line) => /error/.test(line)).at(-1));
  assert.deepEqual(judgePage(text).faults, []);
  assert.deepEqual(faultsOf(parseHtml(text)), []);
  return text;
};
const MAPPED = {
  column: ["serial", "name", "day", "floor"],
  key: "serial",
  mode: "both",
  empty: "keep",
  decimal: "",
  threshold: "50",
};
const problem = ({ text }: Answer) => text.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");

test("IMP-28 à IMP-32 : d’un fichier aux lignes, page après page, sans script", async () => {
  assert.match(await sound(NEW), /Envoyer ce fichier/);
  const at = await sent(latin(`${HEAD}P1;Zoé;12/03/2026;2\r\nP2;Paul;31/02/2026;3\r\n\r\n`));
  const mapping = await sound(at);
  assert.match(mapping, /Windows-1252|ISO-8859-1/);
  assert.match(mapping, /2 lignes et 4 colonnes/);
  assert.match(mapping, /Ligne 2\u00a0: P1 Zoé/);
  assert.match(mapping, /Proposition sûre/);
  assert.match(mapping, /<option value="serial" selected>Série \(obligatoire\)/);
  assert.equal(isAt(await sophie.post(`${at}/verification`, MAPPED)), at);
  const checked = await sound(at);
  assert.match(checked, /Vérification du fichier/);
  assert.match(checked, /Ce jour n’est pas au calendrier/);
  assert.match(checked, /Importer 1 ligne valide/);
  assert.deepEqual((await world.owner.query("select count(*)::int as n from poste")).rows, [{ n: 0 }]);
  const refused = await sophie.post(`${at}/execution`, { errors: "none" });
  assert.equal(refused.status, 422);
  assert.match(problem(refused), /vous avez choisi «\s?tout ou rien\s?»/);
  assert.equal(isAt(await sophie.post(`${at}/execution`, { errors: "valid" })), at);
  const done = await sound(at);
  assert.match(done, /Résultat de l’import/);
  assert.match(done, /Annuler cet import/);
  assert.match(problem({ text: done } as Answer), /1 ligne créée Lignes créées[^0-9]+Ligne Créée 2 P1/);
  assert.match(problem({ text: done } as Answer), /Lignes à écrire créer et modifier.+Colonne « Étage » Étage/);
  assert.equal(
    (await sophie.post(`${at}/lignes.csv`)).text.replace(/^\ufeff/, ""),
    "Ligne;Résultat;Nom\r\n2;créée;P1\r\n",
  );
  assert.deepEqual((await world.owner.query("select serial, name from poste")).rows, [{ serial: "P1", name: "Zoé" }]);
  const file = await sophie.post(`${at}/erreurs.csv`);
  assert.match(file.text, /P2;Paul;31\/02\/2026;3;3;Date prévue;Ce jour n’est pas au calendrier\./);
  // Each file that left is an act of history, and a line of the security log (EXP-12).
  assert.deepEqual((await world.owner.query("select label from act where code = 'import.exported' order by id")).rows, [
    { label: "Export des lignes écrites par un import (1 ligne)" },
    { label: "Export des lignes en erreur d’un import (1 ligne)" },
  ]);
  assert.deepEqual(
    (await world.owner.query("select detail ->> 'what' as what from security_event where kind = 'export' order by id"))
      .rows,
    [{ what: "import.lines" }, { what: "import.errors" }],
  );
  // Once only: the same button again says so.
  assert.equal((await sophie.post(`${at}/execution`, { errors: "valid" })).status, 409);
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec(done)![1]!;
  assert.match((await denis.get(undo)).text, /Restaurable\s: 1 ligne/);
  assert.equal((await denis.post(undo, {})).status, 303);
  assert.deepEqual((await world.owner.query("select count(*)::int as n from poste where trashed_at is null")).rows, [
    { n: 0 },
  ]);
});

test("IMP-20, IMP-37 : sans clé, la page prévient ; recommencer avec une clé dit qu’il n’y a rien à faire", async () => {
  const at = await sent(`${HEAD}O1;Zoé;;\r\nO2;Paul;;\r\n`);
  const { key: _key, ...keyless } = MAPPED;
  isAt(await sophie.post(`${at}/verification`, keyless));
  assert.match(await sound(at), /Sans clé\s: importer de nouveau créerait de nouveau\./);
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  const again = await sent(`${HEAD}O1;Zoé;;\r\nO2;Paul;;\r\n`);
  isAt(await sophie.post(`${again}/verification`, MAPPED));
  isAt(await sophie.post(`${again}/execution`, { errors: "valid" }));
  assert.match(problem({ text: await sound(again) } as Answer), /0 création, 0 modification, 2 inchangées\./);
});

test("IMP-28, IMP-34 : les lignes à créer et à modifier se lisent toutes, page par page, avant et après", async () => {
  const lines = (count: number, name: string) =>
    `${HEAD}${Array.from({ length: count }, (_, at) => `L${String(at).padStart(4, "0")};${name} ${at};;\r\n`).join("")}`;
  const next = (text: string, label: string) => {
    const [, pager = ""] =
      new RegExp(`<nav class="pager" aria-label="Pages des lignes ${label}">(.+?)</nav>`, "s").exec(text) ?? [];
    return /href="([^"]+)" rel="next"/.exec(pager)?.[1]?.replaceAll("&amp;", "&");
  };
  const at = await sent(lines(1_060, "Nom"));
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  const first = await sound(at);
  assert.match(problem({ text: first } as Answer), /1 060 lignes à créer Les 1 000 premières ci-dessous\./);
  assert.match(first, /Nom\s: Nom 49</);
  assert.doesNotMatch(first, /Nom\s: Nom 50</);
  const second = await sound(next(first, "créées")!);
  assert.match(second, /Nom\s: Nom 50</);
  assert.match(second, /rel="prev"/);
  assert.equal((await sophie.post(`${at}/lignes.csv`)).status, 404);
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  assert.match(await sound(next(await sound(at), "créées")!), /L0050/);
  const again = await sent(lines(60, "Autre nom"));
  isAt(await sophie.post(`${again}/verification`, MAPPED));
  const changed = await sound(again);
  assert.match(problem({ text: changed } as Answer), /60 lignes à modifier/);
  assert.match(changed, /<ins>Autre nom 49</);
  assert.match(await sound(next(changed, "modifiées")!), /<del>Nom 59<\/del>.+<ins>Autre nom 59<\/ins>/s);
  isAt(await sophie.post(`${again}/execution`, { errors: "valid" }));
  assert.match(await sound(next(await sound(again), "modifiées")!), /<ins>Autre nom 59<\/ins>/);
  await world.db.act(actOf(sophie.tenantId), (em) => em.execute("delete from poste where serial like 'L%'"));
});

test("IMP-29, IMP-39 : cause par cause, chaque erreur garde ses mots ; le fichier des erreurs reste quand le fichier est parti", async () => {
  const at = await sent(
    `Série;Nom;Date prévue;Poids\r\n${Array.from({ length: 12 }, (_, rank) => `K${rank};;;lourd ${rank}\r\n`).join("")}`,
  );
  isAt(
    await sophie.post(`${at}/verification`, {
      ...MAPPED,
      column: ["serial", "name", "day", "weight"],
      threshold: "100",
    }),
  );
  const checked = await sound(at);
  assert.match(problem({ text: checked } as Answer), /12 lignes en erreur, 1 cause/);
  const [, one] =
    /<a href="([^"]+)">Poids\s: «\u00a0lourd …\u00a0» n’est pas un poids\.<\/a> 12 fois/.exec(checked) ?? [];
  assert.match(await sound(one!.replaceAll("&amp;", "&")), /«\u00a0lourd 11\u00a0» n’est pas un poids/);
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  const id = at.split("/").at(-1);
  const age = (days: number) =>
    world.owner.query(`update import set created_at = now() - interval '${days} days' where id = $1`, [id]);
  const purge = () => world.db.note(sophie.tenantId, purgeImports);
  await age(31);
  await purge();
  assert.match(await sound(at), /erreurs\.csv/);
  assert.match((await sophie.post(`${at}/erreurs.csv`)).text, /^K11;;;lourd 11;13;Poids;/m);
  await age(91);
  await purge();
  const forgotten = await sound(at);
  assert.match(problem({ text: forgotten } as Answer), /Fichier effacé.+il reste ses comptes.+En erreur 12/);
  assert.doesNotMatch(forgotten, /postes\.csv|Empreinte|Réglages de cet import|erreurs\.csv|Par Sophie/);
  assert.equal((await sophie.post(`${at}/erreurs.csv`)).status, 404);
  assert.match(await sound("/imports"), /Fichier effacé/);
});

test("IMP-5, IMP-6, IMP-8 : la lecture se change, et la correspondance avec elle", async () => {
  const at = await sent("Export du jour\r\nSérie,Nom;x\r\nQ1,Zoé;y\r\n");
  assert.equal(
    isAt(await sophie.post(`${at}/lecture`, { encoding: "utf-8", delimiter: ",", headerLine: "2" })),
    `${at}?correspondance=oui`,
  );
  const text = await sound(at);
  assert.match(text, /Nom;x/);
  assert.match(text, /<option value="2" selected>Ligne 2/);
});

test("IMP-10, IMP-19 : un classeur, sa feuille, et la correspondance du dernier fichier aux mêmes colonnes", async () => {
  const content = workbook({
    sheets: [
      { name: "Notes", rows: [["x"]] },
      {
        name: "Parc",
        rows: [
          ["Matériel", "Étiquette"],
          ["R1", "Zoé"],
        ],
      },
    ],
  });
  const at = await sent(content, "parc.xlsx");
  isAt(await sophie.post(`${at}/lecture`, { sheet: "Parc", headerLine: "1" }));
  assert.match(await sound(at), /<option value="Parc" selected>/);
  isAt(await sophie.post(`${at}/verification`, { ...MAPPED, column: ["serial", "name"] }));
  const again = await sent("Matériel;Étiquette\r\nR2;Paul\r\n");
  assert.match(await sound(again), /Reprise du dernier fichier aux mêmes colonnes/);
});

test("coller depuis un tableur", async () => {
  const at = isAt(await sophie.post("/imports/postes/collage", { text: "Série\tNom\nT1\tZoé" }));
  assert.match(await sound(at), /1 ligne et 2 colonnes/);
  assert.match(problem(await sophie.post("/imports/postes/collage", { text: "" })), /Collez d’abord des lignes/);
});

test("IMP-2, IMP-7, IMP-20, IMP-27 : ce qui ne se lit pas, ou ne s’importe pas, est dit sur sa page", async () => {
  const refused = await sendForm(world, sophie, NEW, {
    name: "vieux.csv",
    content: Buffer.from("d0cf11e0a1b11ae1", "hex"),
  });
  assert.equal(refused.status, 422);
  assert.match(problem(refused), /Enregistrez le fichier au format \.xlsx ou CSV/);
  assert.match(
    problem(await sendForm(world, sophie, NEW, { name: "a.csv", content: Buffer.from('a;b\n"1;2\n') })),
    /guillemet s’ouvre à la ligne 2/,
  );
  const at = await sent("Série;Sécu\r\nU1;1 85 05 78 006 084 91\r\nU2;2 94 03 75 120 005 91\r\n");
  const text = await sound(at);
  assert.match(text, /jamais importés/);
  assert.match(
    problem(await sophie.post(`${at}/verification`, { ...MAPPED, column: ["serial", "name"] })),
    /numéros de sécurité sociale/,
  );
  assert.match(
    problem(await sophie.post(`${at}/verification`, { ...MAPPED, column: ["", ""], key: [] })),
    /[Dd]ites où va au moins une colonne/,
  );
  assert.match(
    problem(await sophie.post(`${at}/verification`, { ...MAPPED, column: ["serial", "serial"] })),
    /[Dd]eux colonnes vont à/,
  );
});

test("IMP-3 : un import s’ouvre à son auteur et à qui administre, à personne d’autre", async () => {
  const at = await sent(`${HEAD}V1;Zoé;;\r\n`);
  assert.equal((await denis.get(at)).status, 200);
  for (const who of ["karim", "helene"])
    assert.ok([403, 404].includes((await (await world.as(who)).get(at)).status), who);
  assert.equal((await (await world.as("nathalie")).get(at)).status, 404);
  assert.equal((await sophie.get("/imports/inconnu/nouveau")).status, 404);
  assert.equal((await (await world.as("karim")).get(NEW)).status, 403);
});

test("IMP-19 : une correspondance se nomme, se retrouve avec sa dernière date, et une autre se reprend", async () => {
  const head = "Repère;Désignation\r\n";
  const first = await sent(`${head}N1;Zoé\r\n`);
  const column = ["serial", "name"];
  isAt(await sophie.post(`${first}/verification`, { ...MAPPED, column, name: "Relevé d’été" }));
  const second = await sent(`${head}N2;Paul\r\n`);
  const proposed = await sound(second);
  assert.match(proposed, /Reprise de «\u00a0Relevé d’été\u00a0», utilisée le /);
  assert.match(proposed, /name="name"[^>]*value="Relevé d’été"/);
  isAt(await sophie.post(`${second}/verification`, { ...MAPPED, column: ["name", "serial"], name: "Relevé d’hiver" }));
  const third = await sent(`${head}N3;Léa\r\n`);
  assert.match(await sound(third), /Reprise de «\u00a0Relevé d’hiver\u00a0»/);
  const [{ id }] = (await world.owner.query("select id from import_mapping where name = 'Relevé d’été'")).rows;
  assert.equal(isAt(await sophie.post(`${third}/correspondance`, { known: id })), `${third}?correspondance=oui`);
  const resumed = await sound(`${third}?correspondance=oui`);
  assert.match(resumed, /Reprise de «\u00a0Relevé d’été\u00a0»/);
  assert.match(resumed, /<option value="serial" selected>[\s\S]*<option value="name" selected>/);
  const gone = await sophie.post(`${third}/correspondance`, { known: "00000000-0000-7000-8000-00000000dead" });
  assert.equal(gone.status, 404);
  assert.match(
    problem(await sophie.post(`${third}/verification`, { ...MAPPED, column, name: "x".repeat(81) })),
    /[Rr]accourcissez le nom à 80/,
  );
});

test("IMP-33 : un import quitté se retrouve parmi les siens et ceux de sa campagne, et dit où il en est", async () => {
  const at = await sent(`${HEAD}W1;Zoé;;\r\n`, "retrouvé.csv");
  const mine = await sound("/imports");
  assert.match(mine, /Mes imports/);
  assert.match(mine, new RegExp(`href="${at}"[^>]*>retrouvé.csv`));
  assert.match(mine, /À vérifier/);
  assert.doesNotMatch(mine, /data-live="imports"/);
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  const id = at.split("/").at(-1)!;
  await world.owner.query(
    `update import set state = 'running', started_at = $2, done = 25000, counts = counts || '{"error": 7}',
       survey = survey || '{"lines": 100000}' where id = $1`,
    [id, new Date(world.clock.now().getTime() - 60_000)],
  );
  const progress = await sound(at);
  assert.match(progress, /data-live="imports"/);
  assert.match(progress.replace(/\s/g, " "), /25 000 sur 100 000/);
  assert.match(progress.replace(/\s/g, " "), /Encore environ 3 minutes\. 7 lignes en erreur/);
  const followed = (await sound("/imports")).replace(/\s/g, " ");
  assert.match(followed, /En cours, 25 %/);
  assert.match(followed, /data-live="imports"/);
  assert.match(await sound("/imports?de=postes", denis), /Les imports de chacun/);
  assert.doesNotMatch(await sound("/imports", await world.as("helene")), /retrouvé\.csv/);
  await world.owner.query("update import set state = 'completed', finished_at = now() where id = $1", [id]);
});

test("IMP-33 : chaque partie d’un import le dit à qui le suit", async () => {
  const { importFollowers, importsTouched } = await import("../../src/imports/queries/followed.ts");
  const at = await sent(`${HEAD}X1;Zoé;;\r\n`);
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  const { rows } = await world.owner.query(
    "select c.id from changeset c join act a on a.id = c.act_id where a.code = 'import.run' order by c.id desc limit 1",
  );
  const topics = await world.db.read(sophie.tenantId, (em) => importsTouched(em, [rows[0].id]));
  assert.deepEqual(topics, [importFollowers(sophie.id)]);
});

test("IMP-33 : « tout ou rien », que rien ne scelle avant sa fin, le dit aussi à chaque partie", {
  timeout: 60_000,
}, async () => {
  const at = await sent(`${HEAD}X2;Zoé;;\r\n`);
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  await world.sealer.sealAll();
  const stream = await openStream(world.origin, sophie.cookie, "imports");
  const others = await openStream(world.origin, denis.cookie, "imports");
  while (!world.hub.hears) await setImmediate();
  // Nothing is sealed from here on.
  isAt(await sophie.post(`${at}/execution`, { errors: "none" }));
  assert.deepEqual((await stream.next()).topics, ["imports"]);
  assert.deepEqual(others.waiting(), []);
  stream.close();
  others.close();
});

test("IMP-33 : qui le souhaite reçoit aussi la fin d’un long import par courriel, et personne d’autre", async () => {
  const at = await sent(`${HEAD}V1;Zoé;;\r\nV2;Paul;31/02/2026;\r\n`, "à suivre.csv");
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  assert.doesNotMatch(await sound(at), /M’écrire à la fin/);
  const id = at.split("/").at(-1)!;
  await world.owner.query(`update import set survey = survey || '{"lines": 2001}' where id = $1`, [id]);
  assert.match(await sound(at), /M’écrire à la fin/);
  await world.owner.query(`update import set survey = survey || '{"lines": 2}' where id = $1`, [id]);
  isAt(await sophie.post(`${at}/execution`, { errors: "valid", mails: "oui" }));
  const unwished = await sent(`${HEAD}V3;Léa;;\r\n`);
  isAt(await sophie.post(`${unwished}/verification`, MAPPED));
  isAt(await sophie.post(`${unwished}/execution`, { errors: "valid" }));
  const { rows } = await world.owner.query(
    "select address, subject, payload from outbox where kind = 'imports.finished'",
  );
  assert.deepEqual(rows, [
    {
      address: (await world.userOf("sophie")).email,
      subject: "L’import de « à suivre.csv » est terminé",
      payload: { id, file: "à suivre.csv", state: "completed", create: 1, update: 0, error: 1 },
    },
  ]);
});

test("IMP-31 : une vérification dépassée est refaite, ce qui diffère est montré, et rien ne part avant", async () => {
  const first = await sent(`${HEAD}Y1;Zoé;;\r\nY2;Paul;;\r\n`);
  isAt(await sophie.post(`${first}/verification`, MAPPED));
  isAt(await sophie.post(`${first}/execution`, { errors: "valid" }));
  const at = await sent(`${HEAD}Y1;Zoé B.;;\r\nY3;Léa;;\r\n`);
  isAt(await sophie.post(`${at}/verification`, MAPPED));
  assert.match(await sound(at), /Importer 2 lignes/);
  const write = (text: string) => world.db.act(actOf(sophie.tenantId), (em) => em.execute(text));
  const nameOf = async (serial: string) =>
    (await world.owner.query("select name from poste where serial = $1", [serial])).rows[0].name;
  // Somebody else makes one of the lines meanwhile, exactly as the file says it.
  await write(
    "insert into poste (tenant_id, id, serial, name) select tenant_id, uuidv7(), 'Y3', 'Léa' from poste where serial = 'Y1'",
  );
  assert.equal(isAt(await sophie.post(`${at}/execution`, { errors: "valid" })), at);
  const again = await sound(at);
  assert.match(again, /Des données ont changé depuis la vérification/);
  assert.match(again.replace(/<[^>]+>/g, "").replace(/\s/g, " "), /Lignes à créer : 0, au lieu de 1/);
  assert.match(again.replace(/<[^>]+>/g, "").replace(/\s/g, " "), /Lignes inchangées : 1, au lieu de 0/);
  assert.equal(await nameOf("Y1"), "Zoé");
  // Another change that makes no difference to it: it goes.
  await write("update poste set on_day = '2026-03-12' where serial = 'Y2'");
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  assert.match(await sound(at), /Résultat de l’import/);
  assert.equal(await nameOf("Y1"), "Zoé B.");
  // As many lines, but other cells.
  const third = await sent(`${HEAD}Y1;Zoé C.;;\r\n`);
  isAt(await sophie.post(`${third}/verification`, MAPPED));
  await write("update poste set name = 'Zoé A.' where serial = 'Y1'");
  isAt(await sophie.post(`${third}/execution`, { errors: "valid" }));
  assert.match(await sound(third), /leurs cellules ou leurs erreurs ne sont plus les mêmes/);
  isAt(await sophie.post(`${third}/execution`, { errors: "valid" }));
  assert.equal(await nameOf("Y1"), "Zoé C.");
});

test("IMP-5, IMP-6, IMP-14 : la page dit sa certitude, et montre ce que donnerait un autre choix, sans rien garder", async () => {
  const at = await sent(latin("Série;Nom;Date prévue\r\nZ1;Zoé, au fond;03/12/2026\r\nZ2;Paul;31/02/2026\r\n"));
  const page = problem({ text: await sound(at) } as Answer);
  assert.match(page, /Reconnu : ISO-8859-1, très probable\./);
  assert.match(page, /Aperçu des premières lignes Lecture en ISO-8859-1, séparateur « point-virgule »/);
  assert.match(page, /03\/12\/2026 lu : 2026-12-03/);
  assert.match(page, /31\/02\/2026 Illisible Ce jour n’est pas au calendrier/);
  const asked = (query: Record<string, string | string[]>, part = true) => {
    const pairs = Object.entries(query).flatMap(([name, all]) => [all].flat().map((one) => [name, one]));
    return sophie.get(`${at}/apercu?${new URLSearchParams(pairs)}`, { part });
  };
  const order = await asked({ column: ["serial", "name", "day"], order: "Date prévue", decimal: "" });
  assert.match(problem(order), /03\/12\/2026 lu : 2026-03-12/);
  assert.doesNotMatch(order.text, /<html/);
  assert.match(problem(await asked({ column: ["", "", ""] })), /Z1 Zoé, au fond 03\/12\/2026 3 Z2/);
  const comma = problem(await asked({ encoding: "iso-8859-1", delimiter: ",", headerLine: "1" }));
  assert.match(comma, /séparateur « virgule »/);
  assert.match(comma, /Série;Nom;Date prévue Colonne 2 2 Z1;Zoé au fond;03\/12\/2026/);
  assert.match(comma, /« Relire ainsi » la garde/);
  assert.match(problem(await asked({ encoding: "utf-8", delimiter: ";", headerLine: "1" })), /Zo\ufffd/);
  assert.match(problem(await asked({ encoding: "iso-8859-1", delimiter: ";", headerLine: "3" })), /Aucune ligne après/);
  assert.equal((await asked({ encoding: "klingon" })).status, 422);
  assert.match(await sound(`${at}/apercu`), /<h1>Aperçu du fichier<\/h1>/);
  assert.match(problem({ text: await sound(at) } as Answer), /Lecture en ISO-8859-1, séparateur « point-virgule »/);
  assert.equal((await (await world.as("karim")).get(`${at}/apercu`)).status, 403);
  // A quote that another delimiter opens is told in the preview, the file being read as before.
  const quoted = await sent('Série;Nom,"x\r\nZ3;Zoé\r\n');
  const unclosed = await sophie.get(`${quoted}/apercu?encoding=utf-8&delimiter=%2C&headerLine=1`, { part: true });
  assert.equal(unclosed.status, 200);
  assert.match(problem(unclosed), /Un guillemet s’ouvre à la ligne 1/);
});

test("IMP-16 : une colonne qui mêle 1.234 et 1,234 demande une fois son signe décimal", async () => {
  const at = await sent("Série;Poids\r\nA1;1.234\r\nA2;1,234\r\n");
  const asked = { ...MAPPED, column: ["serial", "weight"] };
  const refused = await sophie.post(`${at}/verification`, asked);
  assert.equal(refused.status, 422);
  assert.match(problem(refused), /«\s?Poids\s?» a des nombres comme 1\.234 et d’autres comme 1,234/);
  assert.match(refused.text, /id="field-decimal-problem"/);
  assert.deepEqual(faultsOf(parseHtml(refused.text)), []);
  // What was chosen beside is kept, in the form and in what it gives.
  const dated = await sent("Série;Poids;Date prévue\r\nA1;1.234;03/12/2026\r\nA2;1,234;04/11/2026\r\n");
  const kept = await sophie.post(`${dated}/verification`, {
    ...asked,
    column: ["serial", "weight", "day"],
    order: "Date prévue",
  });
  assert.equal(kept.status, 422);
  assert.match(kept.text, /name="order" value="Date prévue" checked/);
  assert.match(problem(kept), /03\/12\/2026 lu : 2026-03-12/);
  isAt(await sophie.post(`${at}/verification`, { ...asked, decimal: ["", ",Poids"] }));
  const plain = await sent("Série;Poids\r\nA1;1.234\r\nA2;12,5\r\n");
  isAt(await sophie.post(`${plain}/verification`, asked));
});

test("IMP-19 : une correspondance se supprime, pour tous les fichiers à venir", async () => {
  const head = "Code;Intitulé\r\n";
  const first = await sent(`${head}D1;Zoé\r\n`);
  isAt(await sophie.post(`${first}/verification`, { ...MAPPED, column: ["serial", "name"], name: "À oublier" }));
  const second = await sent(`${head}D2;Paul\r\n`);
  assert.match(await sound(second), /Supprimer celle-ci/);
  const [{ id }] = (await world.owner.query("select id from import_mapping where name = 'À oublier'")).rows;
  assert.equal(
    isAt(await sophie.post(`${second}/correspondance/suppression`, { known: id })),
    `${second}?correspondance=oui`,
  );
  const left = await sound(`${second}?correspondance=oui`);
  assert.match(left, /<option value="serial" selected>[\s\S]*<option value="name" selected>/);
  assert.deepEqual((await world.owner.query("select id from import_mapping where name = 'À oublier'")).rows, []);
  assert.equal((await sophie.post(`${second}/correspondance/suppression`, { known: id })).status, 404);
  // That of other columns is not theirs.
  const [{ id: other }] = (await world.owner.query("select id from import_mapping where name = 'Relevé d’hiver'")).rows;
  assert.equal((await sophie.post(`${second}/correspondance/suppression`, { known: other })).status, 404);
});
