/** What people send by mistake, or on purpose, to a campaign that already has its operations. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { faultsOf, judgePage } from "../pages/judge.ts";
import { compound, zip } from "../support/archive.ts";
import { parseHtml } from "../support/html.ts";
import { BOUNDARY, multipart, multipartHeaders, sendForm, tokenOf } from "../support/multipart.ts";
import { workbook } from "../support/workbook.ts";
import { type Answer, startWorld } from "../support/world.ts";

const world = await startWorld();
world.db.sendJobsWith(async () => {});
const sophie = await world.as("sophie");
const { tenantId } = sophie;

const NEW = "/imports/operations/nouveau";
const words = ({ text }: { text: string }) =>
  text
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ");
const isAt = (answer: Answer): string => {
  assert.equal(answer.status, 303, words(answer).slice(0, 800));
  return answer.location!;
};
const ask = <T extends object>(sql: string, values: unknown[] = []): Promise<T[]> =>
  world.db.read(tenantId, (em) => em.execute<T[]>(sql, values as never));

await sophie.get("/campagnes/nouvelle");
const days = { startsOn: "2026-11-02", endsOn: "2027-02-26" };
const scope = isAt(await sophie.post("/campagnes/nouvelle", { name: "Déjà commencée", ...days }))
  .split("/")
  .at(-2)!;

const CHOICE = { mode: "both", empty: "keep", missing: "keep", decimal: "", threshold: "50", key: "Poste" };
const sent = (content: Buffer, name: string) => sendForm(world, sophie, NEW, { name, content }, { scope });
async function brought(at: string, column: string[]): Promise<Record<string, number>> {
  isAt(await sophie.post(`${at}/verification`, { ...CHOICE, column }));
  isAt(await sophie.post(`${at}/execution`, { errors: "valid" }));
  const [one] = await ask<{ counts: Record<string, number> }>("select counts from import where id = ?", [
    at.split("/").at(-1),
  ]);
  return one!.counts;
}
const GOOD = "Poste;Bureau\r\nPC-1;Évry\r\nPC-2;Nîmes\r\n";
const created = await brought(isAt(await sent(Buffer.from(GOOD), "bon.csv")), ["cible", "+short_text"]);
assert.equal(created.create, 2);

/** All that a refusal must leave as it was. */
const image = async () =>
  (
    await ask(
      `select (select md5(string_agg(o::text, '' order by o.id)) from operation o) as operations,
         (select md5(string_agg(c::text, '' order by c.id)) from campaign c) as campaigns,
         (select md5(string_agg(m::text, '' order by m.id)) from import_mapping m) as mappings,
         (select count(*)::int from import) as imports, (select count(*)::int from file) as files`,
    )
  )[0];

const lines = (count: number) => Buffer.from(`Poste;Bureau\r\n${"PC-9;Évry\r\n".repeat(count)}`);
const book = { sheets: [{ name: "A", rows: [["Poste"], ["PC-9"]] }] };
const xlsx = workbook(book);
const REFUSED: [name: string, file: string, content: () => Buffer, status: number, says: RegExp][] = [
  [
    "la ligne 100 001",
    "trop.csv",
    () => lines(100_001),
    422,
    /100 001 lignes : la limite est de 100 000\. Partagez-le/,
  ],
  [
    "51 Mo",
    "lourd.csv",
    () => Buffer.alloc(51_000_000, "PC-9;Évry\r\n"),
    413,
    /dépasse 50 Mo\. Choisissez-en un plus léger/,
  ],
  [
    "une seule ligne de 45 Mo",
    "ligne.csv",
    () => Buffer.alloc(45_000_000, "x"),
    422,
    /La ligne 1 est trop longue.+Vérifiez que le fichier/,
  ],
  [
    "une bombe, par son rapport",
    "bombe.xlsx",
    () => workbook({ ...book, more: [{ name: "xl/media/x.bin", content: Buffer.alloc(30_000_000) }] }),
    422,
    /plus de 100 fois sa taille\. Retirez-en/,
  ],
  [
    "une bombe, par son poids",
    "bombe.xlsx",
    () => zip([{ name: "xl/workbook.xml", content: Buffer.from("<x/>"), says: 600_000_000 }]),
    422,
    /dépasse 500 Mo\. Retirez-en/,
  ],
  [
    "une bombe qui ment",
    "bombe.xlsx",
    () => workbook({ ...book, more: [{ name: "xl/media/x.bin", content: Buffer.alloc(5_000_000), says: 1_000 }] }),
    422,
    /plus que ce qu’elle annonce/,
  ],
  ["un .xls renommé", "parc.csv", () => compound("other"), 422, /Enregistrez le fichier au format \.xlsx ou CSV/],
  [
    "un .xlsm",
    "parc.xlsx",
    () => workbook({ ...book, more: [{ name: "xl/vbaProject.bin", content: Buffer.from("x") }] }),
    422,
    /macros \(\.xlsm\).+sans macro/,
  ],
  [
    "un type de document",
    "parc.xlsx",
    () => workbook({ ...book, prologue: '<!DOCTYPE x SYSTEM "file:///etc/passwd">' }),
    422,
    /type de document.+Enregistrez-le de nouveau/,
  ],
  ["un classeur coupé", "parc.xlsx", () => xlsx.subarray(0, xlsx.length - 100), 422, /abîmée? ou incomplète?/],
  [
    "un guillemet jamais fermé",
    "postes.csv",
    () => Buffer.from('Poste;Bureau\r\nPC-9;"Évry\r\nPC-8;Nîmes\r\n'),
    422,
    /guillemet s’ouvre à la ligne 2 et n’est pas fermé\. Fermez-le/,
  ],
  [
    "201 colonnes",
    "large.csv",
    () => Buffer.from(`${Array.from({ length: 201 }, (_, n) => `C${n}`).join(";")}\r\n`),
    422,
    /201 colonnes : la limite est de 200\. Gardez/,
  ],
  ["des octets nuls seulement", "zéro.csv", () => Buffer.alloc(2_000), 422, /Enregistrez le fichier au format/],
  ["rien", "vide.csv", () => Buffer.alloc(0), 422, /vide\. Choisissez-en un autre/],
];

for (const [name, file, content, status, says] of REFUSED) {
  test(`IMP-1, IMP-2, IMP-7, IMP-11 : ${name} est refusé avec son remède, rien n’est perdu, et un autre fichier passe`, async () => {
    const before = await image();
    const refused = await sent(content(), file);
    assert.equal(refused.status, status, words(refused).slice(0, 800));
    assert.match(words(refused), says);
    assert.deepEqual(judgePage(refused.text).faults, []);
    assert.deepEqual(faultsOf(parseHtml(refused.text)), []);
    // The form is there again, for the same campaign.
    assert.match(refused.text, new RegExp(`name="scope" value="${scope}"`));
    assert.deepEqual(await image(), before);
    const at = isAt(await sent(Buffer.from(GOOD), "bon.csv"));
    assert.match(words(await sophie.get(at)), /Reprise du dernier fichier aux mêmes colonnes/);
    const { create, update, unchanged, error } = await brought(at, ["cible", "bureau"]);
    assert.deepEqual({ create, update, unchanged, error }, { create: 0, update: 0, unchanged: 2, error: 0 });
  });
}

test("IMP-1 : une ligne de 200 Mo est refusée sans jamais être tenue en mémoire", async () => {
  const before = await image();
  const head = multipart(
    { _csrf: await tokenOf(sophie, NEW), _key: randomUUID(), scope },
    { name: "ligne.csv", content: Buffer.from("x") },
  );
  const opening = head.subarray(0, head.length - `\r\n--${BOUNDARY}--\r\n`.length);
  const piece = Buffer.alloc(65_536, "x");
  const base = process.memoryUsage();
  let most = 0;
  const held = () => {
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    most = Math.max(most, arrayBuffers + heapUsed - base.arrayBuffers - base.heapUsed);
  };
  const body = Readable.from(
    (function* () {
      yield opening;
      for (let given = 0; given < 200_000_000; given += piece.length) {
        held();
        yield piece;
      }
      yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
    })(),
  );
  const headers = multipartHeaders(world, sophie, { connection: "close", "transfer-encoding": "chunked" });
  const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asking = request(`${world.origin}${NEW}`, { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (some) => (text += some));
      response.on("end", () => resolve({ status: response.statusCode!, text }));
    });
    asking.on("error", reject);
    pipeline(body, asking).catch(() => {});
  });
  assert.equal(answer.status, 413, words(answer).slice(0, 400));
  assert.match(words(answer), /dépasse 50 Mo/);
  assert.deepEqual(await image(), before);
  assert.ok(most < 100_000_000, `${Math.round(most / 1e6)} Mo tenus`);
});

test("IMP-4, IMP-8 : des octets nuls sont une erreur sur leur ligne, deux colonnes du même nom se distinguent, le reste entre", async () => {
  const nulls = Buffer.from("Poste;Bureau\r\nPC-3;Évry\r\nPC-4;Nî\0mes\r\nPC-5;Brest\r\n");
  const at = isAt(await sent(nulls, "nuls.csv"));
  const { create, error } = await brought(at, ["cible", "bureau"]);
  assert.deepEqual({ create, error }, { create: 2, error: 1 });
  assert.match(words(await sophie.get(at)), /3 Bureau Nî␀mes Caractère illisible dans cet encodage/);
  assert.match((await sophie.post(`${at}/erreurs.csv`)).text, /PC-4;.+;3;Bureau;Caractère illisible/);

  const head = isAt(await sent(Buffer.from("Poste;Bu\0reau\r\nPC-7;Évry\r\n"), "tête.csv"));
  assert.match(words(await sophie.get(head)), /Bu␀reau/);

  const twice = isAt(await sent(Buffer.from("Poste;Nom;Nom\r\nPC-6;Zoé;Léa\r\n"), "double.csv"));
  assert.match(words(await sophie.get(twice)), /Nom \(2\)/);
  assert.equal((await brought(twice, ["cible", "bureau", "+short_text"])).create, 1);
});
