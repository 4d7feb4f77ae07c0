import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";
import { KIND_CODES } from "../workflow/index.ts";
import { BULK_CODES } from "./bulk-wish.ts";
import { STATES, VISIBILITIES } from "./campaign.ts";
import { PREREQUISITE_STATUSES } from "./prerequisite.ts";

const by = z.uuid();
const ofType = z.strictObject({ by: by.nullable() });
const state = z.enum(STATES.map(({ code }) => code));
const grant = z.strictObject({ grant: z.uuid(), by });
/** By a person, or by nobody: then what brought it about (CAM-5). */
const moved = z.strictObject({
  by: by.nullable(),
  cause: z.strictObject({ name: z.string(), type: z.string(), id: z.uuid() }).nullable(),
});
const prerequisite = z.strictObject({ prerequisite: z.uuid(), by });
const ofCampaign = z.strictObject({ campaign: z.uuid(), by });

export const events = {
  "campaign.values_exported": {
    label: "valeurs laissées de côté prises",
    payload: z.strictObject({ field: z.string(), rows: z.int(), by }),
    beyond: "Un export n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
  "campaign.created": { label: "campagne créée", payload: z.strictObject({ by }) },
  "campaign.cloned": { label: "campagne copiée", payload: z.strictObject({ from: z.uuid(), by }) },
  "campaign.edited": { label: "campagne modifiée", payload: z.strictObject({ by }) },
  "campaign.visibility_changed": {
    label: "visibilité de la campagne changée",
    payload: z.strictObject({ visibility: z.enum(VISIBILITIES.map(({ value }) => value)), by }),
  },
  "campaign.transferred": { label: "campagne transmise", payload: z.strictObject({ to: z.uuid(), by }) },
  "campaign.published": {
    label: "campagne publiée",
    payload: z.strictObject({ to: z.enum(["upcoming", "active"]), by }),
  },
  "campaign.started": { label: "campagne démarrée", payload: moved, mayFollow: true },
  "campaign.put_back": { label: "campagne remise à venir", payload: z.strictObject({ by }) },
  "campaign.finished": { label: "campagne terminée", payload: moved, mayFollow: true },
  "campaign.reopened": { label: "campagne rouverte", payload: moved, mayFollow: true },
  "campaign.archived": { label: "campagne archivée", payload: z.strictObject({ from: state, by }) },
  "campaign.restored": { label: "campagne restaurée", payload: z.strictObject({ to: state, by }) },
  "campaign.act_undone": {
    label: "acte annulé",
    /** `of`: what the act taken back had recorded, which says who is told of it (ACT-4). */
    payload: z.strictObject({ act: z.uuid(), of: z.array(z.string()), by: by.nullable() }),
  },
  "campaign.trashed": { label: "campagne mise à la corbeille", payload: z.strictObject({ by }) },
  "campaign.untrashed": { label: "campagne sortie de la corbeille", payload: z.strictObject({ by }) },
  "campaign.baseline_set": { label: "plan de référence remplacé", payload: z.strictObject({ by }) },
  "campaign.grant_given": { label: "habilitation donnée", payload: grant },
  "campaign.grant_changed": { label: "habilitation changée", payload: grant },
  "campaign.grant_withdrawn": { label: "habilitation retirée", payload: grant },
  "campaign.view_saved": {
    label: "vue de la liste gardée",
    payload: z.strictObject({ view: z.uuid(), by }),
  },
  "campaign.view_dropped": {
    label: "vue de la liste supprimée",
    payload: z.strictObject({ view: z.uuid(), by }),
  },
  "operation_type.created": { label: "type d’opération créé", payload: ofType },
  "operation_type.copied": { label: "type d’opération copié", payload: ofType },
  "operation_type.edited": { label: "type d’opération modifié", payload: ofType },
  "operation_type.fields_edited": { label: "champs d’un type modifiés", payload: ofType },
  "operation_type.workflow_edited": { label: "flux d’un type modifié", payload: ofType },
  "operation_type.retired": { label: "type d’opération retiré", payload: ofType },
  "operation_type.put_back": { label: "type d’opération proposé de nouveau", payload: ofType },
  "operation_type.deleted": { label: "type d’opération supprimé", payload: ofType },
  "campaign.fields_changed": {
    label: "champs de la campagne changés",
    payload: z.strictObject({ count: z.int(), by }),
  },
  "campaign.search_outdated": {
    label: "textes de recherche des opérations à refaire",
    payload: z.strictObject({}),
  },
  "campaign.workflow_edited": {
    label: "flux de la campagne modifié",
    payload: z.strictObject({ count: z.int(), by }),
  },
  "campaign.type_followed": { label: "changements du type acceptés", payload: z.strictObject({ by }) },
  "campaign.type_refused": { label: "changements du type refusés", payload: z.strictObject({ by }) },
  "campaign.field_conversion_started": {
    label: "changement de type lancé",
    payload: z.strictObject({ campaign: z.uuid(), field: z.string(), by }),
  },
  "campaign.field_converted": {
    label: "type d’un champ changé",
    payload: z.strictObject({ field: z.string(), converted: z.int(), refused: z.int(), by }),
  },
  "campaign.person_removed": { label: "personne retirée", payload: z.strictObject({ person: z.uuid(), by }) },
  "campaign.person_edited": { label: "personne modifiée", payload: z.strictObject({ person: z.uuid(), by }) },
  "campaign.prerequisite_added": { label: "prérequis ajouté", payload: prerequisite },
  "campaign.prerequisite_edited": { label: "prérequis modifié", payload: prerequisite },
  "campaign.prerequisite_removed": { label: "prérequis supprimé", payload: prerequisite },
  "campaign.prerequisite_advanced": {
    label: "statut d’un prérequis changé",
    payload: prerequisite.extend({ status: z.enum(PREREQUISITE_STATUSES.map(({ code }) => code)) }),
  },
  "campaign.prerequisite_due": {
    label: "responsable d’un prérequis prévenu",
    payload: z.strictObject({
      prerequisite: z.uuid(),
      responsible: z.uuid(),
      text: z.string(),
      path: z.string().nullable(),
    }),
    beyond: "Un rappel n’a rien changé\u00a0: il n’y a rien à annuler.",
  },
  "campaign.segment_added": { label: "segment ajouté", payload: z.strictObject({ segment: z.uuid(), by }) },
  "campaign.segments_made": {
    label: "segments faits des valeurs d’un champ",
    payload: z.strictObject({ count: z.int(), by }),
  },
  "campaign.segment_edited": { label: "segment modifié", payload: z.strictObject({ segment: z.uuid(), by }) },
  "campaign.segment_merged": {
    label: "segment fondu dans un autre",
    payload: z.strictObject({ segment: z.uuid(), into: z.uuid(), by }),
  },
  "campaign.segment_deleted": { label: "segment supprimé", payload: z.strictObject({ segment: z.uuid(), by }) },
  "campaign.segments_synced": {
    label: "segments resynchronisés",
    payload: z.strictObject({ count: z.int(), by }),
  },
  "operation.added": { label: "opération ajoutée", payload: ofCampaign },
  "operation.edited": { label: "opération modifiée", payload: ofCampaign },
  "operation.assigned": {
    label: "opération affectée",
    payload: z.strictObject({ campaign: z.uuid(), technician: z.uuid().nullable(), by }),
  },
  "operation.placed": { label: "opération mise dans un segment", payload: ofCampaign },
  "operation.planned": { label: "date d’une opération changée", payload: ofCampaign },
  "operation.transitioned": {
    label: "statut d’une opération changé",
    payload: z.strictObject({
      campaign: z.uuid(),
      from: z.string(),
      to: z.string(),
      kind: z.enum(KIND_CODES),
      isFinal: z.boolean(),
      /** What it may make of its campaign (CAM-3). */
      moves: z.enum(["start", "finish", "reopen"]).nullable(),
      by,
    }),
  },
  "operation.time_corrected": { label: "temps passé corrigé", payload: ofCampaign },
  "operation.trashed": { label: "opération mise à la corbeille", payload: ofCampaign },
  "operations.bulk_started": {
    label: "action groupée lancée",
    payload: z.strictObject({ campaign: z.uuid(), action: z.enum(BULK_CODES), by }),
  },
  "operations.bulk_changed": {
    label: "opérations changées par une action groupée",
    payload: z.strictObject({
      bulk: z.uuid(),
      action: z.enum(BULK_CODES),
      state: z.enum(["completed", "cancelled", "failed"]),
      changed: z.int(),
      by,
    }),
  },
  "operation.restored": { label: "opération sortie de la corbeille", payload: ofCampaign },
} satisfies EventCatalogue;
