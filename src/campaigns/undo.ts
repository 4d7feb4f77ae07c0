import type { EntityManager } from "@mikro-orm/postgresql";
import { groupHolds, holdTenant, type Grant as Letter } from "../accounts/index.ts";
import type { Undo } from "../platform/db/undo.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { spreadBaseline } from "./queries/baselines.ts";
import { isActRunning } from "./queries/bulks.ts";
import { carriedOn } from "./queries/life-cycle.ts";
import { holdStatusesOfAct, holdWorkflowsOfAct } from "./queries/statuses.ts";
import {
  emptyTrashOf,
  holdValuesOfAct,
  importedFieldsFilled,
  madeBy,
  nameAnew,
  sharedAmong,
  stillUsed,
  takenSince,
  usedBesides,
} from "./queries/undone.ts";
import { searchAnew, searchWholeAnew } from "./search.ts";

/** Its owner's acts are undone by its owner, whatever became of their roles on other campaigns. */
const OWN = (campaign: string) => `${campaign}.owner_id = who.id`;
const TRASHED = "Cette campagne est à la corbeille. Sortez-la d’abord.";
const ARCHIVED = "Campagne archivée, lecture seule. Restaurez-la d’abord.";

/** SQL: whether this change `l` is of the act that is taken back, which then brings it back first. */
const SAME_ACT = `(select c.act_id from changeset c where c.id = l.changeset_id)
  = (select c.act_id from change m join changeset c on c.id = m.changeset_id where m.row_id = p.row_id and m.ordinal = p.ordinal)`;

/** SQL: whether this change is of the state alone, and neither from the archive nor to it. */
const ONLY_STATE = `p.kind = 'update' and p.before - '{state,closed_at,closing}'::text[] = '{}'
  and 'archived' <> all (array[p.before ->> 'state', p.after ->> 'state'])`;
/** SQL: what the act of this change is about. */
const SUBJECT = `select a.subject_type from change l join changeset c on c.tenant_id = l.tenant_id and c.id = l.changeset_id
  join act a on a.tenant_id = c.tenant_id and a.id = c.act_id where l.row_id = p.row_id and l.ordinal = p.ordinal`;
const CARRIED_ON = {
  draft: "Une de ses opérations a démarré\u00a0: la publication ne s’annule plus.",
  upcoming: "Une de ses opérations a démarré depuis\u00a0: son état reste.",
  finished: "Une autre de ses opérations a été rouverte ou ajoutée depuis\u00a0: son état reste.",
};

/** SQL: the letters granted to `who` on campaign `c`, by name or by group. */
const LETTERS_HELD = `array(select unnest(g.letters) from campaign_grant g where g.tenant_id = c.tenant_id and g.campaign_id = c.id
  and (g.user_id = who.id or ${groupHolds("g.group_id", "who.id")}))`;
const GRANTED = (...letters: Letter[]) => `${LETTERS_HELD} && '{${letters}}'::text[]`;
/** SQL: whether the campaign this column names is owned by `who`, or open to them so. */
const OPEN = (column: string, so: string) => `exists (select from campaign c
  where c.tenant_id = coalesce(w.tenant_id, t.tenant_id) and c.id = coalesce(w.${column}, t.${column}) and (${OWN("c")} or ${so}))`;
/** SQL: whether `who` sets the campaign this column names (PRM-3). */
const CONFIGURES = (column: string) => OPEN(column, GRANTED("configure"));
/** SQL: whether `who` runs its operations: any manager does those of a public one (PRM-11). */
const RUNS = (column: string) =>
  OPEN(
    column,
    `${GRANTED("configure")} or (c.visibility = 'public'
      and exists (select from app_user u where u.tenant_id = c.tenant_id and u.id = who.id and 'campaign_manager' = any (u.roles)))`,
  );

/** What whoever configures a campaign changes of it, and what may follow: never its owner, its visibility, its archive or its trash (PRM-6, PRM-7). */
const CONFIGURED = [
  ...["name", "description", "starts_on", "ends_on", "zone", "holiday_zone", "closed_days", "default_hour"],
  ...["duration_minutes", "is_time_tracked", "problem_reasons", "title_field", "subtitle_fields", "segment_field"],
  ...["workflow", "operation_type_id", "type_taken", "type_refused", "state", "closed_at", "closing"],
];

export const campaignUndo: Undo = {
  right: "campaigns.govern",
  // Of one that its undone creation took away, only the row wanted is left. A state that an act on operations led it to goes
  // back with that act, whoever may take it back; one given by hand, with who may give it (CAM-18).
  unless: `coalesce(t.owner_id, w.owner_id) = who.id
    or (p.kind = 'update' and p.before - '{${CONFIGURED}}'::text[] = '{}' and p.before - '{state,closed_at,closing}'::text[] <> '{}' and ${CONFIGURES("id")})
    or (${ONLY_STATE} and ((${SUBJECT}) is distinct from 'campaign' or ${RUNS("id")}))`,
  created: "delete",
  rules: [
    // Coming back from the archive, or going to it, is what such an act did; anything else waits.
    {
      when: "t.state = 'archived' and (w.state = 'archived' or p.after ->> 'state' is distinct from 'archived')",
      why: ARCHIVED,
    },
    // In the trash, only coming out of it, or going there, is taken back.
    { when: "t.trashed_at is not null and w.trashed_at is not null", why: TRASHED },
    {
      when: "(w.state = 'archived' or w.trashed_at is not null) and exists (select from field_conversion f where f.tenant_id = w.tenant_id and f.campaign_id = w.id and f.state = 'running')",
      why: "Un champ est en train de changer de type\u00a0: réessayez dans un instant.",
    },
    {
      when: "w.state <> 'archived' and w.trashed_at is null and exists (select from campaign o where o.tenant_id = w.tenant_id and o.id <> w.id and o.state <> 'archived' and o.trashed_at is null and folded(o.name) = folded(w.name))",
      why: "Une autre campagne porte maintenant ce nom.",
    },
    {
      // Those the same act moved, and nobody since, come back with it.
      when: `w.workflow <> t.workflow and exists (select from operation o where o.tenant_id = w.tenant_id and o.campaign_id = w.id
        and not exists (select from jsonb_array_elements(w.workflow -> 'statuses') s where s ->> 'code' = o.status and s ->> 'category' = o.category)
        and not exists (select from change l where l.table_name = 'operation' and l.row_id = o.id and l.after ->> 'status' = o.status and ${SAME_ACT}))`,
      why: "Des opérations sont dans un statut que ce flux n’avait pas\u00a0: changez-le d’abord.",
    },
  ],
  async hold(em, _undoing, { actId, columns }) {
    if (columns.includes("workflow") || columns.includes("state")) await holdWorkflowsOfAct(em, actId);
  },
  async refuses(em, { actId }) {
    const carried = await carriedOn(em, actId);
    return Object.fromEntries(carried.map(({ id, state }) => [id, CARRIED_ON[state as keyof typeof CARRIED_ON]]));
  },
  applied: {
    columns: ["zone"],
    isOfUpdates: true,
    async run(em, rows) {
      for (const campaign of rows) await searchWholeAnew(em, campaign);
    },
  },
};

/** An act that a job still carries out is taken back once it is over: what it has yet to do would come after its undo. */
async function refuseUnderWay(em: EntityManager, actId: string): Promise<void> {
  if (!(await isActRunning(em, actId))) return;
  throw new Conflict("Cet acte n’est pas fini\u00a0: attendez sa fin, ou arrêtez-le, puis annulez-le.");
}

/** SQL: the campaign of a part, where `t` is the part now and `w` the part again. */
const CAMPAIGN = "(select c from campaign c where c.tenant_id = w.tenant_id and c.id = w.campaign_id)";
const CLOSED = [
  { when: `(${CAMPAIGN}).state = 'archived'`, why: ARCHIVED },
  { when: `(${CAMPAIGN}).trashed_at is not null`, why: TRASHED },
];

/** Nobody gives or takes back more than they hold, by an undo either (PRM-8, CAM-24). */
export const grantUndo: Undo = {
  right: "grants.edit",
  unless: OPEN(
    "campaign_id",
    `${LETTERS_HELD} @> ('{configure}'::text[] || coalesce(t.letters, '{}') || coalesce(w.letters, '{}'))`,
  ),
  created: "delete",
  rules: CLOSED,
};

/** A type comes back under the rule its own page follows: one name each [TYP-1]. */
export const typeUndo: Undo = {
  right: "catalogue.edit",
  created: "delete",
  rules: [
    {
      when: "exists (select from operation_type o where o.tenant_id = w.tenant_id and o.id <> w.id and public.folded(o.name) = public.folded(w.name))",
      why: "Un autre type d’opération a maintenant ce nom.",
    },
    {
      when: "p.kind = 'create' and exists (select from campaign c where c.tenant_id = t.tenant_id and c.operation_type_id = t.id)",
      why: "Une campagne a pris ce type\u00a0: retirez-le plutôt.",
    },
  ],
  hold: (em, { tenantId }) => holdTenant(em, tenantId),
};

const RUNS_IT = RUNS("campaign_id");
const CONFIGURES_IT = CONFIGURES("campaign_id");
/** SQL: what an import brought besides its rows goes back with them; what was set by hand, with who sets the campaign. */
const SETS_IT = `case when (${SUBJECT}) = 'campaign' then ${CONFIGURES_IT} else ${RUNS_IT} end`;
/** SQL: the segment of this row is gone, and this undo does not bring it back first. */
const SEGMENT_GONE = `w.segment_id is not null and not exists (select from segment s where s.tenant_id = w.tenant_id and s.id = w.segment_id)
  and not exists (select from change l where l.table_name = 'segment' and l.row_id = w.segment_id and l.operation = 'delete' and ${SAME_ACT})`;

/** Whoever read a field with these writes its values before they change. */
const WAITED_FOR = ["is_unique", "is_searchable", "removed_at"];

/** A field that an act added is hidden again: its values stay for who puts it back (FLD-7). */
export const fieldUndo: Undo = {
  right: "campaigns.configure",
  unless: SETS_IT,
  created: { set: (now) => ({ removed_at: now.toISOString() }) },
  rules: [
    ...CLOSED,
    {
      when: "w.removed_at is null and exists (select from campaign_field o where o.tenant_id = w.tenant_id and o.campaign_id = w.campaign_id and o.id <> w.id and o.removed_at is null and folded(o.label) = folded(w.label))",
      why: "Un autre champ porte maintenant ce nom.",
    },
    {
      // Values that the same act changed come back with it.
      when: `w.is_unique and w.removed_at is null and not (t.is_unique and t.removed_at is null)
        and exists (select from operation o where o.tenant_id = w.tenant_id and o.campaign_id = w.campaign_id and o.trashed_at is null and o."values" ? w.code
          and not exists (select from change l where l.table_name = 'operation' and l.row_id = o.id and l.before -> 'values' ? w.code and ${SAME_ACT})
          group by o."values" -> w.code having count(*) > 1)`,
      why: "Plusieurs opérations ont maintenant la même valeur dans ce champ unique.",
    },
  ],
  async hold(em, _undoing, { actId, columns }) {
    await refuseUnderWay(em, actId);
    if (columns.some((column) => WAITED_FOR.includes(column))) await holdWorkflowsOfAct(em, actId);
  },
  // Of an import, a field that other operations fill by now stays (IMP-41).
  async refuses(em, { actId, isApplied }) {
    const filled = await importedFieldsFilled(em, actId, { isApplied });
    return Object.fromEntries(filled.map((id) => [id, "D’autres opérations remplissent ce champ\u00a0: il reste."]));
  },
  // What a search finds of its operations follows (OPS-6).
  applied: {
    columns: ["is_searchable", "removed_at", "rules", "type"],
    async run(em, rows) {
      const campaigns = new Set(rows.map(({ before, after }) => String((after ?? before)!.campaign_id)));
      for (const id of campaigns) await searchWholeAnew(em, { id });
    },
  },
};

export const segmentUndo: Undo = {
  right: "campaigns.configure",
  unless: SETS_IT,
  created: "delete",
  rules: [
    ...CLOSED,
    {
      when: "exists (select from segment o where o.tenant_id = w.tenant_id and o.campaign_id = w.campaign_id and o.id <> w.id and folded(o.name) = folded(w.name))",
      why: "Un autre segment porte maintenant ce nom.",
    },
  ],
  // Those that the same act made or put there leave first (IMP-41).
  async refuses(em, { actId, isApplied, except }) {
    const made = await madeBy(em, actId, "segment");
    if (made.length === 0) return {};
    const used = await (isApplied ? stillUsed(em, made) : usedBesides(em, actId, made));
    if (isApplied)
      await emptyTrashOf(
        em,
        made.filter((id) => !used.includes(id) && !except.includes(id)),
      );
    return Object.fromEntries(
      used.map((id) => [id, "Des opérations, des personnes ou des prérequis sont dans ce segment\u00a0: il reste."]),
    );
  },
};

/** What an act said of a prerequisite is taken back as long as its segment is there, or comes back first (PRE-1, PRE-5). */
export const prerequisiteUndo: Undo = {
  right: "campaigns.configure",
  unless: CONFIGURES_IT,
  created: "delete",
  rules: [...CLOSED, { when: SEGMENT_GONE, why: "Son segment n’existe plus." }],
};

/** People of a campaign leave with the act that brought them, and come back as long as nobody took their place (IMP-40). */
export const personUndo: Undo = {
  right: "bookings.place",
  unless: OPEN("campaign_id", GRANTED("place", "configure")),
  created: "delete",
  rules: [
    ...CLOSED,
    {
      when: `exists (select from eligible_person o where o.tenant_id = w.tenant_id and o.campaign_id = w.campaign_id and o.id <> w.id
        and (o.staff_member_id = w.staff_member_id or o.staff_number = w.staff_number or o.email = w.email))`,
      why: "Cette personne est de nouveau dans la liste.",
    },
    {
      when: "exists (select from eligible_person o where o.tenant_id = w.tenant_id and o.operation_id = w.operation_id and o.id <> w.id)",
      why: "Son opération est maintenant celle d’une autre personne.",
    },
    {
      when: "w.operation_id is not null and not exists (select from operation o where o.tenant_id = w.tenant_id and o.id = w.operation_id)",
      why: "Son opération n’existe plus.",
    },
    {
      when: "w.segment_id is not null and not exists (select from segment s where s.tenant_id = w.tenant_id and s.id = w.segment_id)",
      why: "Son segment n’existe plus.",
    },
  ],
};

/** What an act made goes to the trash; the rest comes back as it was, under the workflow of today (IMP-41, HIS-13). */
export const operationUndo: Undo = {
  right: "operations.manage",
  unless: `t.technician_id = who.id or ${RUNS_IT}`,
  // Back from the trash, it would be in a segment that left with it.
  created: { set: (now) => ({ trashed_at: now.toISOString() }), emptied: { column: "segment_id", table: "segment" } },
  rules: [
    ...CLOSED,
    {
      when: `not exists (select from jsonb_array_elements((${CAMPAIGN}).workflow -> 'statuses') s where s ->> 'code' = w.status and s ->> 'category' = w.category)
        and not exists (select from change l where l.table_name = 'campaign' and l.row_id = w.campaign_id and ${SAME_ACT}
          and exists (select from jsonb_array_elements(l.before -> 'workflow' -> 'statuses') s where s ->> 'code' = w.status and s ->> 'category' = w.category))`,
      why: "Ce statut n’est plus dans le flux de la campagne.",
    },
    { when: SEGMENT_GONE, why: "Ce segment n’existe plus." },
    {
      when: "t.id is null and w.trashed_at is not null",
      why: "Cette opération est sortie de la corbeille pour de bon.",
    },
  ],
  async hold(em, _undoing, { actId, columns }) {
    await refuseUnderWay(em, actId);
    if (columns.includes("status")) await holdStatusesOfAct(em, actId);
    if (columns.some((column) => column === "values" || column === "trashed_at")) await holdValuesOfAct(em, actId);
  },
  // A value that another operation took meanwhile is no more theirs (FLD-3, rulings 11).
  async refuses(em, { actId, except }) {
    const taken = await takenSince(em, actId, except);
    return Object.fromEntries(
      taken.map(({ id, label }) => [
        id,
        `Une autre opération a maintenant sa valeur de «\u00a0${label}\u00a0», qui est unique.`,
      ]),
    );
  },
  // A status goes with its dates, which it explains; the name follows the field it is told by.
  cells: [
    {
      label: "Statut et dates",
      columns: [
        "status",
        "category",
        "planned_at",
        "first_planned_at",
        "postpone_count",
        "reason",
        "started_at",
        "completed_at",
        "completed_by_id",
        "is_completed_by_technician",
        "is_on_first_date",
        "entered_at",
        "stepped_on",
        "postponed_on",
        "joined_on",
      ],
    },
    { label: "Segment", columns: ["segment_id", "is_segment_set_by_hand"] },
    { label: "Technicien", columns: ["technician_id"] },
    { label: "Places", columns: ["capacity"] },
    { label: "Temps passé", columns: ["minutes"] },
    { label: "Notes", columns: ["notes"] },
    { label: "Absente du fichier", columns: ["is_missing"] },
  ],
  applied: {
    columns: ["values", "title"],
    isOfUpdates: true,
    async run(em, rows) {
      const ids = rows.map(({ id }) => id);
      const label = await sharedAmong(em, ids);
      if (label !== null) {
        throw new RuleBroken(
          `Deux opérations auraient la même valeur de «\u00a0${label}\u00a0», qui est unique\u00a0: gardez la valeur présente de l’une d’elles.`,
        );
      }
      await nameAnew(em, ids);
      await searchAnew(em, ids);
    },
  },
};

/** The baseline before it holds again, and each operation is told its day in it (SNP-5). */
export const baselineUndo: Undo = {
  right: "campaigns.govern",
  unless: CONFIGURES_IT,
  created: "delete",
  rules: CLOSED,
  // That of a publication leaves with it, or not at all (CAM-18).
  async refuses(em, { actId }) {
    if ((await carriedOn(em, actId)).length === 0) return {};
    return Object.fromEntries((await madeBy(em, actId, "baseline")).map((id) => [id, CARRIED_ON.draft]));
  },
  applied: {
    columns: ["campaign_id", "frozen_at"],
    async run(em, rows) {
      const campaigns = new Set(rows.map(({ before, after }) => String((after ?? before)!.campaign_id)));
      for (const id of campaigns) await spreadBaseline(em, id);
    },
  },
};

/** A view is its owner's: they take it back whatever they run; a name used again meanwhile waits (OPS-8), and so does a shared one of an archived campaign (CAM-8). */
export const savedViewUndo: Undo = {
  right: "campaigns.govern",
  unless: "coalesce(w.owner_id, t.owner_id) = who.id",
  created: "delete",
  rules: [
    { when: `(${CAMPAIGN}).state = 'archived' and (w.is_shared or coalesce(t.is_shared, false))`, why: ARCHIVED },
    {
      when: "exists (select from saved_view o where o.tenant_id = w.tenant_id and o.campaign_id = w.campaign_id and o.owner_id = w.owner_id and o.id <> w.id and public.folded(o.name) = public.folded(w.name))",
      why: "Une autre de vos vues porte maintenant ce nom.",
    },
  ],
};
