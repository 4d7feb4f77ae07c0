import type { RequestHandler } from "express";
import { z } from "zod";
import { findUserNames } from "../../accounts/index.ts";
import { readMark, withQuery, writeMark } from "../../platform/http/addresses.ts";
import { query, read, submit } from "../../platform/http/forms.ts";
import { aboutDocument, restoreDocument, TRASH_DAYS, trashDocument } from "../document.ts";
import { listDocuments } from "../queries.ts";
import { lineOf } from "./documents.ts";
import { AT, addressOf, DOCUMENTS, HOME, visibleDocument } from "./shown.ts";

const LIST = { page: "documents/trash/index" };
const TRASH = `${AT}/corbeille`;
const DAY_MS = 86_400_000;

const Address = z.object({ page: z.string().max(600).optional() });

export const index: RequestHandler = async (req, res) => {
  const { page } = query(req, Address);
  const { found, names } = await read(req, async (em) => {
    const some = await listDocuments(
      em,
      { trashed: true },
      { order: "title", descending: false, mark: readMark(page) },
    );
    return {
      found: some,
      names: await findUserNames(
        em,
        some.rows.map(({ ownerId }) => ownerId),
      ),
    };
  });
  res.show(LIST, {
    title: "Corbeille",
    crumbs: [HOME, DOCUMENTS, { label: "Corbeille" }],
    documents: found.rows.map((line) => ({
      ...lineOf(line, names),
      goneAt: new Date(line.trashedAt!.getTime() + TRASH_DAYS * DAY_MS),
    })),
    total: found.total,
    days: TRASH_DAYS,
    previous: found.before && withQuery(TRASH, { page: writeMark(found.before) }),
    next: found.after && withQuery(TRASH, { page: writeMark(found.after) }),
  });
};

const Nothing = z.object({});

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const act = {
    code: "document.trashed",
    label: (_values: object, title: string) => `Mise à la corbeille du document «\u00a0${title}\u00a0»`,
    subject: () => aboutDocument(req.params),
    at: AT,
  };
  await submit(req, Nothing, act, async (_values, em) => {
    const document = await visibleDocument(em, req, req.params.id);
    trashDocument(em, document, { by: { id: by }, now: req.now });
    return document.title;
  });
  const notice = `Le document est à la corbeille pour ${TRASH_DAYS} jours.`;
  res.saved(LIST, {}, { at: AT, notice, undo: true });
};

export const destroy: RequestHandler<{ id: string }> = async (req, res) => {
  const { id: by } = req.user!;
  const at = addressOf(req.params);
  const act = {
    code: "document.restored",
    label: (_values: object, title: string) => `Retour du document «\u00a0${title}\u00a0»`,
    subject: () => aboutDocument(req.params),
    at,
  };
  await submit(req, Nothing, act, async (_values, em) => {
    const document = await visibleDocument(em, req, req.params.id);
    restoreDocument(em, document, { by: { id: by } });
    return document.title;
  });
  res.saved(LIST, {}, { at, notice: "Le document est de retour.", undo: true });
};
