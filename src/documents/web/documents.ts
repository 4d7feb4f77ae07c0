import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { atVersion, query, read, submit } from "../../platform/http/forms.ts";
import { submitFile } from "../../platform/http/uploads.ts";
import { acceptOf, kindList } from "../../platform/storage/kinds.ts";
import { weight } from "../../platform/storage/store.ts";
import {
  aboutDocument,
  addDocument,
  DOCUMENT_KINDS,
  type Document,
  type DocumentKind,
  editDocument,
  LONGEST_TITLE,
} from "../document.ts";
import { DOCUMENT_FILE } from "../file-purpose.ts";
import { type DocumentLine, type DocumentOrder, isDocumentOrder, listDocuments, listVersions } from "../queries.ts";
import { AT, addressOf, DOCUMENTS, fileOf, HOME, kindOfDocument, mayEdit, stateOf, visibleDocument } from "./shown.ts";

const LIST = { page: "documents/documents/index", part: "documents/documents/_list" };
const CARD = { page: "documents/documents/show", part: "documents/documents/_versions" };
const NEW = { page: "documents/documents/new" };
const EDIT = { page: "documents/documents/edit" };

const Filters = z.object({
  q: z.string().max(200).optional(),
  genre: z.string().max(20).optional(),
  tri: z.string().max(10).optional(),
  sens: z.enum(["croissant", "decroissant"]).optional(),
  page: z.string().max(600).optional(),
});

const isKind = (text: string | undefined): text is DocumentKind => DOCUMENT_KINDS.some(({ value }) => value === text);

export const index: RequestHandler = async (req, res) => {
  const { q, genre, tri, sens, page } = query(req, Filters);
  const order: DocumentOrder = isDocumentOrder(tri) ? tri : "title";
  const descending = sens === "decroissant";
  const kind = isKind(genre) ? genre : undefined;
  const { found, names } = await read(req, async (em) => {
    const some = await listDocuments(em, { q, kind, trashed: false }, { order, descending, mark: readMark(page) });
    return {
      found: some,
      names: await findUserNames(
        em,
        some.rows.map(({ ownerId }) => ownerId),
      ),
    };
  });
  const filters = { q, genre: kind };
  const sorted = {
    ...filters,
    tri: order === "title" ? undefined : order,
    sens: descending ? "decroissant" : undefined,
  };
  res.show(LIST, {
    title: "Documents",
    crumbs: [HOME, { label: "Documents" }],
    documents: found.rows.map((line) => lineOf(line, names)),
    total: found.total,
    form: { values: { q: q ?? "", genre: kind ?? "" } },
    kinds: DOCUMENT_KINDS,
    active: Object.values(filters).filter(Boolean).length,
    mayEdit: mayEdit(req),
    liveAt: withQuery(AT, { ...sorted, page }),
    previous: found.before && withQuery(AT, { ...sorted, page: writeMark(found.before) }),
    next: found.after && withQuery(AT, { ...sorted, page: writeMark(found.after) }),
    sorts: Object.fromEntries(
      (["title", "kind", "size", "date"] as const).map((one) => [
        one,
        {
          order: one !== order ? "none" : descending ? "descending" : "ascending",
          href: withQuery(AT, { ...filters, tri: one, sens: one === order && !descending ? "decroissant" : undefined }),
        },
      ]),
    ),
  });
};

export const lineOf = (line: DocumentLine, names: Map<string, string>) => ({
  ...line,
  at: line.at,
  href: addressOf(line),
  what: kindOfDocument(line.kind),
  file: fileOf(line),
  by: names.get(line.ownerId)!,
  badge: line.state === "clean" ? null : stateOf(line.state),
  newer: line.newer && { number: line.newer.number, badge: stateOf(line.newer.state) },
});

export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { document, versions, names } = await read(req, async (em) => {
    const found = await visibleDocument(em, req, req.params.id);
    const all = await listVersions(em, found.id);
    return {
      document: found,
      versions: all,
      names: await findUserNames(
        em,
        all.map(({ ownerId }) => ownerId),
      ),
    };
  });
  const at = addressOf(document);
  const lines = versions.map((version) => ({
    ...version,
    file: fileOf(version),
    by: names.get(version.ownerId)!,
    badge: stateOf(version.state),
    at: version.at,
    href: `${at}/versions/${version.number}`,
  }));
  const inForce = lines.find(({ state }) => state === "clean") ?? null;
  // This page frames what it shows: of ours, in a sandbox of its own (rulings 25).
  if (inForce?.file.seen === "pdf" || inForce?.file.seen === "text") {
    res.setHeader("Content-Security-Policy", `${res.getHeader("Content-Security-Policy")}; frame-src 'self'`);
  }
  res.show(CARD, {
    title: document.title,
    crumbs: [HOME, DOCUMENTS, { label: document.title }],
    document,
    what: kindOfDocument(document.kind),
    versions: lines,
    inForce,
    newest: lines[0] ?? null,
    at,
    mayEdit: mayEdit(req),
  });
};

/** What a form on documents says of its file. */
export const filePart = () => ({
  purpose: DOCUMENT_FILE,
  accept: acceptOf(DOCUMENT_FILE.kinds),
  kinds: kindList(DOCUMENT_FILE.kinds),
  most: weight(DOCUMENT_FILE.most),
});

const Fields = {
  title: z
    .string()
    .trim()
    .min(1, "Écrivez un titre\u00a0: c’est lui qu’on lit dans la liste.")
    .max(LONGEST_TITLE, `Raccourcissez à ${LONGEST_TITLE} caractères.`)
    .describe("Titre"),
  kind: z
    .enum(
      DOCUMENT_KINDS.map(({ value }) => value),
      "Choisissez un genre de la liste.",
    )
    .describe("Genre"),
};

const newPage = (form: object) => ({
  title: "Déposer un document",
  crumbs: [HOME, DOCUMENTS, { label: "Déposer un document" }],
  documentKinds: DOCUMENT_KINDS,
  form,
  ...filePart(),
});

export const new_: RequestHandler = (_req, res) => {
  res.show(NEW, newPage({ values: {} }));
};

export const create: RequestHandler = async (req, res) => {
  const { id } = req.user!;
  const act = {
    code: "document.added",
    label: ({ title }: { title: string }) => `Dépôt du document «\u00a0${title}\u00a0»`,
    subject: (_values: object, document: Document) => aboutDocument(document),
    at: (_values: object, document: Document) => addressOf(document),
  };
  const form = await submitFile(
    req,
    DOCUMENT_FILE,
    act,
    (file, em, values) => addDocument(em, values, file, { by: { id } }),
    Fields,
  );
  if (form.errors) return res.show(NEW, newPage(form));
  res.saved(CARD, {}, { at: addressOf(form.result), notice: `Le document est déposé.${waits(req)}`, undo: true });
};

/** What is said after the file arrived and before the scanner has seen it. */
export const waits = (req: Request): string =>
  req.files.scanner ? " L’antivirus le vérifie\u202f; il s’ouvrira ensuite." : "";

export const edit: RequestHandler<{ id: string }> = (req, res) => showEdit(req, res, { values: {} });

async function showEdit(req: Request<{ id: string }>, res: Response, form: object): Promise<void> {
  const document = await read(req, (em) => visibleDocument(em, req, req.params.id));
  const at = addressOf(document);
  res.show(EDIT, {
    title: `Modifier ${document.title}`,
    crumbs: [HOME, DOCUMENTS, { label: document.title, href: at }, { label: "Modifier" }],
    document,
    documentKinds: DOCUMENT_KINDS,
    at,
    form,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const at = addressOf(req.params);
  const act = {
    code: "document.edited",
    label: ({ title }: { title: string }) => `Modification du document «\u00a0${title}\u00a0»`,
    subject: () => aboutDocument(req.params),
    at,
    current: async (em: Parameters<Parameters<typeof read>[1]>[0]) => {
      const { title, kind, version } = await visibleDocument(em, req, id);
      return { values: { title, kind: kindOfDocument(kind).label }, version };
    },
  };
  const form = await submit(req, z.object(Fields), act, async (values, em, sent) => {
    const document = await visibleDocument(em, req, id);
    await atVersion(em, document, sent);
    editDocument(em, document, values, { by: { id: req.user!.id } });
  });
  if (form.errors) return showEdit(req, res, form);
  res.saved(CARD, {}, { at, notice: "Le document est modifié.", undo: true });
};
