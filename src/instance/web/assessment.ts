import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { atVersion, type Form, query, read, submit } from "../../platform/http/forms.ts";
import { assess, STATUSES, type Status, summarise } from "../assessment.ts";
import { CRITERIA, type Criterion, findCriterion, THEMES } from "../criteria.ts";
import { assessCriterion, CriterionResult } from "../criterion-result.ts";
import { declareLevel } from "../queries.ts";

const ONE = { page: "instance/assessment/show", part: "instance/assessment/_criterion" };
const LONGEST = 2_000;

const Theme = z.object({
  theme: z
    .enum(THEMES.map((_, i) => String(i + 1)))
    .default("1")
    .describe("Thème"),
});

const ResultForm = z.object({
  status: z
    .enum(Object.keys(STATUSES) as [Status, ...Status[]], { error: "Choisissez un résultat dans la liste." })
    .describe("Résultat"),
  note: z
    .string()
    .trim()
    .max(LONGEST, `Raccourcissez cette remarque : ${LONGEST} caractères au maximum.`)
    .nullable()
    .default(null)
    .describe("Remarque"),
});

const statusOptions = Object.entries(STATUSES).map(([value, { label }]) => ({ value, label }));

/** What one criterion's card needs: in the list, alone, and after a post. */
const card = (criterion: Criterion, result: CriterionResult | null, form?: Form<unknown>) => ({
  criterion,
  id: `critere-${criterion.number.replace(".", "-")}`,
  status: STATUSES[result?.status ?? "non_evalue"],
  themeLabel: THEMES[criterion.theme - 1]!,
  version: form?.errors ? (form.stale?.version ?? result?.version) : result?.version,
  form: form?.errors ? form : { values: { status: result?.status ?? "non_evalue", note: result?.note ?? "" } },
  statusOptions,
  longest: LONGEST,
});

function criterionOf(number: string): Criterion {
  const criterion = findCriterion(number);
  if (!criterion) throw new NotFound("Le RGAA 4.1 n’a pas de critère de ce numéro. Revenez à la grille.");
  return criterion;
}

const findResult = (em: EntityManager, { number }: Criterion) => em.findOne(CriterionResult, { criterion: number });

/** One theme of the grid at a time, each criterion with its own form. */
export const index: RequestHandler = async (req, res) => {
  const theme = Number(query(req, Theme).theme);
  const results = await read(req, (em) => em.find(CriterionResult, {}));
  const byNumber = new Map(results.map((result) => [result.criterion, result]));
  const left = (number: number) =>
    CRITERIA.filter(
      (one) => one.theme === number && (byNumber.get(one.number)?.status ?? "non_evalue") === "non_evalue",
    ).length;
  const at = (number: number) => `/instance/accessibilite?theme=${number}`;
  res.show(
    { page: "instance/assessment/index" },
    {
      title: `${THEMES[theme - 1]} – Évaluation de l’accessibilité`,
      theme: { number: theme, label: THEMES[theme - 1]! },
      themes: THEMES.map((label, i) => ({
        label: left(i + 1) === 0 ? `${i + 1}. ${label}, fait` : `${i + 1}. ${label} (${left(i + 1)})`,
        href: at(i + 1),
        current: theme === i + 1,
      })),
      previous: theme > 1 ? at(theme - 1) : null,
      next: theme < THEMES.length ? at(theme + 1) : null,
      summary: summarise(assess(results)),
      cards: CRITERIA.filter((one) => one.theme === theme).map((one) => card(one, byNumber.get(one.number) ?? null)),
    },
  );
};

export const show: RequestHandler<{ criterion: string }> = async (req, res) => {
  const criterion = criterionOf(req.params.criterion);
  const result = await read(req, (em) => findResult(em, criterion));
  res.show(ONE, { title: `Critère ${criterion.number}`, ...card(criterion, result) });
};

export const update: RequestHandler<{ criterion: string }> = async (req, res) => {
  const criterion = criterionOf(req.params.criterion);
  const by = req.user!;
  const at = `/instance/accessibilite?theme=${criterion.theme}#critere-${criterion.number.replace(".", "-")}`;
  const form = await submit(
    req,
    ResultForm,
    {
      code: "criterion.assessed",
      label: ({ status }) => `Critère ${criterion.number} évalué : ${STATUSES[status].label.toLowerCase()}`,
      subject: (_, result: CriterionResult) => ({ type: "criterion_result", id: result.id }),
      at,
      current: async (em) => {
        const result = await findResult(em, criterion);
        return result && { values: { status: result.status, note: result.note ?? "" }, version: result.version };
      },
    },
    async ({ status, note }, em, sent) => {
      const result = await findResult(em, criterion);
      if (result) await atVersion(em, result, sent);
      return assessCriterion(em, result, { criterion, status, note, tenantId: by.tenantId, by: by.id });
    },
  );
  const title = `Critère ${criterion.number}`;
  if (form.errors) {
    const result = await read(req, (em) => findResult(em, criterion));
    return res.show(ONE, { title, ...card(criterion, result, form), version: form.stale?.version ?? drawnFrom(req) });
  }
  await declareLevel(req.db, req.app.locals);
  res.saved(
    ONE,
    { title, ...card(criterion, form.result) },
    {
      at,
      notice: `Critère ${criterion.number} enregistré : ${STATUSES[form.result.status].label.toLowerCase()}.`,
      undo: true,
    },
  );
};

/** The version the refused form was drawn from: only a conflict moves it. */
const drawnFrom = ({ body }: Request): number | undefined =>
  /^\d{1,9}$/.test(String(body?.version)) ? Number(body.version) : undefined;
