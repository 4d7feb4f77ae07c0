import type { RequestHandler } from "express";
import { ROLES, type Role, startListFor } from "../../accounts/index.ts";
import { read } from "../../platform/http/forms.ts";
import { historyStep, instanceSteps } from "../queries.ts";

interface Waiting {
  title: string;
  text: string;
  action: { href: string; label: string; icon: string };
}

const HELP = { href: "/aide/les-roles", label: "Lire ce que permet chaque rôle", icon: "help" };

/** What a role will find here, and what can be done meanwhile. */
const WAITING: Partial<Record<Role, Waiting>> = {
  campaign_manager: {
    title: "Vos campagnes et celles de vos collègues",
    text: "Elles sont dans une liste, avec leurs dates et leur état. Une campagne se crée vide, puis ses opérations s’importent d’un fichier.",
    action: { href: "/campagnes", label: "Ouvrir les campagnes", icon: "briefcase" },
  },
  technician: {
    title: "Vos interventions",
    text: "Les opérations que les campagnes vous confient sont dans une liste, en retard, aujourd’hui, à venir ou sans date.",
    action: { href: "/interventions", label: "Ouvrir mes interventions", icon: "list-check" },
  },
  team_manager: {
    title: "Aucun rendez-vous à prendre pour votre équipe",
    text: "Quand une campagne concernera des membres de votre équipe, leurs créneaux et leurs rendez-vous s’afficheront ici.",
    action: HELP,
  },
  coordinator: {
    title: "Aucun rendez-vous à prendre dans votre périmètre",
    text: "Quand une campagne concernera vos services ou vos sites, les personnes à positionner s’afficheront ici.",
    action: HELP,
  },
  viewer: {
    title: "Les campagnes publiques",
    text: "Les campagnes que leur gestionnaire rend publiques sont dans une liste, chacune avec son tableau de bord.",
    action: { href: "/campagnes", label: "Ouvrir les campagnes", icon: "briefcase" },
  },
};

/** Where each role lands, the first that one has; the others on what their roles open, until they have a page of their own (DSH-17). */
const HOMES: [role: Role, path: string][] = [
  ["admin", "/campagnes"],
  ["campaign_manager", "/campagnes"],
  ["technician", "/interventions"],
  ["viewer", "/campagnes"],
];

export const show: RequestHandler = (req, res) => {
  const [, at] = HOMES.find(([role]) => req.user!.roles.includes(role)) ?? [null, "/premiers-pas"];
  res.redirect(303, at);
};

/** What my roles open, what is left to do first, and what each place waits for. */
export const start: RequestHandler = async (req, res) => {
  const user = req.user!;
  const steps = await read(req, async (em) => {
    if (user.roles.includes("super_admin")) return [...(await instanceSteps(em, req.db)), await historyStep(em)];
    const own = await startListFor(em, user);
    return own.length > 0 ? [...own, await historyStep(em)] : [];
  });
  const roles = ROLES.filter(({ code }) => user.roles.includes(code));
  res.show(
    { page: "instance/home" },
    {
      title: "Premiers pas",
      steps,
      left: steps.filter(({ done }) => !done).length,
      roles: roles.map(({ label, opens }) => ({ label, opens })),
      waiting: roles.flatMap(({ code }) => WAITING[code] ?? []),
    },
  );
};
