import type { Undo } from "../platform/db/undo.ts";
import { RuleBroken } from "../platform/errors.ts";
import { holdDirectory, type PlaceKind, placesStillNamed } from "./queries/places.ts";
import { findLoop } from "./queries/staff.ts";

const EDIT = "directory.edit";
const hold: NonNullable<Undo["hold"]> = (em, { tenantId }) => holdDirectory(em, tenantId);

/** Of a creation the row wanted is the present one: it is about to go. */
const LEAVES = "w is not distinct from t";

const placeUndo = (kind: PlaceKind, { noun, isNamed }: { noun: string; isNamed: string }): Undo => ({
  right: EDIT,
  created: "delete",
  rules: [
    {
      when: `exists (select from ${kind} o where o.tenant_id = w.tenant_id and o.id <> w.id and folded(o.name) = folded(w.name))`,
      why: `Un autre ${noun} a maintenant ce nom.`,
    },
  ],
  // The people that the same file brought there leave first.
  async refuses(em, about) {
    return Object.fromEntries((await placesStillNamed(em, kind, about)).map((id) => [id, isNamed]));
  },
  hold,
});

/** A department comes back, or goes, under the rules of its own pages (DIR-4). */
export const departmentUndo = placeUndo("department", {
  noun: "service",
  isNamed: "Des agents ou un périmètre sont de ce service\u00a0: fusionnez-le plutôt avec un autre.",
});

/** The same for a site. */
export const siteUndo = placeUndo("site", {
  noun: "site",
  isNamed: "Des agents ou un périmètre sont de ce site\u00a0: fusionnez-le plutôt avec un autre.",
});

/** What a row of `own` named is no more, unless it went with that very change, and comes back with it. */
const isGone = (own: string, table: string, column: string) =>
  `w.${column} is not null and w.${column} is distinct from t.${column}
    and not exists (select from ${table} p where p.tenant_id = w.tenant_id and p.id = w.${column})
    and not exists (select from change c where c.tenant_id = w.tenant_id and c.table_name = '${table}' and c.row_id = w.${column} and c.operation = 'delete'
      and c.changeset_id = (select m.changeset_id from change m where m.tenant_id = w.tenant_id and m.table_name = '${own}' and m.row_id = w.id
        and m.before ->> '${column}' = w.${column}::text order by m.ordinal desc limit 1))`;

const LOOP =
  "Ce responsable est maintenant sous la responsabilité de cette personne\u00a0: le lien formerait une boucle.";

/** SQL: `m`, of the team of `t`, came by the same act and goes with it: a file brings managers with their teams (IMP-47). */
const LEAVES_TOO = `(not exists (select from account_tie a where a.tenant_id = m.tenant_id and a.staff_member_id = m.id)
  and exists (select from change c join changeset cs on cs.tenant_id = c.tenant_id and cs.id = c.changeset_id
    join changeset ds on ds.tenant_id = cs.tenant_id and ds.act_id = cs.act_id
    join change d on d.tenant_id = ds.tenant_id and d.changeset_id = ds.id
    where c.tenant_id = m.tenant_id and c.table_name = 'staff_member' and c.row_id = m.id and c.operation = 'create'
      and d.table_name = 'staff_member' and d.row_id = t.id and d.operation = 'create'))`;

/** People come back under the rules of their own page: one number, one address, no loop of managers (DIR-1, DIR-2). */
export const staffUndo: Undo = {
  right: EDIT,
  created: "delete",
  rules: [
    {
      when: `${LEAVES} and exists (select from staff_member m where m.tenant_id = t.tenant_id and m.manager_id = t.id and not ${LEAVES_TOO})`,
      why: "Cette personne a maintenant une équipe\u00a0: désactivez-la plutôt.",
    },
    {
      when: `${LEAVES} and exists (select from account_tie a where a.tenant_id = t.tenant_id and a.staff_member_id = t.id)`,
      why: "Un compte est maintenant relié à cette personne\u00a0: désactivez-la plutôt.",
    },
    {
      when: "exists (select from staff_member o where o.tenant_id = w.tenant_id and o.id <> w.id and o.staff_number = w.staff_number)",
      why: "Une autre personne a maintenant ce matricule.",
    },
    {
      when: "exists (select from staff_member o where o.tenant_id = w.tenant_id and o.id <> w.id and o.email = w.email)",
      why: "Une autre personne a maintenant cette adresse.",
    },
    { when: isGone("staff_member", "department", "department_id"), why: "Ce service n’existe plus." },
    { when: isGone("staff_member", "site", "site_id"), why: "Ce site n’existe plus." },
    {
      when: `w.manager_id is distinct from t.manager_id and w.id in (
        with recursive up as (
          select m.id, m.manager_id from staff_member m where m.tenant_id = w.tenant_id and m.id = w.manager_id
          union select m.id, m.manager_id from up join staff_member m on m.tenant_id = w.tenant_id and m.id = up.manager_id)
        select id from up)`,
      why: LOOP,
    },
  ],
  hold,
  // Consent was given for a number; who they are is one thing.
  cells: [
    { label: "Matricule", columns: ["staff_number"] },
    { label: "Nom et prénom", columns: ["family_name", "given_name"] },
    { label: "Adresse électronique", columns: ["email"] },
    { label: "Service", columns: ["department_id"] },
    { label: "Site", columns: ["site_id"] },
    { label: "Fonction", columns: ["position"] },
    { label: "Type de contrat", columns: ["contract_type"] },
    { label: "Téléphone et SMS", columns: ["phone", "sms_consent_at", "sms_consent_proof"] },
    { label: "Responsable", columns: ["manager_id"] },
    { label: "Fiche active", columns: ["deactivated_at"] },
  ],
  // Two links that come back together may close a loop that neither does alone.
  applied: {
    columns: ["manager_id"],
    async run(em, rows) {
      const met = await findLoop(
        em,
        rows.filter(({ after }) => after?.manager_id).map(({ id }) => id),
      );
      if (met) throw new RuleBroken(`Ces liens formeraient une boucle de responsables, avec ${met}.`);
    },
  },
};

/** Whose team an account sees is given back, or taken, as on its page (DIR-3). */
export const tieUndo: Undo = {
  right: "scopes.manage",
  created: "delete",
  rules: [
    {
      when: "exists (select from account_tie o where o.tenant_id = w.tenant_id and o.id <> w.id and o.staff_member_id = w.staff_member_id)",
      why: "Un autre compte est maintenant relié à cette personne.",
    },
    {
      when: "exists (select from account_tie o where o.tenant_id = w.tenant_id and o.id <> w.id and o.user_id = w.user_id)",
      why: "Ce compte est maintenant relié à quelqu’un d’autre.",
    },
    {
      when: isGone("account_tie", "staff_member", "staff_member_id"),
      why: "Cette personne n’est plus dans l’annuaire.",
    },
  ],
  hold,
};

/** The same for what a coordinator looks after (TEA-2). */
export const scopeUndo: Undo = {
  right: "scopes.manage",
  created: "delete",
  rules: [
    {
      when: "exists (select from coordinator_scope o where o.tenant_id = w.tenant_id and o.id <> w.id and o.user_id = w.user_id and o.department_id = w.department_id and o.site_id is not distinct from w.site_id)",
      why: "Ce périmètre a de nouveau ce service.",
    },
    { when: isGone("coordinator_scope", "department", "department_id"), why: "Ce service n’existe plus." },
    { when: isGone("coordinator_scope", "site", "site_id"), why: "Ce site n’existe plus." },
  ],
  hold,
};

const PLAN = "technicians.plan";

/** Hours come back as they were; a first setting taken back leaves office hours. */
export const hoursUndo: Undo = { right: PLAN, created: "delete", hold };

/** An absence comes back unless another now covers its days. */
export const absenceUndo: Undo = {
  right: PLAN,
  created: "delete",
  rules: [
    {
      when: "exists (select from absence o where o.tenant_id = w.tenant_id and o.id <> w.id and o.user_id = w.user_id and o.starts_on <= w.ends_on and o.ends_on >= w.starts_on)",
      why: "Une autre absence couvre maintenant ces jours.",
    },
  ],
  hold,
};
