import type { SignedIn } from "../accounts/index.ts";
import { TYPE_LABELS } from "../fields/index.ts";
import type { Module } from "../platform/module.ts";
import { fr } from "../platform/text/index.ts";
import { CATEGORIES, CATEGORY_CODES, ICONS, TONES } from "../workflow/index.ts";
import { BaselineSchema } from "./baseline.ts";
import { BulkRowSchema, BulkSchema, runBulk } from "./bulk.ts";
import { bulkExport } from "./bulk-export.ts";
import { Campaign, CampaignSchema, STATES, VISIBILITIES } from "./campaign.ts";
import { chartsExport } from "./chart-export.ts";
import { reactions } from "./consequences.ts";
import { FieldConversionSchema, runConversion } from "./conversion-run.ts";
import { EligiblePersonSchema, PERSON_NAME } from "./eligible-person.ts";
import { events } from "./events.ts";
import { operationsExport } from "./export-profile.ts";
import { CampaignFieldSchema } from "./field.ts";
import { CampaignGrantSchema, LETTERS } from "./grant.ts";
import { operationsOfStaff } from "./import-concerns.ts";
import { operationImports } from "./import-profile.ts";
import { closingWords, START, startDue } from "./life-cycle.ts";
import { prerequisitesExport, segmentsExport, snapshotExport, timeExport, typesExport } from "./list-exports.ts";
import { Operation, OperationSchema } from "./operation.ts";
import { readsOperation } from "./operation-history.ts";
import { OperationType, OperationTypeSchema } from "./operation-type.ts";
import { peopleExport } from "./people-export.ts";
import { peopleImports } from "./people-import.ts";
import { CampaignPinsSchema } from "./pins.ts";
import { campaignFor, isShown, operationFor, stillSeen } from "./policy.ts";
import { PREREQUISITE_STATUSES, PrerequisiteSchema } from "./prerequisite.ts";
import { prerequisiteDue, remindOfPrerequisites } from "./prerequisite-reminders.ts";
import { bulkFollowers, bulksTouched, purgeBulks } from "./queries/bulks.ts";
import { purgeConversions } from "./queries/field-values.ts";
import { zonesOf } from "./queries/life-cycle.ts";
import { pinsWithNext } from "./queries/pins.ts";
import { zonesToRemind } from "./queries/prerequisites.ts";
import { campaignsTouched } from "./queries/touched.ts";
import { CAMPAIGNS_PURGE, FIELDS_PURGE, purgeCampaigns, purgeFields, purgeTrash, TRASH_PURGE } from "./retention.ts";
import { DefaultViewSchema, SavedViewSchema } from "./saved-view.ts";
import { runSearchAnew } from "./search.ts";
import { SegmentSchema } from "./segment.ts";
import { CampaignSnapshotSchema, DayPlanSchema, freezeDays, freezing, SNAPSHOTS } from "./snapshot.ts";
import { telling } from "./told.ts";
import {
  baselineUndo,
  campaignUndo,
  fieldUndo,
  grantUndo,
  operationUndo,
  personUndo,
  prerequisiteUndo,
  savedViewUndo,
  segmentUndo,
  typeUndo,
} from "./undo.ts";
import { routes } from "./web/routes.ts";

const CATALOGUE = "catalogue.edit";
const CATEGORY_LABELS = Object.fromEntries(CATEGORY_CODES.map((code) => [code, CATEGORIES[code].label]));

/** Mass operations: campaigns, and who may do what on each. */
export const campaigns: Module = {
  name: "campaigns",
  entities: [
    CampaignSchema,
    CampaignGrantSchema,
    CampaignFieldSchema,
    SavedViewSchema,
    DefaultViewSchema,
    SegmentSchema,
    OperationSchema,
    OperationTypeSchema,
    BulkSchema,
    BulkRowSchema,
    FieldConversionSchema,
    EligiblePersonSchema,
    PrerequisiteSchema,
    CampaignPinsSchema,
    BaselineSchema,
    DayPlanSchema,
    CampaignSnapshotSchema,
  ] as unknown as NonNullable<Module["entities"]>,
  tracked: [
    {
      table: "campaign",
      subject: "campaign",
      title: "r.name",
      undo: campaignUndo,
      columns: {
        name: { label: "Nom" },
        description: { label: "Description" },
        starts_on: { label: "Premier jour", format: "date" },
        ends_on: { label: "Dernier jour", format: "date" },
        owner_id: { label: "Propriétaire", format: "user" },
        visibility: {
          label: "Visibilité",
          values: Object.fromEntries(VISIBILITIES.map(({ value, label }) => [value, label])),
        },
        state: { label: "État", values: Object.fromEntries(STATES.map(({ code, label }) => [code, label])) },
        state_before: { label: "État avant l’archivage", format: "hidden" },
        zone: { label: "Fuseau horaire" },
        holiday_zone: { label: "Jours fériés" },
        closed_days: { label: "Jours fermés", format: "list" },
        default_hour: { label: "Heure par défaut" },
        closed_at: { label: "Clôture", format: "dateTime" },
        trashed_at: { label: "À la corbeille depuis le", format: "dateTime" },
        closing: { label: "Opérations ouvertes à la clôture", tell: closingWords },
        workflow: { label: "Flux", format: "hidden" },
        operation_type_id: { label: "Type d’opération", of: "operation_type" },
        type_taken: { label: "Type tel que pris", format: "hidden" },
        type_refused: { label: "Type tel que refusé", format: "hidden" },
        duration_minutes: { label: "Durée standard, en minutes" },
        is_time_tracked: { label: "Suivi du temps passé", format: "yesNo" },
        problem_reasons: { label: "Motifs de blocage", format: "list" },
        title_field: { label: "Champ qui nomme les opérations" },
        subtitle_fields: { label: "Champs de sous-titre", format: "list" },
        segment_field: { label: "Colonne de segment" },
      },
    },
    {
      table: "campaign_grant",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title:
        "(select c.name from campaign c where c.tenant_id = r.tenant_id and c.id = r.campaign_id) || ', habilitation'",
      undo: grantUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        user_id: { label: "Personne", format: "user" },
        group_id: { label: "Groupe", format: "hidden" },
        letters: {
          label: "Habilitations",
          format: "list",
          values: Object.fromEntries(LETTERS.map(({ value, label }) => [value, label])),
        },
      },
    },
    {
      table: "operation_type",
      subject: "operation_type",
      title: "r.name",
      undo: typeUndo,
      columns: {
        name: { label: "Nom" },
        description: { label: "Description" },
        icon: { label: "Icône", values: ICONS },
        tone: { label: "Couleur", values: TONES },
        duration_minutes: { label: "Durée standard, en minutes" },
        // What changed in them is said by the act; as a whole they are pages long.
        fields: { label: "Champs", format: "hidden" },
        workflow: { label: "Flux", format: "hidden" },
        retired_at: { label: "Retiré le", format: "dateTime" },
      },
    },
    {
      table: "campaign_field",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: "r.label",
      undo: fieldUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        code: { label: "Code" },
        label: { label: "Libellé" },
        help: { label: "Aide" },
        type: { label: "Type", values: TYPE_LABELS },
        rules: { label: "Règles", format: "hidden" },
        is_mandatory: { label: "Obligatoire", format: "yesNo" },
        is_unique: { label: "Unique", format: "yesNo" },
        is_personal: { label: "Donnée personnelle", format: "yesNo" },
        is_listed: { label: "Dans la liste", format: "yesNo" },
        is_for_technicians: { label: "Montré aux techniciens", format: "yesNo" },
        is_technician_editable: { label: "Modifiable par les techniciens", format: "yesNo" },
        is_searchable: { label: "Cherché", format: "yesNo" },
        position: { label: "Rang" },
        removed_at: { label: "Retiré le", format: "dateTime" },
      },
    },
    {
      table: "segment",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: "r.name",
      undo: segmentUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        name: { label: "Nom" },
        tone: { label: "Teinte" },
        position: { label: "Rang" },
        values: { label: "Valeurs de la colonne", format: "hidden" },
      },
    },
    {
      table: "prerequisite",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: "'prérequis ' || r.label",
      undo: prerequisiteUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        segment_id: { label: "Segment", format: "hidden" },
        label: { label: "Libellé" },
        responsible_id: { label: "Responsable, par son compte", format: "user" },
        responsible_name: { label: "Responsable, sans compte" },
        due_on: { label: "Échéance", format: "date" },
        status: {
          label: "Statut",
          values: Object.fromEntries(PREREQUISITE_STATUSES.map(({ code, label }) => [code, label])),
        },
        is_blocking: { label: "Bloquant", format: "yesNo" },
        position: { label: "Rang" },
      },
    },
    {
      table: "eligible_person",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: PERSON_NAME,
      undo: personUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        staff_member_id: { label: "Personne de l’annuaire", of: "staff_member" },
        staff_number: { label: "Matricule" },
        email: { label: "E-mail" },
        family_name: { label: "Nom" },
        given_name: { label: "Prénom" },
        department: { label: "Service" },
        site: { label: "Site" },
        manager_id: { label: "Responsable", of: "staff_member" },
        segment_id: { label: "Segment", format: "hidden" },
        operation_id: { label: "Opération", of: "operation" },
        may_book: { label: "Peut s’inscrire", format: "yesNo" },
      },
    },
    {
      table: "baseline",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: "'plan de référence'",
      undo: baselineUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        frozen_at: { label: "Figé le", format: "dateTime" },
        frozen_by_id: { label: "Figé par", format: "user" },
        reason: { label: "Motif" },
        operations: { label: "Opérations", format: "hidden" },
        days: { label: "Jours", format: "hidden" },
      },
    },
    {
      table: "saved_view",
      subject: "campaign",
      subjectId: "r.campaign_id",
      title: "'vue ' || r.name",
      undo: savedViewUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        owner_id: { label: "À qui", format: "user" },
        name: { label: "Nom" },
        address: { label: "Filtres et colonnes", format: "hidden" },
        is_shared: { label: "Partagée", format: "yesNo" },
      },
    },
    {
      table: "operation",
      subject: "operation",
      title: "r.title",
      undo: operationUndo,
      columns: {
        campaign_id: { label: "Campagne", format: "hidden" },
        title: { label: "Cible" },
        values: { label: "Champs", isKeyed: true },
        status: { label: "Statut" },
        category: { label: "Catégorie", values: CATEGORY_LABELS },
        segment_id: { label: "Segment", format: "hidden" },
        is_segment_set_by_hand: { label: "Segment mis à la main", format: "yesNo" },
        technician_id: { label: "Technicien", format: "user" },
        planned_at: { label: "Planifiée le", format: "dateTime" },
        first_planned_at: { label: "Première date prévue", format: "dateTime" },
        postpone_count: { label: "Reports" },
        reason: { label: "Motif" },
        started_at: { label: "Démarrée le", format: "dateTime" },
        completed_at: { label: "Réalisée le", format: "dateTime" },
        completed_by_id: { label: "Réalisée par", format: "user" },
        is_completed_by_technician: { label: "Par son technicien", format: "yesNo" },
        // What figures count of its acts: told by the acts themselves, and taken back with them (rulings 11).
        is_on_first_date: { label: "À sa première date", format: "hidden" },
        entered_at: { label: "Dans sa catégorie depuis le", format: "hidden" },
        stepped_on: { label: "Jours de transition", format: "hidden" },
        postponed_on: { label: "Jours de report", format: "hidden" },
        joined_on: { label: "Ajoutée au plan du jour", format: "hidden" },
        capacity: { label: "Places" },
        minutes: { label: "Temps passé" },
        notes: { label: "Notes" },
        is_missing: { label: "Absente du fichier", format: "yesNo" },
        trashed_at: { label: "À la corbeille depuis le", format: "dateTime" },
      },
    },
  ],
  imports: [operationImports, peopleImports],
  importConcerns: [operationsOfStaff],
  untracked: [
    { table: "campaign_pins", why: "le goût d’une personne : les campagnes qu’elle garde sous la main" },
    { table: "default_view", why: "le goût d’une personne : sur quelle vue sa liste s’ouvre" },
    { table: "bulk", why: "where a bulk action is; what it changes is tracked in the operations themselves" },
    {
      table: "field_conversion",
      why: "how far a change of type is; what it changes is tracked in the operations themselves",
    },
    { table: "day_plan", why: "what each day was to do, kept by a job from the operations, which are tracked" },
    { table: "campaign_snapshot", why: "figures of a day, kept by a job and never changed" },
    { table: "bulk_row", why: "what a preview froze, and why a row was left out" },
  ],
  routes,
  exports: [
    ...[operationsExport, peopleExport, bulkExport, segmentsExport, prerequisitesExport, timeExport, typesExport],
    ...[snapshotExport, chartsExport],
  ],
  mails: [prerequisiteDue],
  events,
  reactions: [...reactions, ...freezing, ...telling],
  subscriptions: [
    {
      on: "operations.bulk_started",
      job: "campaigns.run_bulk",
      label: "Action groupée sur des opérations",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, services) => runBulk(services, { tenantId, id: subject.id }),
    },
    {
      on: "campaign.field_conversion_started",
      job: "campaigns.convert_field",
      label: "Changement du type d’un champ",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, services) => runConversion(services, { tenantId, id: subject.id }),
    },
    {
      on: "campaign.search_outdated",
      job: "campaigns.search_anew",
      label: "Recherche refaite après un changement de champ",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, services) => runSearchAnew(services, { tenantId, campaignId: subject.id }),
    },
    {
      on: "staff_member.edited",
      job: "campaigns.search_person_anew",
      label: "Recherche refaite après la modification d’un agent",
      limitSeconds: 3_600,
      run: ({ tenantId, subject }, services) => runSearchAnew(services, { tenantId, personId: subject.id }),
    },
  ],
  live: {
    lots: { right: "operations.manage", of: ({ id }) => bulkFollowers(id) },
    campagne: { right: "campaigns.see", open: stillSeen },
  },
  topicSources: [bulksTouched, campaignsTouched],
  schedules: [
    {
      job: "campaigns.start_due",
      label: START,
      at: "00:05",
      zones: zonesOf("upcoming"),
      async run(services, { tenantId }) {
        return fr.count(await startDue(services, { tenantId }), "campagne démarrée", "campagnes démarrées");
      },
    },
    {
      job: "campaigns.remind_prerequisites",
      label: "Rappel des prérequis à leurs responsables",
      at: "07:00",
      zones: zonesToRemind,
      async run(services, { tenantId }) {
        return fr.count(
          await remindOfPrerequisites(services, { tenantId }),
          "responsable prévenu",
          "responsables prévenus",
        );
      },
    },
    {
      job: "campaigns.freeze_days",
      label: SNAPSHOTS,
      at: "00:05",
      zones: zonesOf("upcoming", "active"),
      limitSeconds: 3_600,
      run: (services, { tenantId }) => freezeDays(services, { tenantId }),
    },
    {
      job: "campaigns.purge_bulks",
      label: "Effacement des aperçus d’actions groupées de plus de trente jours",
      at: "03:50",
      async run({ db }, { tenantId }) {
        await db.note(tenantId, purgeConversions);
        return fr.count(await db.note(tenantId, purgeBulks), "aperçu effacé", "aperçus effacés");
      },
    },
    {
      job: "campaigns.purge_fields",
      label: FIELDS_PURGE,
      at: "03:50",
      async run(services, { tenantId }) {
        return fr.count(await purgeFields(services, { tenantId }), "champ effacé", "champs effacés");
      },
    },
    {
      job: "campaigns.purge_campaigns",
      label: CAMPAIGNS_PURGE,
      at: "03:40",
      async run(services, { tenantId }) {
        return fr.count(await purgeCampaigns(services, { tenantId }), "campagne effacée", "campagnes effacées");
      },
    },
    {
      job: "campaigns.purge_operations",
      label: TRASH_PURGE,
      at: "03:55",
      async run(services, { tenantId }) {
        return fr.count(await purgeTrash(services, { tenantId }), "opération effacée", "opérations effacées");
      },
    },
  ],
  shortcuts: [{ title: "Épinglées", icon: "pin", ask: (em, reader) => pinsWithNext(em, reader as SignedIn) }],
  menu: [
    {
      section: "Piloter",
      label: "Campagnes",
      href: "/campagnes",
      icon: "briefcase",
      right: "campaigns.see",
      order: 10,
    },
    {
      section: "Administrer",
      label: "Types d’opérations",
      href: "/admin/types-operations",
      icon: "wrench",
      right: CATALOGUE,
      order: 30,
    },
  ],
  governs: {
    campaign: (em, reader, id) => isShown(campaignFor(em, reader as SignedIn, id, "campaigns.undo")),
    operation: (em, reader, id) => isShown(operationFor(em, reader as SignedIn, id, "campaigns.undo")),
  },
  subjects: {
    operation_type: {
      noun: "type d’opération",
      icon: "wrench",
      right: CATALOGUE,
      url: (id) => `/admin/types-operations/${id}`,
      label: async (em, id) => (await em.findOne(OperationType, { id }))?.name ?? null,
    },

    campaign: {
      noun: "campagne",
      icon: "briefcase",
      right: "campaigns.undo",
      url: (id) => `/campagnes/${id}`,
      label: async (em, id) => (await em.findOne(Campaign, { id }))?.name ?? null,
      isOpenTo: (em, reader, id) => isShown(campaignFor(em, reader as SignedIn, id, "campaigns.undo")),
    },
    operation: {
      noun: "opération",
      icon: "list-check",
      right: "campaigns.undo",
      url: (id) => `/operations/${id}`,
      label: async (em, id) => (await em.findOne(Operation, { id }))?.title ?? null,
      isOpenTo: (em, reader, id) => isShown(operationFor(em, reader as SignedIn, id)),
      reads: (em, reader, id, sides) => readsOperation(em, reader as SignedIn, id, sides),
    },
  },
};
