import type { RequestHandler } from "express";
import { z } from "zod";
import { query } from "../../platform/http/forms.ts";
import { STATUSES, type Status, summarise } from "../assessment.ts";
import { THEMES } from "../criteria.ts";
import { publicGrid } from "../queries.ts";
import { mayEdit } from "./texts.ts";

const VIEW = { page: "instance/grid/index", part: "instance/grid/_criteria" };

const Filter = z.object({
  theme: z
    .enum(THEMES.map((_, i) => String(i + 1)))
    .optional()
    .describe("Thème"),
  statut: z
    .enum(Object.keys(STATUSES) as [Status, ...Status[]])
    .optional()
    .describe("Évaluation"),
});

/** The 106 criteria and what was found for each, for anybody to read, filter and print. */
export const index: RequestHandler = async (req, res) => {
  const { theme, statut } = query(req, Filter);
  const grid = await publicGrid(req.db);
  const shown = grid.filter(
    (one) => (theme === undefined || one.theme === Number(theme)) && (statut === undefined || one.status === statut),
  );
  res.show(VIEW, {
    title: "Grille des critères d’accessibilité",
    form: { values: { theme: theme ?? "", statut: statut ?? "" } },
    active: [theme, statut].filter(Boolean).length,
    summary: summarise(grid),
    themes: THEMES.map((label, i) => ({ number: i + 1, label })),
    statuses: STATUSES,
    criteria: shown,
    mayEdit: mayEdit(req),
  });
};
