import type { RequestHandler } from "express";
import { allows, ROLES, type Role, startListFor } from "../../accounts/index.ts";
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
    title: "Aucune intervention pour l’instant",
    text: "Les interventions qu’une campagne vous confie s’afficheront ici, la prochaine en premier. En attendant, réglez votre compte : thème, densité des tableaux, raccourcis.",
    action: { href: "/compte", label: "Régler mon compte", icon: "user" },
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
    title: "Aucune campagne publique pour l’instant",
    text: "Les campagnes que leur gestionnaire rend publiques s’afficheront ici, avec leur tableau de bord.",
    action: HELP,
  },
};

/** Where each role lands (DSH-17): who makes campaigns on them all, the others on what their roles open, until they have a page of their own. */
export const show: RequestHandler = (req, res, next) => {
  if (allows(req.user!.roles, "campaigns.create")) return res.redirect(303, "/campagnes");
  return welcome("Accueil")(req, res, next);
};

/** What my roles open, what is left to do first, and what each place waits for. */
const welcome =
  (title: string): RequestHandler =>
  async (req, res) => {
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
        title,
        steps,
        left: steps.filter(({ done }) => !done).length,
        roles: roles.map(({ label, opens }) => ({ label, opens })),
        waiting: roles.flatMap(({ code }) => WAITING[code] ?? []),
      },
    );
  };

export const start = welcome("Premiers pas");
