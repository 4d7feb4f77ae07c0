import type { RequestHandler } from "express";
import { mayRoute } from "../../accounts/index.ts";
import type { Route } from "../../platform/http/route.ts";
import { helpPages } from "../help.ts";
import { siteMap } from "../site-map.ts";

/** Every page this reader may open, read from the routes themselves. */
export const show: RequestHandler = (req, res) => {
  const { user } = req;
  const may = (right: string) =>
    right === "public" || (user != null && (right === "signed-in" || mayRoute(user.roles, right)));
  const routes = req.app.locals.routes as Route[];
  res.show(
    { page: "instance/site-map" },
    {
      title: "Plan du site",
      sections: siteMap(routes, may),
      help: helpPages().map(({ slug, title }) => ({ href: `/aide/${slug}`, label: title })),
    },
  );
};
