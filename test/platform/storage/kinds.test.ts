import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { MOST_ENTRIES, type Reads } from "../../../src/platform/storage/archive.ts";
import { KINDS, type KindName, sniff } from "../../../src/platform/storage/kinds.ts";
import { compound, docx, openDocument, type Packed, program, xlsx, zip } from "../../support/archive.ts";
import { picture } from "../../support/files.ts";

const ALL = Object.keys(KINDS) as KindName[];

/** In small pieces, as a slow disk would. */
const readsOf =
  (content: Buffer): Reads =>
  async (range) => {
    const wanted = content.subarray(range?.start ?? 0, (range?.end ?? content.length) + 1);
    const pieces: Buffer[] = [];
    for (let at = 0; at < wanted.length; at += 7_001) pieces.push(wanted.subarray(at, at + 7_001));
    return Readable.from(pieces);
  };
const look = (content: Buffer, name: string, kinds = ALL) => sniff(readsOf(content), content.length, name, kinds);

const words = Buffer.from("Bonjour à tous.\r\n");
const PDF = Buffer.from("%PDF-1.7\n%âãÏÓ\n1 0 obj\n");
const TEXT_ONLY: KindName[] = ["txt"];

test("DOC-2 : chaque genre permis se reconnaît à son contenu", async () => {
  const samples: Record<string, Buffer> = {
    "notice.pdf": PDF,
    "lettre.doc": compound("doc"),
    "lettre.docx": docx(),
    "liste.xlsx": xlsx(),
    "note.odt": openDocument("text"),
    "liste.ods": openDocument("spreadsheet"),
    "plan.png": await picture(),
    "plan.jpg": await picture(40, 30, "jpeg"),
    "plan.webp": await picture(40, 30, "webp"),
    "note.txt": words,
    "ancien.txt": Buffer.from("Caf\xe9 ferm\xe9", "latin1"),
    "large.ps1": Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("Write-Host « été »", "utf16le")]),
    "page.txt": Buffer.from("<!doctype html><script>alert(1)</script>"),
    "flux.txt": Buffer.from('<?xml version="1.0"?><a/>'),
    "note.md": words,
    "tout.zip": zip([
      { name: "a/b.txt", content: words },
      { name: "lettre.docx", content: docx(), stored: true },
    ]),
    "tout.bat": words,
    "tout.cmd": words,
    "poste.msi": compound("msi"),
    "poste.exe": program(),
  };
  for (const [name, content] of Object.entries(samples)) {
    const { extensions } = await look(content, name);
    assert.ok((extensions as readonly string[]).includes(name.split(".")[1]!), name);
  }
});

test("P40 : une fin de nom qui ne dit pas le contenu est refusée, avec le genre trouvé ou la liste permise", async () => {
  const cases: [string, Buffer, RegExp][] = [
    ["note.pdf", docx(), /du genre DOCX, et son nom finit par «\s\.pdf\s»/],
    ["note.docx", PDF, /du genre PDF/],
    ["note.docx", zip([{ name: "a.txt", content: words }]), /du genre ZIP/],
    ["note.txt", program(), /du genre EXE/],
    ["note.md", PDF, /du genre PDF/],
    ["note.doc", compound("other"), /genre accepté ici.*EXE$|genre accepté ici/],
    ["note.msi", compound("doc"), /du genre DOC/],
    ["note.exe", Buffer.from("MZ, dit le texte."), /genre accepté/],
    ["note.pdf", words, /genre accepté/],
    ["note.txt", Buffer.from("GIF89a/*\0*/=alert(1)"), /genre accepté/],
    ["note.txt", Buffer.from("un\0deux"), /genre accepté/],
    ["note.ps1", Buffer.from([0x1f, 0x02, 0x03, 0x80, 0x90]), /genre accepté/],
    ["note.txt", Buffer.from([0xff, 0xfe, 0x00, 0xd8]), /genre accepté/],
    ["note.docx", Buffer.from("PK\x03\x04", "latin1"), /abîmée/],
    ["note.txt", Buffer.alloc(0), /vide/],
  ];
  for (const [name, content, says] of cases) await assert.rejects(look(content, name), { message: says }, name);
  await assert.rejects(look(docx(), "note.txt", TEXT_ONLY), /Choisissez un fichier TXT/);
});

const MEGA = 1_000_000;
const zeros = (bytes: number) => Buffer.alloc(bytes);
const many = (count: number): Packed[] =>
  Array.from({ length: count }, (_, i) => ({ name: `${i}.txt`, content: words }));
/** Text that hardly compresses, so that only what is said is wrong. */
const dense = (bytes: number) => Buffer.from(randomBytes(bytes).toString("base64").slice(0, bytes));

const BOMBS: Record<string, [Buffer, RegExp]> = {
  "512 Mo annoncés dans quelques octets": [
    zip([{ name: "a.txt", content: zeros(100), says: 512 * MEGA }]),
    /dépasse 500\sMo/,
  ],
  "mille fois sa taille": [zip([{ name: "a.txt", content: zeros(20 * MEGA) }]), /plus de 100 fois sa taille/],
  "une annonce qui ment, compressée": [
    zip([{ name: "a.txt", content: zeros(20 * MEGA), says: 100 }]),
    /plus que ce qu’elle annonce/,
  ],
  "une annonce qui ment, rangée": [zip([{ name: "a.txt", content: dense(5_000), says: 100, stored: true }]), /abîmée/],
  "moins que l’annonce": [zip([{ name: "a.txt", content: words, says: 90 }]), /abîmée/],
  "dix mille fichiers": [zip(many(10_000)), /plus de 1\s000 fichiers/],
  "une liste qui se dit courte": [zip(many(3), { count: 2 }), /abîmée/],
  "une archive dans l’archive": [zip([{ name: "b.zip", content: zip(many(2)) }]), /contient une autre archive/],
  "une archive qui se cache": [
    zip([{ name: "b.txt", content: zip(many(2)), stored: true }]),
    /contient une autre archive/,
  ],
  "un chemin qui remonte": [zip([{ name: "../../etc/passwd", content: words }]), /sortir de son dossier/],
  "un chemin qui remonte à la façon de Windows": [
    zip([{ name: "a\\..\\..\\b.txt", content: words }]),
    /sortir de son dossier/,
  ],
  "un chemin absolu": [zip([{ name: "C:/Windows/a.txt", content: words }]), /sortir de son dossier/],
  "les mêmes octets pour deux": [
    zip([
      { name: "a.txt", content: words },
      { name: "a.txt", content: words, sharing: 0 },
    ]),
    /abîmée/,
  ],
  "un mot de passe": [zip([{ name: "a.txt", content: words, flags: 1 }]), /mot de passe/],
  "un milliard de rires": [
    docx({
      name: "word/styles.xml",
      content: Buffer.from('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'),
    }),
    /se déploie de lui-même/,
  ],
  "coupée au milieu": [zip(many(3)).subarray(0, 90), /abîmée/],
};

test("P39 : une archive qui se déploie sans mesure, qui ment ou qui en cache une autre est refusée", async (t) => {
  for (const [what, [content, says]] of Object.entries(BOMBS)) {
    await t.test(what, () => assert.rejects(look(content, "a.zip"), { name: "RuleBroken", message: says }));
  }
  await look(zip(many(MOST_ENTRIES)), "a.zip");
});

test("P39 : une archive est lue au fil de l’eau : la mémoire n’en garde rien", async () => {
  const entry = dense(2 * MEGA);
  const heavy = zip(Array.from({ length: 20 }, (_, i) => ({ name: `${i}.txt`, content: entry })));
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const reads = readsOf(heavy);
  const watched: Reads = async (range) => {
    const bytes = await reads(range);
    bytes.on("data", () => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    });
    bytes.pause();
    return bytes;
  };
  await sniff(watched, heavy.length, "a.zip", ["zip"]);
  assert.ok(most < 30 * MEGA, `${most} octets`);
});
