import type { Route } from "../platform/http/route.ts";

export interface SiteSection {
  title: string;
  links: { href: string; label: string }[];
}

const SECTIONS = [
  {
    title: "Votre espace",
    holds: (path: string) => path === "/" || path === "/premiers-pas" || path.startsWith("/compte"),
  },
  { title: "Administrer l’organisation", holds: (path: string) => path.startsWith("/admin") },
  { title: "Régler l’instance", holds: (path: string) => path.startsWith("/instance") },
];
const PUBLIC = "Informations et aide";
const OTHERS = "Suivre et piloter";

/** The pages this reader may open, by section, from the routes that carry a French title. */
export function siteMap(routes: readonly Route[], may: (right: string) => boolean): SiteSection[] {
  const open = routes.filter(({ method, options, right }) => method === "get" && options.sitemap && may(right));
  const titleOf = ({ path, right }: Route) =>
    right === "public" ? PUBLIC : (SECTIONS.find(({ holds }) => holds(path))?.title ?? OTHERS);
  return [SECTIONS[0]!.title, OTHERS, ...SECTIONS.slice(1).map(({ title }) => title), PUBLIC]
    .map((title) => ({
      title,
      links: open
        .filter((route) => titleOf(route) === title)
        .map(({ path, options }) => ({ href: path, label: options.sitemap! })),
    }))
    .filter(({ links }) => links.length > 0);
}
