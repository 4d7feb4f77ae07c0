import { createViews } from "../../src/platform/http/views.ts";
import { fr } from "../../src/platform/text/index.ts";

/** The page context as the HTTP floor gives it, for templates rendered without a server. */
export function pageContext(over: object = {}) {
  let keys = 0;
  return {
    title: "Galerie",
    path: "/galerie",
    user: { name: "Sophie Marchand", email: "sophie.marchand@quais.example" },
    tenant: { name: "Mutuelle des Quais", accent: null, zone: "Europe/Paris" },
    help: { href: "/aide/inviter-un-collegue", title: "Inviter un collègue" },
    shortcuts: true,
    menu: [
      { title: "Accueil", entries: [{ label: "Accueil", href: "/", icon: "home", current: false }] },
      {
        title: "Administrer",
        entries: [
          { label: "Comptes", href: "/admin/utilisateurs", icon: "users", current: true },
          { label: "Organisation", href: "/admin/organisation", icon: "building", current: false },
          { label: "Historique", href: "/admin/historique", icon: "history", current: false },
          { label: "Journal de sécurité", href: "/admin/journal-securite", icon: "shield", current: false },
        ],
      },
    ],
    csrf: "jeton",
    key: () => `cle-${++keys}`,
    notice: null as { text: string; tone: string } | null,
    theme: "system",
    density: "comfort",
    demo: false,
    now: new Date("2026-03-12T13:32:05Z"),
    id: "7F3A-21C",
    sessionEndsAt: new Date("2026-03-12T21:32:05Z"),
    refused: false,
    crumbs: [],
    asset: (path: string) => `/assets${path}`,
    ...over,
  };
}

export type Page = ReturnType<typeof pageContext>;

const views = createViews({ debug: true, cache: true });

/** One partial, as a page would include it. */
export const part = (name: string, data: object = {}, page: Page = pageContext()) =>
  views.render(`/partials/${name}`, { page, fr, ...data });

/** A body inside a layout. */
export const inLayout = (layout: string, body: string, data: object = {}, page: Page = pageContext()) =>
  views.render(`/layouts/${layout}`, { page, fr, body, ...data });

export const errorPage = (status: number, page: Page = pageContext(), data: object = {}) =>
  views.render("/errors/error", { page, fr, status, sentence: null, todo: null, ...data });
