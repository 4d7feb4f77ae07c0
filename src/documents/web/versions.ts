import { createHash } from "node:crypto";
import type { Request, RequestHandler, Response } from "express";
import { NotFound } from "../../platform/errors.ts";
import { read } from "../../platform/http/forms.ts";
import { asPreview, PREVIEW, sendFile } from "../../platform/http/send-file.ts";
import { goTo } from "../../platform/http/show.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { createViews } from "../../platform/http/views.ts";
import { textOf } from "../../platform/sheets/held.ts";
import { renderMarkdown } from "../../platform/text/markdown.ts";
import { aboutDocument, addVersion, type Document } from "../document.ts";
import { DOCUMENT_FILE } from "../file-purpose.ts";
import type { VersionLine } from "../queries.ts";
import type { DocumentVersion } from "../version.ts";
import { filePart, waits } from "./documents.ts";
import { addressOf, DOCUMENTS, fileOf, HOME, readableVersion, visibleDocument } from "./shown.ts";

const NEW = { page: "documents/versions/new" };
const WARNING = { page: "documents/versions/warning" };

type Asked = { id: string; number: string };

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: {} });

async function showNew(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const document = await read(req, (em) => visibleDocument(em, req, req.params.id));
  const at = addressOf(document);
  res.show(NEW, {
    title: `Nouvelle version de ${document.title}`,
    crumbs: [HOME, DOCUMENTS, { label: document.title, href: at }, { label: "Nouvelle version" }],
    document,
    at,
    form,
    ...filePart(),
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = addressOf(req.params);
  const by = { id: req.user!.id };
  let named = "";
  const act = {
    code: "document.version_added",
    label: (_values: object, version: DocumentVersion) =>
      `Version ${version.number} du document «\u00a0${named}\u00a0»`,
    subject: () => aboutDocument(req.params),
    at,
  };
  const form = await submitFile(req, DOCUMENT_FILE, act, async (file, em) => {
    const document = await visibleDocument(em, req, req.params.id);
    named = document.title;
    return addVersion(em, document, file, { by });
  });
  if (form.errors) return showNew(req, res, form);
  res.saved(NEW, {}, { at, notice: `La version ${form.result.number} est déposée.${waits(req)}`, undo: true });
};

/** The document and one of its versions, each as this person may see it. */
const found = (req: Request<Asked>): Promise<{ document: Document; version: VersionLine }> =>
  read(req, async (em) => {
    const document = await visibleDocument(em, req, req.params.id);
    return { document, version: await readableVersion(em, document.id, req.params.number) };
  });

/** To keep. What runs is given by an address that holds its SHA-256: only the page that warns of it leads there (DOC-3). */
export const show: RequestHandler<Asked> = async (req, res) => {
  const { document, version } = await found(req);
  const { runs, digest } = fileOf(version);
  if (runs && req.query.empreinte !== digest) {
    return goTo(req, res, `${addressOf(document)}/versions/${version.number}/mise-en-garde`);
  }
  await sendFile(req, res, version, { as: "attachment" });
};

export const warn: RequestHandler<Asked> = async (req, res) => {
  const { document, version } = await found(req);
  const at = addressOf(document);
  const file = fileOf(version);
  res.show(WARNING, {
    title: `Avant de télécharger ${version.name}, version ${version.number}`,
    crumbs: [HOME, DOCUMENTS, { label: document.title, href: at }, { label: "Avant de télécharger" }],
    from: `Version ${version.number} de ${document.title}.`,
    name: version.name,
    file,
    at,
    href: `${at}/versions/${version.number}/fichier${file.runs ? `?empreinte=${file.digest}` : ""}`,
  });
};

const views = createViews({ debug: false, cache: true });

/** No quote nor sign in it, so that it is printed as it stands; a frame without an origin of its own can fetch none. */
const STYLE =
  "html{color-scheme:light dark;background:Canvas;color:CanvasText}body{margin:0 auto;padding:24px;max-width:72ch;font:17px/1.55 sans-serif;overflow-wrap:anywhere}h2,h3,h4{line-height:1.25;margin:1.6em 0 .5em}pre{overflow:auto;padding:12px;border:1px solid GrayText}code,pre{font-family:ui-monospace,monospace;font-size:.9em}blockquote{margin:0;padding-inline-start:16px;border-inline-start:4px solid GrayText}.table-scroll{overflow:auto}table{border-collapse:collapse}th,td{border:1px solid GrayText;padding:4px 8px;text-align:start;vertical-align:top}.visually-hidden{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)}";
const STYLED = `${PREVIEW}; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`;

/** To see: PDF and images as they are, Markdown as the page it describes; each where nothing can run (DOC-3, P33). */
export const preview: RequestHandler<Asked> = async (req, res) => {
  const { version } = await found(req);
  const { seen } = fileOf(version);
  if (seen === null) throw new NotFound("Ce genre de fichier ne se voit pas ici. Téléchargez-le.");
  if (seen !== "text") return sendFile(req, res, version, { as: "preview" });
  const text = await textOf(await req.files.store.whole(version.blob));
  asPreview(res, STYLED);
  res.vary("HX-Request-Type");
  const html = views.render("/documents/versions/preview", {
    name: version.name,
    html: renderMarkdown(text),
    style: STYLE,
  });
  res.type("html").send(html);
};
