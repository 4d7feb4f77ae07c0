import type { RequestHandler } from "express";
import { HOLIDAY_ZONES } from "../../accounts/index.ts";
import type { FieldDefinition } from "../../fields/index.ts";
import { read } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { VISIBILITIES } from "../campaign.ts";
import { titleFieldOf } from "../naming.ts";
import type { Standing } from "../policy.ts";
import { definitionsOf } from "../queries/definitions.ts";
import { type SetFigures, setFigures } from "../queries/preparation.ts";
import { isOver, prepared, stepFrame } from "./preparation.ts";
import { addressOf } from "./shown.ts";

const PAGE = { page: "campaigns/preparation/settings" };

/** Step 4: what a campaign is set with, each setting with the page that changes it alone (CAM-16). */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const { seen, fields, figures } = await read(req, async (em) => ({
    seen: await prepared(em, req),
    fields: await definitionsOf(em, req.params),
    figures: await setFigures(em, req.params.id),
  }));
  if (isOver(res, seen)) return;
  res.show(PAGE, { ...stepFrame(req, seen, "settings"), groups: groupsOf(seen.standing, { fields, figures }) });
};

interface Setting {
  term: string;
  value: string;
  /** What it is for. */
  hint: string;
  href: string;
}

const many = (n: number, one: string, several: string, none: string) => (n === 0 ? none : fr.count(n, one, several));

function groupsOf(
  { campaign, may }: Standing,
  { fields, figures }: { fields: readonly FieldDefinition[]; figures: SetFigures },
): { title: string; settings: Setting[] }[] {
  const at = addressOf(campaign);
  const labelOf = (code: string) => fields.find((field) => field.code === code)?.label ?? code;
  const { workflow, segmentField, subtitleFields, problemReasons, closedDays } = campaign;
  return [
    {
      title: "Opérations",
      settings: [
        {
          term: "Champs",
          value: many(fields.length, "champ", "champs", "aucun"),
          hint: "Ce que chaque opération dit de sa cible.",
          href: `${at}/champs`,
        },
        {
          term: "Nom des opérations",
          value: titleFieldOf(campaign, fields)?.label ?? "à choisir",
          hint:
            subtitleFields.length > 0
              ? `Sous-titres\u00a0: ${fr.list(subtitleFields.map(labelOf))}.`
              : "Sans sous-titre.",
          href: `${at}/champs#nom`,
        },
        {
          term: "Segments",
          value: many(figures.segments, "segment", "segments", "aucun"),
          hint: segmentField
            ? `D’après le champ ${labelOf(segmentField)}.`
            : "Faits par un fichier, à la main ou d’après un champ.",
          href: `${at}/segments`,
        },
        {
          term: "Flux",
          value: fr.count(workflow.statuses.length, "statut", "statuts"),
          hint: `${fr.list(workflow.statuses.map(({ label }) => label))}.`,
          href: `${at}/flux`,
        },
      ],
    },
    {
      title: "Calendrier et suivi",
      settings: [
        {
          term: "Heure par défaut",
          value: campaign.defaultHour,
          hint: "Celle que prend une date planifiée sans heure.",
          href: `${at}/reglages#calendrier`,
        },
        {
          term: "Durée standard",
          value: campaign.durationMinutes ? fr.count(campaign.durationMinutes, "minute", "minutes") : "aucune",
          hint: "Elle mesure la charge d’une journée.",
          href: `${at}/reglages#calendrier`,
        },
        {
          term: "Jours fériés et fermés",
          value: HOLIDAY_ZONES.find(({ value }) => value === campaign.holidayZone)?.label ?? "ceux de l’organisation",
          hint: many(closedDays.length, "jour fermé en plus.", "jours fermés en plus.", "Aucun jour fermé en plus."),
          href: `${at}/reglages#calendrier`,
        },
        {
          term: "Temps passé",
          value: campaign.isTimeTracked ? "demandé" : "non demandé",
          hint: "À qui termine une opération, en minutes.",
          href: `${at}/reglages#suivi`,
        },
        {
          term: "Motifs de blocage",
          value: many(problemReasons.length, "motif", "motifs", "texte libre"),
          hint: "Ce que choisit qui signale un problème.",
          href: `${at}/reglages#suivi`,
        },
      ],
    },
    {
      title: "Personnes et accès",
      settings: [
        {
          term: "Visibilité",
          value: VISIBILITIES.find(({ value }) => value === campaign.visibility)!.label,
          hint: VISIBILITIES.find(({ value }) => value === campaign.visibility)!.hint,
          href: `${at}/acces#visibilite`,
        },
        {
          term: "Habilitations",
          value: many(figures.grants, "habilitation", "habilitations", "aucune"),
          hint: "Des personnes ou des groupes, en plus de la visibilité.",
          href: `${at}/acces`,
        },
        ...(may("bookings.place")
          ? [
              {
                term: "Personnes concernées",
                value: many(figures.people, "personne", "personnes", "aucune"),
                hint: "Les agents que la campagne touche.",
                href: `${at}/personnes`,
              },
            ]
          : []),
        {
          term: "Prérequis",
          value: many(figures.prerequisites, "prérequis", "prérequis", "aucun"),
          hint: many(
            figures.blocking,
            "bloquant reste à faire.",
            "bloquants restent à faire.",
            "Ce qui doit être prêt avant de commencer.",
          ),
          href: `${at}/prerequis`,
        },
      ],
    },
  ];
}
