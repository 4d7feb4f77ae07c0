import type { RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { query } from "../../platform/http/forms.ts";
import { ownOrigins } from "../../platform/http/origin.ts";
import { ownPath } from "../../platform/http/safe-path.ts";
import { findHelp, HELP_SECTIONS, helpFor, helpHtml, helpPages, searchHelp } from "../help.ts";

const Search = z.object({
  q: z.string().trim().max(200, "Cherchez en moins de mots.").default("").describe("Recherche"),
});

/** The list of pages, what was found for a search, and first of all the page about where one comes from. */
export const index: RequestHandler = (req, res) => {
  const { q } = query(req, Search);
  const from = ownPath(req.headers.referer, ownOrigins(req))?.split("?")[0];
  res.show(
    { page: "instance/help/index", part: "instance/help/_results" },
    {
      title: q === "" ? "Aide" : `« ${q} » dans l’aide`,
      form: { values: { q } },
      q,
      found: q === "" ? null : searchHelp(q),
      here: from && !from.startsWith("/aide") ? helpFor(from) : null,
      sections: HELP_SECTIONS.map((title) => ({
        title,
        pages: helpPages().filter(({ section }) => section === title),
      })),
    },
  );
};

export const show: RequestHandler<{ slug: string }> = (req, res) => {
  const page = findHelp(req.params.slug);
  if (!page) throw new NotFound("Cette page d’aide n’existe pas. Cherchez-la dans la liste de l’aide.");
  const others = helpPages().filter(({ section, slug }) => section === page.section && slug !== page.slug);
  res.show({ page: "instance/help/show" }, { title: page.title, help: page, html: helpHtml(page), others });
};
