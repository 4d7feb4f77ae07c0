import type { RequestHandler } from "express";
import { z } from "zod";
import { NotFound } from "../../platform/errors.ts";
import { query } from "../../platform/http/forms.ts";
import { findHelp, HELP_SECTIONS, helpHtml, helpPages, helpPart, searchHelp } from "../help.ts";

const Search = z.object({
  q: z.string().trim().max(200, "Cherchez en moins de mots.").default("").describe("Recherche"),
});

/** The list of pages, and what was found for a search. */
export const index: RequestHandler = (req, res) => {
  const { q } = query(req, Search);
  res.show(
    { page: "instance/help/index", part: "instance/help/_results" },
    {
      title: q === "" ? "Aide" : `« ${q} » dans l’aide`,
      form: { values: { q } },
      q,
      found: q === "" ? null : searchHelp(q),
      sections: HELP_SECTIONS.map((title) => ({
        title,
        pages: helpPages().filter(({ section }) => section === title),
      })),
    },
  );
};

/** One page of help: whole, or in the panel beside the page somebody is on (UIX-12). */
export const show: RequestHandler<{ slug: string }> = (req, res) => {
  const page = findHelp(req.params.slug);
  if (!page) throw new NotFound("Cette page d’aide n’existe pas. Cherchez-la dans la liste de l’aide.");
  const others = helpPages().filter(({ section, slug }) => section === page.section && slug !== page.slug);
  res.show(
    { page: "instance/help/show", part: "instance/help/_panel" },
    { title: page.title, help: page, html: helpHtml(page), part: helpPart(page), others },
  );
};
