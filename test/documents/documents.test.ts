import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { documents } from "../../src/documents/module.ts";
import { startScanning } from "../../src/files/index.ts";
import { sweepFiles } from "../../src/files/sweep.ts";
import { StoredFile } from "../../src/platform/storage/file.ts";
import { PIECE_BYTES } from "../../src/platform/storage/upload.ts";
import { docx, program, zip } from "../support/archive.ts";
import { EICAR, startClamd } from "../support/clamd.ts";
import { giveDocument, giveUpload, picture } from "../support/files.ts";
import { sendForm, tokenOf } from "../support/multipart.ts";
import { fromOurPage, send } from "../support/sweep.ts";
import { type Answer, type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const NEW = "/documents/nouveau";
const sophie = await world.as("sophie");
const karim = await world.as("karim");
const denis = await world.as("denis");

const words = Buffer.from("# Charte\n\nBonjour à **tous**.\n\n<script>alert(1)</script>\n");

const drop = (browser: Browser, name: string, content: Buffer, fields: Record<string, string> = {}) =>
  sendForm(world, browser, NEW, { name, content }, { title: `Essai ${name}`, kind: "documentation", ...fields });
const isAt = ({ status, location, text }: Answer) => {
  assert.equal(status, 303, text.slice(0, 400));
  return location!;
};
const problemOf = (text: string) => /id="field-file-problem">[\s\S]*?<\/svg>([\s\S]*?)<\/p>/.exec(text)?.[1]?.trim();
const keys = async () => {
  const found: string[] = [];
  for await (const { key } of world.files.store.list()) found.push(key);
  return found.sort();
};
const undoOf = (text: string) => /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec(text)![1]!;
const lastUndo = async (browser: Browser) => undoOf((await browser.get("/actes")).text);

test("DOC-1 : une gestionnaire dépose, chacun lit : genre, taille, version, empreinte, qui et quand", async () => {
  assert.match((await karim.get("/documents")).text, /Aucun document pour l’instant/);
  assert.doesNotMatch((await karim.get("/documents")).text, /href="\/documents\/nouveau"/);
  const at = isAt(await drop(sophie, "charte.md", words, { title: "Charte  informatique" }));
  const digest = createHash("sha256").update(words).digest("hex");
  for (const browser of [sophie, karim, await world.as("helene"), await world.as("martine")]) {
    const { text } = await browser.get("/documents");
    assert.match(text, new RegExp(`<a href="${at}">Charte informatique</a>`));
    assert.match(text, /version 1/);
    assert.match(text, new RegExp(`${digest.slice(0, 12)}…`));
    assert.match(text, /1\sko/);
    assert.match((await browser.get(at)).text, new RegExp(digest));
    const file = await browser.get(`${at}/versions/1/fichier`);
    assert.equal(file.status, 200);
    assert.equal(file.text, words.toString());
    assert.match(file.headers.get("content-disposition")!, /^attachment; filename=charte\.md$/);
    assert.match(file.headers.get("content-security-policy")!, /^sandbox; default-src 'none'$/);
    assert.equal(file.headers.get("x-content-type-options"), "nosniff");
  }
  assert.equal((await (await world.as("nathalie")).get(at)).status, 404, "une autre organisation");
  assert.equal((await (await world.as("nadia")).get(at)).status, 403, "celle qui tient l’instance");
  const [{ id }] = (await world.db.read(sophie.tenantId, (em) =>
    em.execute("select id from file where purpose = 'document.file'"),
  )) as [{ id: string }];
  assert.equal((await karim.get(`/fichiers/${id}`)).status, 404, "un document ne se prend que par sa page");
});

test("PRM-13 : seuls administrateurs et gestionnaires déposent, renomment, retirent", async () => {
  const document = await giveDocument(world, sophie, { title: "Réservé" });
  const at = `/documents/${document.id}`;
  for (const browser of [karim, await world.as("helene"), await world.as("aicha")]) {
    for (const path of [NEW, `${at}/modifier`, `${at}/versions/nouvelle`, "/documents/corbeille"])
      assert.equal((await browser.get(path)).status, 403, path);
    assert.equal((await browser.post(`${at}/corbeille`)).status, 403);
    assert.doesNotMatch((await browser.get(at)).text, /corbeille|Nouvelle version/);
  }
});

test("DOC-2 : ce qui n’est pas permis est refusé avec la liste, et rien n’en reste", async () => {
  const before = await keys();
  const cases: [string, Buffer, RegExp][] = [
    ["page.html", Buffer.from("<!doctype html><p>x"), /genre accepté ici.*PDF, DOC, DOCX.*MSI ou EXE/],
    ["dessin.svg", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), /genre accepté ici/],
    ["note.pdf", docx(), /du genre DOCX/],
    ["facture.exe.pdf", Buffer.from("%PDF-1.4"), /deux fins/],
    ["../../etc/note.txt", words, /contient un chemin/],
    ["bombe.zip", zip([{ name: "a", content: Buffer.alloc(20_000_000) }]), /100 fois/],
  ];
  for (const [name, content, says] of cases) {
    const { status, text } = await drop(sophie, name, content);
    assert.equal(status, 422, name);
    assert.match(problemOf(text) ?? "", says, name);
    assert.match(text, /value="Essai /, "le titre tapé est gardé");
  }
  const upload = await giveUpload(world, sophie, "document.file", program());
  const pieces = await sophie.post(NEW, { title: "x", kind: "other", upload });
  assert.equal(pieces.status, 422, "venu par morceaux aussi");
  assert.match(problemOf(pieces.text) ?? "", /du genre EXE/);
  const untitled = await drop(sophie, "note.txt", words, { title: " " });
  assert.equal(untitled.status, 422);
  assert.match(untitled.text, /Écrivez un titre/);
  const heavy = await drop(sophie, "lourd.txt", Buffer.alloc(50_000_001, 97));
  assert.equal(heavy.status, 413);
  assert.match(problemOf(heavy.text) ?? "", /dépasse 50\sMo/);
  assert.deepEqual(await keys(), before);
});

test("DOC-2 : par morceaux, un fichier de plusieurs mégaoctets arrive entier", async () => {
  const content = Buffer.from("Une ligne de la procédure.\n".repeat(100_000));
  const announced = { purpose: "document.file", name: "long.txt", size: String(content.length), mark: "1" };
  const opened = await sophie.post("/envois", announced, { part: true });
  const at = opened.headers.get("location")!;
  const token = await tokenOf(sophie, NEW);
  for (let offset = 0; offset < content.length; offset += PIECE_BYTES) {
    const body = content.subarray(offset, offset + PIECE_BYTES);
    const headers = {
      ...fromOurPage(world, sophie),
      "x-csrf-token": token,
      "content-type": "application/partial-upload",
      "upload-offset": String(offset),
      "content-digest": `sha-256=:${createHash("sha256").update(body).digest("base64")}:`,
    };
    const { status } = await send(world.origin, { method: "POST", path: `${at}/morceaux`, headers, body });
    assert.equal(status, 204);
  }
  const fields = { title: "Longue procédure", kind: "procedure", upload: at.split("/")[2]! };
  const document = isAt(await sophie.post(NEW, fields));
  assert.equal((await karim.get(`${document}/versions/1/fichier`)).text, content.toString());
});

test("DOC-3 : un programme ou un script prévient avec son empreinte, et ne se voit jamais ici", async () => {
  for (const [name, content] of [
    ["poste.exe", program()],
    ["poste.ps1", Buffer.from("Write-Host 'été'\r\n")],
  ] as const) {
    const at = isAt(await drop(sophie, name, content, { kind: "script" }));
    const digest = createHash("sha256").update(content).digest("hex");
    assert.match((await karim.get(at)).text, /Ce fichier s’exécute/);
    const straight = await karim.get(`${at}/versions/1/fichier`);
    assert.equal(isAt(straight), `${at}/versions/1/mise-en-garde`);
    const { text } = await karim.get(straight.location!);
    assert.match(text, new RegExp(`value="${digest}"`));
    const href = /href="([^"]+\?empreinte=[0-9a-f]{64})"/.exec(text)![1]!;
    const file = await karim.get(href);
    assert.equal(file.status, 200);
    assert.match(file.headers.get("content-disposition")!, /^attachment/);
    assert.equal((await karim.get(`${at}/versions/1/apercu`)).status, 404);
  }
});

test("DOC-3 : PDF, images et Markdown se voient, dans un cadre où rien ne peut s’exécuter", async () => {
  const shown = async (name: string, content: Buffer) => {
    const at = isAt(await drop(sophie, name, content));
    return { page: await karim.get(at), seen: await karim.get(`${at}/versions/1/apercu`) };
  };
  const markdown = await shown("lisez.md", words);
  assert.match(markdown.page.text, /<iframe class="seen" [^>]*sandbox>/);
  assert.match(markdown.page.headers.get("content-security-policy")!, /frame-src 'self'/);
  assert.match(markdown.seen.text, /<strong>tous<\/strong>/);
  assert.doesNotMatch(markdown.seen.text, /<script/);
  const image = await shown("plan.png", await picture());
  assert.match(image.page.text, /<img class="seen"/);
  assert.doesNotMatch(image.page.headers.get("content-security-policy")!, /frame-src/);
  const pdf = await shown("notice.pdf", Buffer.from("%PDF-1.4\n%%EOF\n"));
  for (const { seen } of [markdown, image, pdf]) {
    assert.equal(seen.status, 200);
    assert.match(seen.headers.get("content-security-policy")!, /^sandbox; default-src 'none'; frame-ancestors 'self'/);
    assert.equal(seen.headers.get("x-frame-options"), "SAMEORIGIN");
    assert.equal(seen.headers.get("x-content-type-options"), "nosniff");
  }
  assert.equal(pdf.seen.headers.get("content-type"), "application/pdf");
  const text = await shown("note.txt", words);
  assert.equal(text.seen.status, 404);
});

test("DOC-5 : une nouvelle version remplace, les précédentes restent ; annulée, l’ancienne revient en vigueur", async () => {
  const at = isAt(await drop(sophie, "v1.txt", Buffer.from("un")));
  const next = await sendForm(world, sophie, `${at}/versions/nouvelle`, {
    name: "v2.txt",
    content: Buffer.from("deux"),
  });
  assert.equal(isAt(next), at);
  assert.match((await sophie.get(at)).text, /Version 2, en vigueur/);
  for (const [number, content] of [
    [1, "un"],
    [2, "deux"],
  ])
    assert.equal((await karim.get(`${at}/versions/${number}/fichier`)).text, content);
  const undo = await lastUndo(sophie);
  await sophie.get(undo);
  assert.equal((await sophie.post(undo)).status, 303);
  assert.match((await karim.get(at)).text, /Version 1, en vigueur/);
  assert.equal((await karim.get(`${at}/versions/2/fichier`)).status, 404);
});

test("DOC-5 : deux versions déposées en même temps ont deux numéros", async () => {
  const at = isAt(await drop(sophie, "a.txt", words));
  const path = `${at}/versions/nouvelle`;
  const both = await Promise.all(
    [sophie, denis].map((browser, i) =>
      sendForm(world, browser, path, { name: `${i}.txt`, content: Buffer.from(`${i}`) }),
    ),
  );
  assert.deepEqual(
    both.map(({ status }) => status),
    [303, 303],
  );
  assert.match((await karim.get(at)).text, /id="version-3"[\s\S]+id="version-2"[\s\S]+id="version-1"/);
});

test("HIS-12 : un dépôt s’annule, et son annulation aussi ; plus tard, il renvoie à la corbeille", async () => {
  const at = isAt(await drop(sophie, "erreur.txt", Buffer.from("erreur")));
  for (const status of [404, 200]) {
    const undo = await lastUndo(sophie);
    await sophie.get(undo);
    assert.equal((await sophie.post(undo)).status, 303);
    assert.equal((await karim.get(at)).status, status);
  }
  assert.equal((await karim.get(`${at}/versions/1/fichier`)).text, "erreur");

  const second = isAt(await drop(sophie, "suivi.txt", Buffer.from("un")));
  const deposit = await lastUndo(sophie);
  const next = await sendForm(world, sophie, `${second}/versions/nouvelle`, {
    name: "b.txt",
    content: Buffer.from("deux"),
  });
  assert.equal(next.status, 303);
  assert.match((await sophie.get(deposit)).text, /a reçu d’autres versions depuis\. Mettez-le plutôt à la corbeille/);
});

test("HIS-11 : de l’historique d’un document, qui le gère annule son propre acte ; qui le lit seulement n’y entre pas", async () => {
  const at = isAt(await drop(sophie, "suivi-de-pres.txt", Buffer.from("un")));
  const link = /href="(\/historique\/document\/[0-9a-f-]+)"/.exec((await sophie.get(at)).text)![1]!;
  const { status, text } = await sophie.get(link);
  assert.equal(status, 200);
  assert.doesNotMatch(text, /href="\/admin\/historique/, "l’historique de toute l’organisation n’est pas pour elle");
  const undo = undoOf(text);
  assert.equal((await sophie.get(undo)).status, 200);
  assert.equal((await denis.get(link)).text.includes('href="/admin/historique/'), true);
  for (const browser of [karim, await world.as("helene")]) {
    assert.doesNotMatch((await browser.get(at)).text, /\/historique\//);
    assert.equal((await browser.get(link)).status, 403);
  }
  assert.equal((await (await world.as("nathalie")).get(link)).status, 404);
});

test("GEN-8 : renommer sur une page trop vieille est arrêté, avec ce qu’il en est", async () => {
  const { id } = await giveDocument(world, sophie, { title: "Avant" });
  const at = `/documents/${id}/modifier`;
  await sophie.get(at);
  assert.equal((await denis.post(at, { title: "Entre-temps", kind: "other", version: "1" })).status, 303);
  const late = await sophie.post(at, { title: "Trop tard", kind: "other", version: "1" });
  assert.equal(late.status, 409);
  assert.match(late.text, /Entre-temps/);
});

test("DOC-6 : à la corbeille trente jours, hors de vue et de retour à volonté, puis effacé avec ses fichiers", async () => {
  const { id } = await giveDocument(world, sophie, { title: "À jeter" });
  const at = `/documents/${id}`;
  assert.equal(isAt(await sophie.post(`${at}/corbeille`)), "/documents");
  const list = await sophie.get("/documents");
  assert.doesNotMatch(list.text, /À jeter<\/a>/);
  for (const path of [at, `${at}/versions/1/fichier`]) assert.equal((await karim.get(path)).status, 404, path);
  assert.match((await sophie.get("/documents/corbeille")).text, /À jeter/);
  assert.equal((await sophie.post(`${at}/modifier`, { title: "x", kind: "other", version: "2" })).status, 422);

  const undo = undoOf(list.text);
  await sophie.get(undo);
  assert.equal((await sophie.post(undo)).status, 303);
  assert.equal((await karim.get(at)).status, 200, "l’annulation l’en sort");
  assert.equal((await sophie.post(`${at}/corbeille`)).status, 303);
  assert.equal((await sophie.post(`${at}/restauration`)).status, 303);
  assert.equal((await karim.get(at)).status, 200, "la corbeille aussi");
  assert.equal((await sophie.post(`${at}/corbeille`)).status, 303);

  const purge = () =>
    documents.schedules![0]!.run(world.app.locals.services, { tenantId: sophie.tenantId, day: "" } as never);
  assert.equal(await purge(), "0 document effacé");
  await world.clock.advanceMinutes(30 * 24 * 60 + 1);
  const fresh = await world.as("sophie");
  const kept = await keys();
  assert.equal(await purge(), "1 document effacé");
  assert.equal((await fresh.get(at)).status, 404);
  await sweepFiles({ db: world.db, files: world.files }, { tenantId: fresh.tenantId, now: world.clock.now() });
  assert.equal((await keys()).length, kept.length - 1, "ses octets s’en vont avec lui");
});

test("DOC-4 : en vérification, un document se dit tel, puis s’ouvre de lui-même ; refusé, il est dit à qui l’a envoyé", async () => {
  const clamd = await startClamd();
  const watched = await startWorld({ clamd: clamd.address });
  const scanning = startScanning(watched.app.locals.services, {
    everyMs: 2 ** 30,
    onError: (error) => assert.fail(String(error)),
  });
  const [manager, reader] = [await watched.as("sophie"), await watched.as("karim")];
  const upload = await giveUpload(watched, manager, "document.file", words);
  const at = isAt(await manager.post(NEW, { title: "Notice", kind: "other", upload }));
  assert.match((await manager.get(at)).text, /Le document est déposé. L’antivirus le vérifie/);
  assert.match((await reader.get("/documents")).text, /En vérification/);
  assert.match((await reader.get(at)).text, /Version 1 en cours de vérification/);
  assert.equal((await reader.get(`${at}/versions/1/fichier`)).status, 404);
  await watched.sealer.sealAll();
  const seals = await watched.db.read(reader.tenantId, (em) =>
    em.execute<{ n: number }[]>("select max(sequence)::int as n from seal"),
  );
  await scanning.sweep();
  await watched.sealer.sealAll();
  assert.equal((await reader.get(`${at}/versions/1/fichier`)).text, words.toString());
  const told = await fetch(`${watched.origin}/flux?sujets=documents&dernier=${seals[0]!.n}`, {
    headers: { cookie: reader.cookie, "sec-fetch-site": "same-origin" },
  });
  const stream = told.body!.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  while (!heard.includes("data: {")) heard += (await stream.read()).value ?? "";
  await stream.cancel();
  assert.match(heard, /"topics":\["documents"\]/, "LIV-1 : la page suit");

  const bad = { name: "mal.txt", content: Buffer.from(EICAR) };
  assert.equal(isAt(await sendForm(watched, manager, `${at}/versions/nouvelle`, bad)), at);
  await scanning.sweep();
  const page = await reader.get(at);
  assert.match(page.text, /Version 2 refusée par l’antivirus/);
  assert.match(page.text, /Version 1, en vigueur/);
  assert.equal((await reader.get(`${at}/versions/2/fichier`)).status, 404);
  const { text } = await manager.get("/notifications");
  assert.match(text, /L’antivirus a refusé votre fichier «\smal\.txt\s»/);
  assert.doesNotMatch((await reader.get("/notifications")).text, /mal\.txt/);
  const row = await watched.db.read(manager.tenantId, (em) => em.findOne(StoredFile, { name: "mal.txt" }));
  assert.equal(row!.state, "infected");
  await scanning.stop();
});

test("la liste se filtre, se trie et se pagine comme les autres", async () => {
  const fresh = await world.as("sophie");
  const titles = ({ text }: Answer) =>
    [...text.matchAll(/<th scope="row"><a[^>]*>([^<]+)<\/a>/g)].map(([, title]) => title);
  for (let i = 0; i < 51; i++) {
    await giveDocument(world, fresh, {
      title: `Pile ${String(i).padStart(2, "0")}`,
      content: Buffer.alloc(10 + i, 97),
    });
  }
  const first = await fresh.get("/documents?q=pile");
  assert.equal(titles(first).length, 50);
  assert.match(first.text, /51 documents/);
  const next = /href="(\/documents\?[^"]+)" rel="next"/.exec(first.text)![1]!.replaceAll("&amp;", "&");
  assert.deepEqual(titles(await fresh.get(next)), ["Pile 50"]);
  const heavy = await fresh.get("/documents?q=pile&tri=size&sens=decroissant");
  assert.equal(titles(heavy)[0], "Pile 50");
  assert.match((await fresh.get("/documents?genre=procedure")).text, /Longue procédure/);
  assert.doesNotMatch((await fresh.get("/documents?genre=procedure")).text, /Pile/);
  for (const tri of ["title", "kind", "size", "date"])
    assert.equal((await fresh.get(`/documents?tri=${tri}`)).status, 200);
  assert.match((await fresh.get("/documents?q=introuvable")).text, /Aucun document ne répond/);
});
