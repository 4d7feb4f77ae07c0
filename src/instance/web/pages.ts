import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { readFields } from "../../platform/http/fields.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { frenchProblem } from "../../platform/http/problems.ts";
import { renderMarkdown } from "../../platform/text/markdown.ts";
import { deliveredText, isKind, KINDS, type Kind, PublicPage, writePage } from "../public-page.ts";

const EDIT = { page: "instance/pages/edit" };
const LONGEST = 20_000;

const TextForm = z.object({
  body: z
    .string()
    .trim()
    .min(1, "Écrivez le texte de la page.")
    .max(LONGEST, `Raccourcissez ce texte : ${LONGEST} caractères au maximum.`)
    .describe("Texte"),
});

function kindOf(text: string): Kind {
  if (!isKind(text)) throw new NotFound("Cette page publique n’existe pas. Choisissez-la dans la liste.");
  return text;
}

const asTyped = (value: string | string[] | undefined) => (typeof value === "string" ? value : "");

/** The version the form was drawn from, kept through a refusal or a preview: only a conflict moves it. */
const drawnFrom = ({ body }: Request): number | undefined =>
  /^\d{1,9}$/.test(String(body?.version)) ? Number(body.version) : undefined;

const editing = (kind: Kind, text: string, version: number | undefined) => ({
  title: `Modifier « ${KINDS[kind].title} »`,
  kind,
  name: KINDS[kind].title,
  version,
  isDelivered: version === undefined,
  longest: LONGEST,
  html: renderMarkdown(text),
});

/** The four pages, and which of them the instance has made its own. */
export const index: RequestHandler = async (req, res) => {
  const own = await read(req, (em) => em.find(PublicPage, {}));
  const pages = (Object.keys(KINDS) as Kind[]).map((kind) => ({
    kind,
    ...KINDS[kind],
    isDelivered: !own.some((page) => page.kind === kind),
  }));
  res.show({ page: "instance/pages/index" }, { title: "Pages publiques", pages });
};

export const edit: RequestHandler<{ kind: string }> = async (req, res) => {
  const kind = kindOf(req.params.kind);
  const page = await read(req, (em) => em.findOne(PublicPage, { kind }));
  const body = page?.body ?? deliveredText(kind);
  res.show(EDIT, { ...editing(kind, body, page?.version), form: { values: { body } } });
};

export const update: RequestHandler<{ kind: string }> = async (req, res) => {
  const kind = kindOf(req.params.kind);
  const by = req.user!;
  const at = `/${kind}`;
  const form = await submit(
    req,
    TextForm,
    {
      code: "public_page.written",
      label: `Page « ${KINDS[kind].title} » modifiée`,
      subject: (_, page: PublicPage) => ({ type: "public_page", id: page.id }),
      at,
      current: async (em) => {
        const page = await em.findOne(PublicPage, { kind });
        return page && { values: { body: page.body }, version: page.version };
      },
    },
    async ({ body }, em, sent) => {
      const page = await em.findOne(PublicPage, { kind });
      if (page) await atVersion(em, page, sent);
      return writePage(em, page, { kind, body, tenantId: by.tenantId, by: by.id });
    },
  );
  if (form.errors) {
    const version = form.stale?.version ?? drawnFrom(req);
    return res.show(EDIT, { ...editing(kind, asTyped(form.values.body), version), form });
  }
  res.saved(EDIT, {}, { at, notice: `Page « ${KINDS[kind].title} » enregistrée.`, undo: true });
};

/** Shows what the typed text will give; nothing is kept. */
export const preview: RequestHandler<{ kind: string }> = (req, res) => {
  const kind = kindOf(req.params.kind);
  const { typed, input, problems } = readFields(TextForm, req.body);
  const parsed = TextForm.safeParse(input, { error: frenchProblem });
  const text = asTyped(typed.body);
  const values = { body: text };
  const errors = { ...(parsed.error && { body: parsed.error.issues[0]!.message }), ...problems };
  const form = Object.keys(errors).length > 0 ? { values, errors } : { values };
  res.show({ ...EDIT, part: "instance/pages/_preview" }, { ...editing(kind, text, drawnFrom(req)), form });
};
