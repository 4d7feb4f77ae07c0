import type { EntityManager } from "@mikro-orm/postgresql";
import { type SqlBool, sql, type Transaction } from "kysely";
import type { ImportAbout, LineRule, OpenImport } from "../../platform/sheets/profile.ts";

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export const EMAIL = "email";
export const PHONE = "telephone";
export const ACTIVE = "active";

const said = (code: string) => sql<SqlBool>`s."values" ? ${sql.lit(code)}`;
const text = (code: string) => sql`(s."values" ->> ${sql.lit(code)})`;

export const everybody = sql<SqlBool>`true`;
export const isActive = sql`t.deactivated_at is null`;

/** Columns that follow from what a file says: a fiche closed or open again, a consent that its number ends [MSG-12]. */
export function staffColumns({ now }: Pick<ImportAbout, "now">): Pick<OpenImport, "created" | "touched"> {
  const at = sql`${now.toISOString()}::timestamptz`;
  const isOther = sql<SqlBool>`(${said(PHONE)} and ${text(PHONE)} is distinct from t.phone)`;
  return {
    created: { deactivated_at: sql`case when ${text(ACTIVE)} = 'false' then ${at} end` },
    touched: {
      version: sql`t.version + 1`,
      deactivated_at: sql`case when not ${said(ACTIVE)} then t.deactivated_at when ${text(ACTIVE)} = 'false' then coalesce(t.deactivated_at, ${at}) end`,
      sms_consent_at: sql`case when ${isOther} then null else t.sms_consent_at end`,
      sms_consent_proof: sql`case when ${isOther} then null else t.sms_consent_proof end`,
    },
  };
}

/** An address that somebody else has, told with their name [IMP-46]. */
export const sharedAddress: LineRule = {
  when: sql<SqlBool>`${text(EMAIL)} is not null and exists (select from staff_member e where e.email = ${text(EMAIL)} and e.id is distinct from t.id)`,
  column: EMAIL,
  why: sql<string>`(select 'Cette adresse est celle de ' || e.given_name || ' ' || e.family_name || ' (' || e.staff_number || ').'
    from staff_member e where e.email = ${text(EMAIL)} and e.id is distinct from t.id)`,
  cause: "Cette adresse est celle d’une autre personne.",
};

/** Departments or sites that lines to be written name, by the id their reader gave them, in the order of the file. */
export async function placesAsked(em: EntityManager, code: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select ${text(code)} as id from import_staging s join import_outcome o on o.line = s.line
    where o.outcome in ('create', 'update') and ${text(code)} is not null group by 1 order by min(s.line)`.execute(
    transaction(em),
  );
  return rows.map(({ id }) => id);
}

/** Sends lines to those made for what they say. */
export async function sendToPlaces(em: EntityManager, code: string, ids: Record<string, string>): Promise<void> {
  const given = sql`${JSON.stringify(ids)}::jsonb`;
  await sql`update import_staging s set "values" = s."values" || jsonb_build_object(${sql.lit(code)}, ${given} -> ${text(code)})
    where ${given} ? ${text(code)}`.execute(transaction(em));
}

export interface ManagerLink {
  id: string;
  number: string;
  managerId: string | null;
}

/** Everybody with who manages them. */
export async function managerLinks(em: EntityManager): Promise<ManagerLink[]> {
  const { rows } =
    await sql<ManagerLink>`select id, staff_number as number, manager_id as "managerId" from staff_member`.execute(
      transaction(em),
    );
  return rows;
}

/** Sets who manages these people, in one statement. */
export async function setManagers(em: EntityManager, links: { id: string; manager: string | null }[]): Promise<void> {
  await sql`update staff_member s set manager_id = v.manager, version = s.version + 1
    from jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as v (id uuid, manager uuid)
    where s.id = v.id and s.manager_id is distinct from v.manager`.execute(transaction(em));
}

/** People a file does not hold leave teams and lists, with everything kept [IMP-48, DIR-5]. */
export const missingStaff: NonNullable<OpenImport["missing"]> = {
  choices: [
    {
      value: "deactivate",
      label: "Désactiver leurs fiches",
      hint: "Elles quittent les listes et les équipes\u202f; tout est gardé.",
    },
  ],
  touches: () => sql<SqlBool>`t.deactivated_at is null`,
  async apply(em, _choice, { absent }) {
    await sql`update staff_member t set deactivated_at = app_now(), version = version + 1 where ${absent} and t.deactivated_at is null`.execute(
      transaction(em),
    );
  },
};
