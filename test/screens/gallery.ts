import { drawChart } from "../../src/platform/charts/index.ts";
import { CHARTS } from "../platform/charts/samples.ts";
import { inLayout, type Page, pageContext, part } from "./page.ts";

const charts = await Promise.all(CHARTS.map(drawChart));

/** One page that shows every component in the states people meet, through the real layout. */

const tones = [
  ["clock", "À planifier", "neutral"],
  ["calendar", "Planifiée", "primary"],
  ["play", "En cours", "running"],
  ["check-circle", "Réalisée", "success"],
  ["pause-circle", "Reportée", "warning"],
  ["alert-triangle", "Bloquée", "danger"],
  ["x-circle", "Annulée", "muted"],
  ["flag", "Terminée", "complete"],
] as const;

const section = (id: string, title: string, body: string, aside = "") =>
  `<section aria-labelledby="${id}"><div class="head-line"><h2 id="${id}">${title}</h2>${aside}</div>${body}</section>`;

const people = [
  ["Awa Ndiaye", "awa.ndiaye@quais.example", "Technicienne", "Actif", "success", "check-circle"],
  ["Karim Daoudi", "karim.daoudi@quais.example", "Technicien, coordinateur", "Verrouillé", "warning", "lock"],
  [
    "Élise Moreau-Vasseur",
    "elise.moreau-vasseur@quais.example",
    "Gestionnaire de campagne",
    "Invitée",
    "primary",
    "mail",
  ],
  ["Yann Le Goff", "yann.legoff@quais.example", "Lecteur", "Désactivé", "muted", "user-x"],
] as const;

function table(page: Page): string {
  const rows = people
    .map(([name, email, role, state, tone, icon], rank) => {
      const menu = part(
        "menu",
        {
          label: `Actions – ${name}`,
          icon: "more",
          end: true,
          lead: name,
          entries: [
            { label: "Modifier", icon: "pencil", href: `/admin/utilisateurs/${rank}/modifier` },
            {
              label: "Renvoyer l’invitation",
              icon: "send",
              action: `/admin/utilisateurs/${rank}/invitation`,
              version: 3,
            },
          ],
        },
        page,
      );
      return `<tr class="tone-${tone}"><td class="pick"><label><input class="tick" type="checkbox" name="comptes" value="${rank}"${rank === 1 ? " checked" : ""}><span class="visually-hidden">Choisir ${name}</span></label></td><th scope="row"><a href="/admin/utilisateurs/${rank}">${name}</a></th><td class="long" data-label="Adresse">${email}</td><td data-label="Rôles">${role}</td><td data-label="État">${part("badge", { icon, label: state, tone }, page)}</td><td class="num" data-label="Actes">1 842</td><td class="acts-cell">${menu}</td></tr>`;
    })
    .join("");
  const heads = [
    part("sort", { label: "Nom", href: "?tri=-nom", order: "ascending" }, page),
    part("sort", { label: "Adresse", href: "?tri=adresse", order: "none" }, page),
    '<th scope="col">Rôles</th><th scope="col">État</th>',
    part("sort", { label: "Actes", href: "?tri=actes", order: "none", num: true }, page),
    '<th class="acts-cell" scope="col"><span class="visually-hidden">Actions</span></th>',
  ].join("");
  return `<check-all data-one="compte choisi" data-many="comptes choisis"><div class="results"><p class="count" data-announce>4 comptes</p><output class="soft"></output>${part("density", {}, page)}</div><div class="table-scroll" role="region" aria-label="Comptes, tableau défilant" tabindex="0"><table class="table stack"><caption class="visually-hidden">Comptes de la Mutuelle des Quais</caption><thead><tr><th scope="col" class="pick"><label hidden><input class="tick" type="checkbox" data-all><span class="visually-hidden">Choisir les 4 comptes</span></label><span class="visually-hidden">Choix</span></th>${heads}</tr></thead><tbody>${rows}</tbody></table></div></check-all>`;
}

const refused = {
  values: { name: "Mi", date: "05/01/2026", reason: "", role: "viewer", kept: "oui" },
  errors: {
    name: "Écrivez 3 caractères au moins.",
    date: "Choisissez un jour après le 12 janvier 2026.",
    roles: "Choisissez au moins un rôle.",
    form: "Ce compte a été modifié pendant votre saisie.",
  },
};

export interface GalleryOptions {
  page?: object;
  dialogShown?: boolean;
}

export function galleryPage({ page: over = {}, dialogShown = false }: GalleryOptions = {}): string {
  const page = pageContext({ notice: { text: "Compte d’Awa Ndiaye modifié.", tone: "success" }, demo: true, ...over });
  const p = (name: string, data: object = {}) => part(name, data, page);
  const filters = p("filters", {
    id: "filtres",
    label: "Filtrer les comptes",
    action: "/admin/utilisateurs",
    active: 1,
    body:
      p("field", { form: { values: { q: "" } }, name: "q", label: "Nom ou adresse", type: "search", scope: "filtre" }) +
      p("select", {
        form: { values: {} },
        name: "etat",
        label: "État",
        options: [
          { value: "", label: "Tous" },
          { value: "actif", label: "Actifs" },
        ],
        value: "actif",
        scope: "filtre",
      }),
  });
  const form = `<form class="decision" method="post" action="/galerie" novalidate aria-label="Campagne">${p("form-keys", { version: 4 })}
    ${p("field", { form: refused, name: "name", label: "Nom de la campagne", required: true, hint: "Entre 3 et 255 caractères", maxlength: 255 })}
    ${p("field", { form: refused, name: "date", label: "Date de fin", required: true, hint: "Format jj/mm/aaaa, par exemple 10/04/2026", inputmode: "numeric" })}
    ${p("field", { form: refused, name: "reason", label: "Motif", rows: 3, hint: "Écrit dans l’historique" })}
    ${p("choices", {
      form: refused,
      name: "roles",
      legend: "Rôles",
      type: "checkbox",
      required: true,
      value: [],
      options: [
        { value: "viewer", label: "Lecteur", hint: "Voit les campagnes, ne change rien." },
        { value: "super", label: "Super-administration", hint: "Réservé à l’instance.", disabled: true },
      ],
    })}
    ${p("check", { form: refused, name: "kept", label: "Rester connecté 30 jours", hint: "À éviter sur un poste partagé" })}
    <div class="buttons"><button class="button primary" type="submit">Créer la campagne</button><a class="button" href="/">Ne rien changer</a></div></form>`;
  const radio = p("choices", {
    form: { values: {} },
    name: "preset",
    legend: "Règle des mots de passe",
    type: "radio",
    value: "robustesse",
    columns: true,
    scope: "regle",
    options: [
      { value: "robustesse", label: "Robustesse", hint: "12 caractères et difficile à deviner." },
      { value: "composition", label: "Composition", hint: "8 caractères, capitale, chiffre et signe." },
    ],
  });
  const password = `<form class="decision" method="post" action="/connexion" novalidate aria-label="Connexion">${p("password", { form: { values: {} }, name: "password", label: "Mot de passe", autocomplete: "current-password", scope: "entree" })}<button class="button primary field" type="submit">Me connecter</button></form>`;
  const dialog = p("dialog", {
    id: "desactivation",
    title: "Désactiver le compte de Yann Le Goff",
    tone: "danger",
    shown: dialogShown,
    body: `<form method="post" action="/admin/utilisateurs/3/desactivation">${p("form-keys", { version: 2 })}<p>Ses sessions se ferment aussitôt. Son nom reste dans l’historique.</p>${p("field", { form: { values: {} }, name: "why", label: "Motif", scope: "desactivation", rows: 2 })}<div class="buttons"><button class="button danger" type="submit">Désactiver Yann Le Goff</button></div></form>`,
  });
  const body = `<div class="title"><div><h1>Composants ${p("badge", { icon: "play", label: "En cours", tone: "running" })}</h1><p>Chaque composant dans les états que l’on rencontre.</p></div><div class="buttons"><a class="button" href="/export.csv">${p("icon", { name: "download" })}Exporter</a>${p("print")}<a class="button primary" href="/nouveau">${p("icon", { name: "user-plus" })}Inviter une personne</a></div></div>
  ${p("tabs", {
    label: "Composants",
    entries: [
      { label: "Tableau de bord", href: "/1" },
      { label: "Comptes", href: "/2", current: true },
      { label: "Historique", href: "/3" },
      { label: "Réglages", href: "/4" },
    ],
  })}
  ${filters}${table(page)}${p("pager", { label: "Pages de comptes", summary: "51–100 sur 1 842", previous: "?avant=a", next: "?apres=b" })}
  ${section("s-status", "Statuts : icône, mot, teinte", `<p class="badges">${tones.map(([icon, label, tone]) => p("badge", { icon, label, tone })).join(" ")}</p>`)}
  ${section("s-buttons", "Boutons", `<p class="buttons"><button class="button primary" type="button">Inviter 12 personnes</button><button class="button" type="button">Exporter</button><button class="button danger" type="button">Désactiver 2 comptes</button><button class="button plain" type="button">Voir le détail</button><button class="button" type="button" disabled>Créneau verrouillé</button><a class="button" href="/admin/utilisateurs/3/desactivation" data-dialog="desactivation">Désactiver Yann Le Goff</a></p>${dialog}`)}
  ${section("s-form", "Formulaire refusé", `<div class="grid-2">${p("errors", { form: refused, labels: { name: "Nom de la campagne", date: "Date de fin", roles: "Rôles" } })}<dirty-guard>${form}</dirty-guard></div>`)}
  ${section("s-fields", "Choix et mot de passe", `<div class="grid-2">${radio}${password}</div>${p("copy", { id: "lien", label: "Lien d’invitation", value: "https://exemple.example/invitation/4d1f0a" })}`)}
  ${section("s-notices", "Notices", `<div class="stack-2">${p("notice", { tone: "primary", head: "Instantané du 11/03/2026", text: "Les chiffres de cette page sont figés.", action: { href: "/", label: "Revenir au direct" } })}${p("notice", { tone: "success", text: "844 lignes importées." })}${p("notice", { tone: "warning", text: "4 personnes sur 5 seraient absentes." })}${p("notice", { tone: "danger", head: "L’export n’a pas abouti", text: "Réessayez dans une minute." })}${p("notice", { tone: "neutral", text: "Un message déjà envoyé le restera." })}</div>`)}
  <div class="grid-21">${section(
    "s-diff",
    "Ce qui a changé",
    p("field-diff", {
      fields: [
        { label: "Technicien", before: "Yann Le Goff", after: "Awa Ndiaye" },
        { label: "Segment", before: null, after: "Bâtiment C" },
        { label: "Adresse", before: "ancienne-adresse-tres-longue-sans-espace@quais.example", after: null },
      ],
    }),
    "<p>1 objet, 3 champs</p>",
  )}
  ${section(
    "s-time",
    "Autour de cet acte",
    p("timeline", {
      entries: [
        { actor: "Awa Ndiaye", text: "a modifié un compte", href: "/a", when: "14:24", at: page.now },
        {
          actor: "Sophie Marchand",
          text: "a invité 12 personnes",
          when: "14:11",
          at: page.now,
          icon: "user-plus",
          tone: "running",
          detail: "motif : « arrivées de mars »",
        },
        { actor: "Système", text: "a scellé la journée", when: "00:05", at: page.now, icon: "clock" },
      ],
    }),
  )}</div>
  <div class="grid-2">${section(
    "s-facts",
    "Fiche",
    p("facts", {
      facts: [
        { term: "Adresse", value: "awa.ndiaye@quais.example" },
        { term: "État", badge: { icon: "check-circle", label: "Actif", tone: "success" } },
        { term: "Historique", value: "Voir ses actes", href: "/h" },
      ],
    }),
  )}
  ${section("s-work", "Travail long", `<div class="card">${p("progress", { label: "Import de postes.csv", value: 61240, max: 100000, text: "Vous pouvez quitter cette page." })}</div>`)}</div>
  ${charts
    .map((chart, rank) =>
      section(
        `s-chart-${rank}`,
        chart.title,
        p("chart", {
          id: `graphique-${rank}`,
          chart,
          csvAt: `/graphique-${rank}.csv`,
          pngAt: `/graphique-${rank}.png`,
        }),
      ),
    )
    .join("")}
  ${p("empty", { title: "Aucun compte pour l’instant", text: "Les comptes sont les personnes qui travaillent ici. Invitez la première.", action: { href: "/nouveau", label: "Inviter une personne", icon: "user-plus" } })}`;
  return inLayout(
    "app",
    body,
    {
      title: "Composants",
      crumbs: [{ label: "Accueil", href: "/" }, { label: "Administrer", href: "/admin" }, { label: "Composants" }],
    },
    page,
  );
}

/** The door of the product, signed out. */
export function entryPage(over: object = {}): string {
  const page = pageContext({ user: null, menu: [], sessionEndsAt: null, tenant: null, demo: true, ...over });
  const p = (name: string, data: object = {}) => part(name, data, page);
  const form = { values: {} };
  const body = `<div class="entry"><div class="entry-head"><p class="label">OpsTracker</p><h1>Se connecter</h1></div>
    <form class="decision" method="post" action="/connexion" novalidate>${p("form-keys")}${p("field", { form, name: "email", label: "Adresse électronique", type: "email", required: true, autocomplete: "username" })}${p("password", { form, name: "password", label: "Mot de passe", autocomplete: "current-password" })}${p("check", { form, name: "stay", label: "Rester connecté" })}<button class="button primary field" type="submit">Me connecter</button></form>
    <aside class="entry-aside" aria-labelledby="personas"><h2 id="personas">Essayer sans mot de passe</h2><p>Choisissez une personne de la démonstration.</p><form method="post" action="/connexion/demo">${p("form-keys")}<button class="button wide" name="persona" value="sophie">Sophie Marchand, gestionnaire</button></form></aside></div>`;
  return inLayout("public", body, { title: "Se connecter" }, page);
}
