import type { RequestHandler } from "express";
import { renderMarkdown } from "../../platform/text/markdown.ts";
import { AUTOMATIC, STATUSES, summarise } from "../assessment.ts";
import { publicGrid, publicText } from "../queries.ts";
import { contactOf, mayEdit } from "./texts.ts";

/** The accessibility statement: the level is computed from the grid, never typed [UIX-10]. */
export const show: RequestHandler = async (req, res) => {
  const summary = summarise(await publicGrid(req.db));
  const { body, isDelivered } = await publicText(req.db, "accessibilite");
  res.show(
    { page: "instance/declaration" },
    {
      title: "Accessibilité",
      summary,
      statuses: Object.entries(STATUSES).map(([code, words]) => ({
        ...words,
        code,
        count: summary.counts[code as keyof typeof STATUSES],
      })),
      automatic: AUTOMATIC,
      address: req.config.publicUrl,
      html: renderMarkdown(body),
      mayEdit: mayEdit(req),
      contact: contactOf(req),
      isDelivered,
    },
  );
};
