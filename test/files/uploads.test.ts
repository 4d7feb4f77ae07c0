import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import { crc32, deflateRawSync, deflateSync } from "node:zlib";
import sharp from "sharp";
import { picture } from "../support/files.ts";
import { multipart, multipartHeaders, tokenOf as tokenAt } from "../support/multipart.ts";
import { fromOurPage, send } from "../support/sweep.ts";
import { type Browser, startWorld } from "../support/world.ts";

const world = await startWorld();
const AT = "/compte/photo";

const headersOf = (browser: Browser, more: Record<string, string> = {}) => multipartHeaders(world, browser, more);
const tokenOf = (browser: Browser) => tokenAt(browser, AT);

async function sendFile(browser: Browser, content: Buffer, { name = "photo.png", at = AT, key = randomUUID() } = {}) {
  const body = multipart({ _csrf: await tokenOf(browser), _key: key }, { name, content });
  return send(world.origin, { method: "POST", path: at, headers: headersOf(browser), body });
}

const keys = async () => {
  const found: string[] = [];
  for await (const { key } of world.files.store.list()) found.push(key);
  return found.sort();
};
const rows = async (tenantId: string) =>
  world.db.read(tenantId, (em) =>
    em.execute<{ id: string; blob: string; type: string; state: string }[]>("select * from file order by id"),
  );
const problemOf = (text: string) => /id="field-file-problem">[\s\S]*?<\/svg>([\s\S]*?)<\/p>/.exec(text)?.[1]?.trim();
const shownIn = (text: string) => /src="\/fichiers\/([0-9a-f-]{36})\/image" alt="Votre photo/.exec(text)?.[1];

test("une photo envoyée par le formulaire seul se voit dans l’en-tête et dans Mon compte, et se retire", async () => {
  const sophie = await world.as("sophie");
  assert.equal((await sendFile(sophie, await picture(600, 400, "jpeg"), { name: "moi.jpg" })).status, 303);
  const page = await sophie.get(AT);
  const id = shownIn(page.text);
  assert.ok(id, "la photo est en place");
  assert.match(page.text, new RegExp(`class="avatar" src="/fichiers/${id}/image" alt=""`));
  assert.equal((await sophie.post(`${AT}/retrait`)).status, 303);
  const after = (await sophie.get(AT)).text;
  assert.equal(shownIn(after), undefined);
  const [, notice = ""] = after.split('id="notice"');
  assert.match(
    notice.split("<h1>")[0]!,
    /href="\/actes\/[0-9a-f-]{36}\/annulation"/,
    "HIS-11 : l’avis mène à l’annulation",
  );
});

test("P33 : un fichier part sans que rien puisse s’y exécuter, à garder ou à voir, par morceaux s’il le faut", async () => {
  const hugo = await world.as("hugo");
  await sendFile(hugo, await picture(300, 300), { name: "été « 2026 ».png" });
  const id = shownIn((await hugo.get(AT)).text)!;
  const kept = await hugo.get(`/fichiers/${id}`);
  assert.equal(kept.status, 200);
  assert.match(
    kept.headers.get("content-disposition")!,
    /^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''%C3%A9t%C3%A9/,
  );
  const seen = await hugo.get(`/fichiers/${id}/image`);
  assert.equal(seen.headers.get("content-disposition"), "inline");
  for (const { headers } of [kept, seen]) {
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("content-type"), "image/webp");
    assert.match(headers.get("content-security-policy")!, /^sandbox; default-src 'none'/);
    assert.equal(headers.get("cache-control"), "private, max-age=31536000, immutable");
  }
  const size = Number(kept.headers.get("content-length"));
  const etag = kept.headers.get("etag")!;
  const ask = (headers: Record<string, string>) => hugo.get(`/fichiers/${id}`, { headers });
  assert.equal((await ask({ "if-none-match": etag })).status, 304);
  for (const [range, status, told] of [
    ["bytes=0-9", 206, `bytes 0-9/${size}`],
    ["bytes=-5", 206, `bytes ${size - 5}-${size - 1}/${size}`],
    [`bytes=${size - 1}-${size + 50}`, 206, `bytes ${size - 1}-${size - 1}/${size}`],
    [`bytes=${size}-`, 416, `bytes */${size}`],
    ["bytes=0-1,4-5", 200, null],
    ["octets=0-1", 200, null],
  ] as const) {
    const answer = await ask({ range });
    assert.deepEqual([answer.status, answer.headers.get("content-range")], [status, told], range);
  }
  assert.equal((await ask({ range: "bytes=0-1", "if-range": '"autre"' })).status, 200);
  const nathalie = await world.as("nathalie");
  assert.equal((await nathalie.get(`/fichiers/${id}`)).status, 404);
  assert.equal((await world.anonymous().get(`/fichiers/${id}`)).status, 303);
});

test("P41 : le lieu, la date et l’appareil s’en vont ; l’image est remise droite, à la taille de son usage", async () => {
  const claire = await world.as("claire");
  const photo = await sharp(await picture(800, 400, "jpeg"))
    .withMetadata({ orientation: 6 })
    .withExifMerge({ IFD0: { Make: "APPAREIL-CANARI" }, IFD3: { GPSLatitude: "48/1 51/1 0/1", GPSLatitudeRef: "N" } })
    .jpeg()
    .toBuffer();
  assert.ok(photo.includes("APPAREIL-CANARI"));
  assert.equal((await sendFile(claire, photo, { name: "moi.jpeg" })).status, 303);
  for (const { blob } of await rows(claire.tenantId)) {
    const bytes: Buffer[] = [];
    for await (const chunk of await world.files.store.open(blob)) bytes.push(chunk as Buffer);
    const content = Buffer.concat(bytes);
    assert.ok(!content.includes("APPAREIL-CANARI"));
    const { exif, width, height } = await sharp(content).metadata();
    assert.deepEqual([exif, width, height], [undefined, 256, 256]);
  }
});

/** A PNG that only promises its pixels. */
function promise(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const data = deflateSync(Buffer.alloc(30_000));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const png = await picture(30, 30);
const jpeg = await picture(30, 30, "jpeg");
const REFUSED: Record<string, { name?: string; content: Buffer; says: RegExp }> = {
  "une page qui se dit image": {
    content: Buffer.from("<!doctype html><script>alert(1)</script>"),
    says: /genre accepté ici.*JPEG, PNG ou WebP/,
  },
  "un SVG": { name: "a.svg", content: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), says: /genre accepté/ },
  "un PDF qui se dit image": { content: Buffer.from("%PDF-1.7\n%âãÏÓ\n"), says: /genre accepté/ },
  "une page derrière une image": {
    content: Buffer.concat([png, Buffer.from("<html><script>alert(1)</script>")]),
    says: /autre chose que son image/,
  },
  "une archive derrière une image": {
    name: "a.jpg",
    content: Buffer.concat([jpeg, Buffer.from("PK\x03\x04", "latin1"), deflateRawSync(Buffer.alloc(100))]),
    says: /autre chose que son image/,
  },
  "une fin de nom qui ment": { name: "photo.jpg", content: png, says: /image PNG, et son nom finit par «\s\.jpg\s»/ },
  "une double fin": { name: "facture.exe.png", content: png, says: /deux fins, «\s\.exe\s» et «\s\.png\s»/ },
  "une double fin d’image": { name: "photo.jpg.png", content: png, says: /deux fins/ },
  "un programme": { name: "photo.exe", content: Buffer.from("MZ\x90\x00\x03"), says: /genre accepté/ },
  "un chemin": { name: "../../etc/photo.png", content: png, says: /contient un chemin/ },
  "un chemin de Windows": { name: "C:\\\\Users\\\\moi\\\\photo.png", content: png, says: /contient un chemin/ },
  "un nom retourné": { name: "photo\u202egnp.png", content: png, says: /caractère invisible/ },
  "un nom sans fin": { name: "a".repeat(300), content: png, says: /trop long/ },
  "un fichier vide": { content: Buffer.alloc(0), says: /vide/ },
  "une image coupée": { content: png.subarray(0, png.length / 2), says: /abîmée ou incomplète/ },
  "30 000 points de côté": { content: promise(30_000, 30_000), says: /30\s000\s×\s30\s000 points/ },
  "plus de dix mégaoctets": { content: Buffer.concat([png, Buffer.alloc(10_000_001)]), says: /dépasse 10\sMo/ },
};

test("P40 : ce qui n’est pas une image, ou pas seulement, est refusé au champ, sans rien garder", async (t) => {
  const karim = await world.as("karim");
  const before = await keys();
  for (const [what, { name, content, says }] of Object.entries(REFUSED)) {
    await t.test(what, async () => {
      const { status, text } = await sendFile(karim, content, name ? { name } : {});
      assert.equal(status, what.startsWith("plus de") ? 413 : 422, text.slice(0, 300));
      assert.match(problemOf(text) ?? "", says);
      assert.match(/<title>(.*?)<\/title>/.exec(text)![1]!, /^Erreur\s: Photo de profil/);
      assert.match(
        text,
        /id="field-file"[^>]*aria-invalid="true" aria-describedby="field-file-hint field-file-problem"/,
      );
      assert.deepEqual(await keys(), before);
    });
  }
});

test("sans fichier, ou d’un champ qui n’existe pas : le formulaire le demande", async () => {
  const karim = await world.as("karim");
  const fields = { _csrf: await tokenOf(karim), _key: randomUUID() };
  const none = await send(world.origin, {
    method: "POST",
    path: AT,
    headers: headersOf(karim),
    body: multipart(fields, null),
  });
  assert.equal(none.status, 422);
  assert.match(problemOf(none.text) ?? "", /Choisissez d’abord un fichier/);
  const body = Buffer.from(
    String(multipart(fields, { name: "a.png", content: Buffer.from("x") })).replace('name="file"', 'name="autre"'),
  );
  const other = await send(world.origin, { method: "POST", path: AT, headers: headersOf(karim), body });
  assert.equal(other.status, 422);
});

test("règle 21 : le jeton d’abord ; un fichier qui le précède n’est pas même lu", async () => {
  const karim = await world.as("karim");
  const before = await keys();
  const fields = { _csrf: await tokenOf(karim), _key: randomUUID() };
  const body = multipart(fields, { name: "a.png", content: png }, { fileFirst: true });
  const first = await send(world.origin, { method: "POST", path: AT, headers: headersOf(karim), body });
  assert.equal(first.status, 403);
  // In a header it comes before anything else.
  const inHeader = headersOf(karim, { "x-csrf-token": fields._csrf });
  const { status } = await send(world.origin, {
    method: "POST",
    path: AT,
    headers: inHeader,
    body: multipart({ _key: randomUUID() }, { name: "a.png", content: png }),
  });
  assert.equal(status, 303);
  const elsewhere = headersOf(karim, { "sec-fetch-site": "cross-site", "x-csrf-token": fields._csrf });
  assert.equal((await send(world.origin, { method: "POST", path: AT, headers: elsewhere, body })).status, 403);
  const away = await send(world.origin, { method: "POST", path: "/compte/preferences", headers: inHeader, body });
  assert.equal(away.status, 415);
  assert.equal((await keys()).length, before.length + 1);
});

test("GEN-6 : le même formulaire envoyé deux fois ne garde qu’un fichier", async () => {
  const karim = await world.as("karim");
  const key = randomUUID();
  assert.equal((await sendFile(karim, png, { key })).status, 303);
  const [kept, blobs] = [await rows(karim.tenantId), await keys()];
  assert.equal((await sendFile(karim, png, { key })).status, 303);
  assert.deepEqual(await rows(karim.tenantId), kept);
  assert.deepEqual(await keys(), blobs);
  assert.equal((await sendFile(karim, jpeg, { key, name: "a.jpg" })).status, 422);
  assert.deepEqual(await keys(), blobs);
});

test("F25 : coupé à dix endroits ou mal fini, un envoi ne laisse rien", async () => {
  const karim = await world.as("karim");
  const [kept, blobs] = [await rows(karim.tenantId), await keys()];
  const content = await picture(700, 700);
  const whole = multipart({ _csrf: await tokenOf(karim), _key: randomUUID() }, { name: "a.png", content });
  const { hostname, port } = new URL(world.origin);
  for (let part = 0; part < 10; part++) {
    await new Promise<void>((resolve) => {
      const headers = { ...headersOf(karim), "content-length": String(whole.length) };
      const cut = request({ hostname, port, method: "POST", path: AT, headers, agent: false });
      cut.on("error", () => resolve());
      cut.on("close", () => resolve());
      cut.write(whole.subarray(0, Math.floor((whole.length * part) / 10) + 1), () => setImmediate(() => cut.destroy()));
    });
  }
  for (const body of [whole.subarray(0, whole.length - 30), Buffer.from("pas un formulaire"), Buffer.alloc(0)]) {
    const { status } = await send(world.origin, { method: "POST", path: AT, headers: headersOf(karim), body });
    assert.ok(status === 422 || status === 403, String(status));
  }
  assert.equal(
    (
      await send(world.origin, {
        method: "POST",
        path: AT,
        headers: { ...headersOf(karim), "content-type": "multipart/form-data" },
        body: whole,
      })
    ).status,
    422,
  );
  // What was cut is over once the process has answered the next one.
  for (let tries = 0; tries < 200 && (await keys()).length > blobs.length; tries++) await karim.get(AT);
  assert.deepEqual(await keys(), blobs);
  assert.deepEqual(await rows(karim.tenantId), kept);
  assert.equal((await sendFile(karim, content)).status, 303);
});

async function open(browser: Browser, content: Buffer, name = "photo.png", mark = "1") {
  const fields = { purpose: "user.picture", name, size: String(content.length), mark };
  return browser.post("/envois", fields, { part: true });
}

async function piece(browser: Browser, at: string, content: Buffer, offset: number, digest?: string) {
  const sum = digest ?? createHash("sha256").update(content).digest("base64");
  const headers = {
    ...fromOurPage(world, browser),
    "x-csrf-token": await tokenOf(browser),
    "content-type": "application/partial-upload",
    "upload-offset": String(offset),
    "content-digest": `sha-256=:${sum}:`,
  };
  return send(world.origin, { method: "POST", path: `${at}/morceaux`, headers, body: content });
}

test("par morceaux d’un mégaoctet : repris où l’on en était, renvoyés sans effet, jamais mélangés", async () => {
  const karim = await world.as("karim");
  const content = await picture(1000, 900);
  assert.ok(content.length > 2_097_152);
  const opened = await open(karim, content);
  assert.equal(opened.status, 204, opened.text);
  const at = opened.headers.get("location")!;
  assert.equal(opened.headers.get("upload-limit"), "max-append-size=1048576");
  const cuts = [content.subarray(0, 1_048_576), content.subarray(1_048_576, 2_097_152), content.subarray(2_097_152)];
  const told = ({ headers }: { headers: Headers }) => [headers.get("upload-offset"), headers.get("upload-complete")];

  assert.deepEqual(told(await piece(karim, at, cuts[0]!, 0)), ["1048576", "?0"]);
  assert.equal((await piece(karim, at, cuts[0]!, 0)).status, 204, "le même morceau encore");
  const early = await piece(karim, at, cuts[2]!, 2_097_152);
  assert.deepEqual([early.status, ...told(early)], [409, "1048576", "?0"]);
  assert.equal((await piece(karim, at, cuts[1]!, 0)).status, 409, "un autre à la même place");
  const spoiled = await piece(karim, at, cuts[1]!, 1_048_576, createHash("sha256").update("x").digest("base64"));
  assert.equal(spoiled.status, 422);
  const huge = await piece(karim, at, content.subarray(0, 1_048_577), 1_048_576);
  assert.equal(huge.status, 413);
  assert.equal((await karim.post(AT, { upload: at.split("/")[2]! })).status, 422, "pas encore entier");

  // The same file chosen again after a reload.
  assert.deepEqual(told(await open(karim, content)), ["1048576", "?0"]);
  const both = await Promise.all([piece(karim, at, cuts[1]!, 1_048_576), piece(karim, at, cuts[1]!, 1_048_576)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    [204, 204],
  );
  assert.deepEqual(told(await piece(karim, at, cuts[2]!, 2_097_152)), [String(content.length), "?1"]);

  const hugo = await world.as("hugo");
  assert.equal((await piece(hugo, at, cuts[0]!, 0)).status, 404, "celui d’un collègue");
  assert.equal((await hugo.post(AT, { upload: at.split("/")[2]! })).status, 422);
  const blobs = await keys();
  const key = randomUUID();
  assert.equal((await karim.post(AT, { upload: at.split("/")[2]!, _key: key })).status, 303);
  assert.equal((await karim.post(AT, { upload: at.split("/")[2]!, _key: key })).status, 303, "le formulaire renvoyé");
  assert.ok(shownIn((await karim.get(AT)).text));
  assert.equal((await keys()).length, blobs.length - 3 + 1, "les morceaux sont partis");
});

test("ce qui sera refusé l’est avant le premier morceau", async () => {
  const karim = await world.as("karim");
  for (const [name, size, says] of [
    ["photo.exe", 10, /genre accepté/],
    ["../a.png", 10, /chemin/],
    ["photo.png", 10_000_001, /dépasse 10\sMo/],
  ] as const) {
    const answer = await karim.post(
      "/envois",
      { purpose: "user.picture", name, size: String(size), mark: "" },
      { part: true },
    );
    assert.ok(answer.status === 422 || answer.status === 413, `${name} : ${answer.status}`);
    assert.match(answer.text, says);
  }
  assert.equal((await karim.post("/envois", { purpose: "x", name: "a.png", size: "1", mark: "" })).status, 422);
});

test("HIS-12 : remplacer ou retirer s’annule, et l’image d’avant revient telle quelle", async () => {
  const denis = await world.as("denis");
  const LOGO = "/admin/organisation/logo";
  const shown = async () =>
    /class="org"><img class="logo" src="\/fichiers\/([0-9a-f-]+)/.exec((await denis.get("/campagnes")).text)?.[1];
  const give = async () =>
    send(world.origin, {
      method: "POST",
      path: LOGO,
      headers: headersOf(denis),
      body: multipart(
        { _csrf: await tokenOf(denis), _key: randomUUID() },
        { name: "logo.png", content: await picture(400, 100) },
      ),
    });
  assert.equal((await give()).status, 303);
  const first = await shown();
  assert.ok(first);
  assert.equal((await give()).status, 303);
  assert.notEqual(await shown(), first);
  const acts = await denis.get("/actes");
  const undo = /href="(\/actes\/[0-9a-f-]+\/annulation)"/.exec(acts.text)![1]!;
  await denis.get(undo);
  assert.equal((await denis.post(undo)).status, 303);
  assert.equal(await shown(), first);
  const karim = await world.as("karim");
  assert.match((await karim.get("/interventions")).text, /alt="Mutuelle[^"]*"/, "le nom reste lu à voix haute");
  assert.equal((await karim.get(LOGO)).status, 403);
});
