import type { PermissionCode } from "../accounts/index.ts";
import { fr } from "../platform/text/index.ts";
import type { Kind } from "../workflow/index.ts";
import type { ActivityEvent, Told } from "./queries/activity.ts";

/** What happened in a campaign, in the words of its feed (ACT-1). */

/** Which events are told, by the kinds one may narrow to (ACT-2), and the right their names and contents take (ACT-4). */
export const ACTIVITY_KINDS = [
  { value: "statuts", label: "Changements de statut", right: "operations.read", names: ["operation.transitioned"] },
  {
    value: "operations",
    label: "Opérations ajoutées ou modifiées",
    right: "operations.read",
    names: [
      ...["operation.added", "operation.edited", "operation.assigned", "operation.placed", "operation.planned"],
      ...["operation.time_corrected", "operation.trashed", "operation.restored"],
    ],
  },
  {
    value: "lots",
    label: "Actions groupées et imports",
    right: "operations.read",
    names: ["operations.bulk_changed", "import.finished"],
  },
  {
    value: "campagne",
    label: "Vie de la campagne",
    right: "campaigns.see",
    names: [
      ...["campaign.created", "campaign.cloned", "campaign.edited", "campaign.visibility_changed"],
      ...["campaign.transferred", "campaign.published", "campaign.started", "campaign.put_back", "campaign.finished"],
      ...["campaign.reopened", "campaign.archived", "campaign.restored", "campaign.trashed", "campaign.untrashed"],
      "campaign.baseline_set",
    ],
  },
  {
    value: "preparation",
    label: "Segments, champs, flux et prérequis",
    right: "campaigns.see",
    names: [
      ...["campaign.segment_added", "campaign.segments_made", "campaign.segment_edited", "campaign.segment_merged"],
      ...[
        "campaign.segment_deleted",
        "campaign.segments_synced",
        "campaign.fields_changed",
        "campaign.field_converted",
      ],
      ...["campaign.workflow_edited", "campaign.type_followed", "campaign.type_refused"],
      ...["campaign.prerequisite_added", "campaign.prerequisite_edited", "campaign.prerequisite_removed"],
      "campaign.prerequisite_advanced",
    ],
  },
  {
    value: "personnes",
    label: "Personnes concernées",
    right: "bookings.place",
    names: ["campaign.person_removed", "campaign.person_edited"],
  },
  {
    value: "acces",
    label: "Habilitations",
    right: "grants.edit",
    names: ["campaign.grant_given", "campaign.grant_changed", "campaign.grant_withdrawn"],
  },
] as const satisfies readonly { value: string; label: string; right: PermissionCode; names: readonly string[] }[];

/** The kinds a reader is told, given their rights (ACT-4). */
export const kindsFor = (may: (right: PermissionCode) => boolean) => ACTIVITY_KINDS.filter(({ right }) => may(right));

const namesOf = (kinds: readonly { names: readonly string[] }[]) => kinds.flatMap(({ names }) => names);

/** What a reader is told of a campaign, all of it or of one kind; and what is kept from them (ACT-2, ACT-4). */
export function toldTo(may: (right: PermissionCode) => boolean, kind?: string): Told {
  const kinds = kindsFor(may);
  return {
    names: namesOf(kind ? kinds.filter(({ value }) => value === kind) : kinds),
    kept: namesOf(ACTIVITY_KINDS.filter((one) => !kinds.includes(one))),
  };
}

const DONE: Record<Kind, string> = {
  schedule: "a planifié",
  unschedule: "a déplanifié",
  start: "a démarré",
  complete: "a terminé",
  postpone: "a reporté",
  flag_problem: "a signalé un problème sur",
  unblock: "a débloqué",
  reschedule: "a replanifié",
  cancel: "a annulé",
  reopen: "a rouvert",
  custom: "a changé le statut de",
};

const VERBS: Record<string, string> = {
  "operation.added": "a ajouté",
  "operation.edited": "a modifié",
  "operation.placed": "a changé le segment de",
  "operation.planned": "a changé la date de",
  "operation.time_corrected": "a corrigé le temps passé sur",
  "operation.trashed": "a mis à la corbeille",
  "operation.restored": "a sorti de la corbeille",
  "campaign.created": "a créé la campagne",
  "campaign.cloned": "a créé la campagne en copiant une autre",
  "campaign.edited": "a modifié la campagne",
  "campaign.published": "a publié la campagne",
  "campaign.put_back": "a remis la campagne à venir",
  "campaign.archived": "a archivé la campagne",
  "campaign.restored": "a restauré la campagne",
  "campaign.trashed": "a mis la campagne à la corbeille",
  "campaign.untrashed": "a sorti la campagne de la corbeille",
  "campaign.baseline_set": "a remplacé le plan de référence",
};

/** What nobody did by themself: the campaign moved with its work or its day (CAM-5). */
const MOVED: Record<string, { by: string; alone: string }> = {
  "campaign.started": { by: "a démarré la campagne", alone: "La campagne a démarré" },
  "campaign.finished": { by: "a terminé la campagne", alone: "La campagne est terminée" },
  "campaign.reopened": { by: "a rouvert la campagne", alone: "La campagne est rouverte" },
};

/** How an import ends, after "l’import de …". */
const IMPORT_ENDS: Record<string, string> = { completed: "", cancelled: ", arrêté", failed: ", interrompu" };

export interface ActivityLine {
  /** Nobody's: then `text` is a sentence. */
  actor: string | null;
  /** "a terminé": between the actor and what it was done to. */
  text: string;
  /** What it was done to, or the count of what it changed. */
  object: string | null;
  /** ", Bâtiment A : prise réseau absente". */
  more: string;
}

/** "Karim Daoudi" "a terminé" "PC-0847" ", Bâtiment A" (ACT-1); one line for a bulk act or an import, with its count (ACT-3). */
export function lineOfActivity(event: ActivityEvent): ActivityLine {
  const { name, payload, operation, reason, label, technician } = event;
  const behalf = event.behalf ? ` au nom de ${event.behalf}` : "";
  const actor = event.actor ?? "OpsTracker";
  const said = (text: string, object: string | null = null, more = ""): ActivityLine => ({
    ...{ actor: actor + behalf, text, object, more },
  });
  const moved = MOVED[name];
  if (moved) {
    return payload.by === null ? { actor: null, text: moved.alone, object: null, more: "" } : said(moved.by);
  }
  if (operation) {
    const why = reason ? `\u00a0: ${reason}` : "";
    const more = `${operation.segment ? `, ${operation.segment}` : ""}${why}`;
    if (name === "operation.transitioned") return said(DONE[payload.kind as Kind], operation.title, more);
    if (name === "operation.assigned") {
      const to =
        payload.technician === null ? ", sans technicien désormais" : ` à ${technician ?? "un compte inconnu"}`;
      return said("a affecté", operation.title, `${to}${why}`);
    }
    return said(VERBS[name] ?? "a modifié", operation.title, more);
  }
  if (name === "operations.bulk_changed") {
    return said(
      "a changé",
      fr.count(payload.changed as number, "opération", "opérations"),
      label ? `\u00a0: ${label}` : "",
    );
  }
  if (name === "import.finished") {
    const { file, state, create, update } = payload as { file: string; state: string; create: number; update: number };
    const lines = fr.count(create + update, "ligne", "lignes");
    return said("a importé", lines, ` de «\u00a0${file}\u00a0»${IMPORT_ENDS[state] ?? ""}`);
  }
  if (name === "campaign.act_undone") {
    return said(
      "a annulé",
      null,
      ` ${label ? `«\u00a0${label.replace(/^Annulation\u00a0: /u, "")}\u00a0»` : "un acte"}`,
    );
  }
  return VERBS[name] ? said(VERBS[name]) : said("\u00a0:", null, label ? ` ${label}` : " libellé effacé");
}
