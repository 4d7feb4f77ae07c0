import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { openBrowser } from "../screens/browser.ts";
import { docx } from "../support/archive.ts";
import { contextOf } from "../support/browser.ts";
import { picture } from "../support/files.ts";
import { sendForm } from "../support/multipart.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sophie = await world.as("sophie");
const browser = await openBrowser();
after(() => browser.close());

/** Leaves its trace three ways, whichever is open to it. */
const RUN = "document.title='executed';try{alert(1)}catch(e){}try{fetch('/executed')}catch(e){}";

const pdf = (more: string): Buffer => {
  const text = "BT /F1 40 Tf 60 700 Td (Bonjour) Tj ET";
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let whole = `%PDF-1.4\n${more}`;
  const places = objects.map((object, i) => {
    const at = whole.length;
    whole += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(at).padStart(10, "0")} 00000 n \n`;
  });
  const at = whole.length;
  return Buffer.from(
    `${whole}xref\n0 6\n0000000000 65535 f \n${places.join("")}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`,
    "latin1",
  );
};

const png = await picture(30, 30);
const script = Buffer.from(`<script>${RUN}</script>`);

const REFUSED: Record<string, Buffer> = {
  "gif-js.png": Buffer.from(`GIF89a/*\0*/=1;${RUN}`, "latin1"),
  "gif-js.txt": Buffer.from(`GIF89a/*\0*/=1;${RUN}`, "latin1"),
  "dessin.svg": Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"><script>${RUN}</script></svg>`),
  "image-page.png": Buffer.concat([png, script]),
  "page.html": script,
  "note.html.txt": script,
  "note.txt.pdf": pdf(""),
  "../../../public/note.txt": script,
  "..\\note.txt": script,
};

const KEPT: Record<string, Buffer> = {
  "page.txt": Buffer.from(`<!doctype html><html><body onload="${RUN}">${script}</body></html>`),
  "dessin.txt": Buffer.from(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"/>`),
  "texte.md": Buffer.from(
    `# Titre\n\n${script}\n\n<img src=x onerror="${RUN}">\n\n[lien](javascript:${RUN})\n\n<iframe srcdoc="<script>${RUN}</script>"></iframe>\n`,
  ),
  "image.png": png,
  "office.docx": docx({ name: "word/page.html", content: script }),
};

interface Heard {
  context: BrowserContext;
  page: Page;
  complaints: string[];
}

async function listening(context: BrowserContext): Promise<Heard> {
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on("dialog", (dialog) => {
    complaints.push(`boîte : ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().endsWith("/executed")) complaints.push("demande");
  });
  return { context, page, complaints };
}

const visit = (page: Page, path: string) =>
  // A download never becomes a page: the browser says so, and stays where it was.
  page
    .goto(world.origin + path)
    .catch((error: Error) => assert.match(error.message, /Download is starting|ERR_ABORTED/));

async function deposit(name: string, content: Buffer): Promise<string> {
  const fields = { title: `Polyglotte ${name}`, kind: "other" };
  const answer = await sendForm(world, sophie, "/documents/nouveau", { name, content }, fields);
  assert.equal(answer.status, 303, `${name} : ${answer.text.slice(0, 200)}`);
  return answer.location!;
}

test("P33, P40 : un fichier qui en cache un autre, ou qui ment sur son nom, n’entre pas", async () => {
  for (const [name, content] of Object.entries(REFUSED)) {
    const answer = await sendForm(
      world,
      sophie,
      "/documents/nouveau",
      { name, content },
      { title: "x", kind: "other" },
    );
    assert.equal(answer.status, 422, name);
  }
});

test("P33 : ouverts droit à leur adresse dans Chromium, les polyglottes n’exécutent rien", async () => {
  const { context, page, complaints } = await listening(await contextOf(browser, world, "karim"));
  for (const [name, content] of Object.entries(KEPT)) {
    const at = await deposit(name, content);
    for (const path of [at, `${at}/versions/1/fichier`, `${at}/versions/1/apercu`]) {
      await visit(page, path);
      assert.notEqual(await page.title(), "executed", path);
      // Nor as the script of a page of ours: its type is not one, and is not guessed.
      await page.goto(`${world.origin}/documents`);
      const ran = await page.evaluate(
        (src) =>
          new Promise<string>((resolve) => {
            const tag = document.createElement("script");
            Object.assign(tag, { src, onload: () => resolve("load"), onerror: () => resolve("error") });
            document.head.append(tag);
          }),
        path,
      );
      assert.equal(ran, "error", path);
      assert.notEqual(await page.title(), "executed", path);
    }
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

test("DOC-3 : le lecteur de PDF de Chromium marche dans le bac à sable, et le PDF n’est le script de personne", async () => {
  // Its viewer is an extension of its own, which the arguments of tests leave out.
  const whole = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--headless=new"],
    ignoreDefaultArgs: ["--headless", "--disable-extensions", "--disable-component-extensions-with-background-pages"],
  });
  try {
    const at = await deposit("notice.pdf", pdf(`%*/=1;${RUN}//\n`));
    const { page, complaints } = await listening(await contextOf(whole, world, "karim"));
    await page.goto(world.origin + at);
    const isViewer = (url: string) => url.startsWith("chrome-extension://");
    const hasViewer = () => page.frames().some((frame) => isViewer(frame.url()));
    for (let tries = 0; tries < 100 && !hasViewer(); tries++) await page.waitForTimeout(100);
    assert.ok(
      hasViewer(),
      page
        .frames()
        .map((frame) => frame.url())
        .join(" "),
    );
    assert.deepEqual(complaints, []);
  } finally {
    await whole.close();
  }
});
