import { createHash } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type SqlBool, sql, type Transaction } from "kysely";
import { bare } from "../../fields/index.ts";
import type { ImportAnswer, LineRule, OpenImport } from "../../platform/sheets/profile.ts";
import { PERSON_NAME } from "../eligible-person.ts";

/** What lines of a file do to the people of a campaign, in SQL over `s`, the line, and `t`, the person it is about. */

const transaction = (em: EntityManager) => em.getTransactionContext<Transaction<unknown>>()!;

export const EMAIL = "email";
export const OPERATION = "operation";

export const peopleOf = (campaignId: string) => sql<SqlBool>`t.campaign_id = ${campaignId}::uuid`;

export const newPerson = (campaignId: string): Required<Pick<OpenImport, "created" | "touched">> => ({
  created: { campaign_id: sql`${campaignId}::uuid` },
  touched: { version: sql`t.version + 1` },
});

/** What a person of a campaign is recognised by: who they are in the directory, were it only since [IMP-50]. */
export const personKey = sql`case
  when t.staff_member_id is not null then 'annuaire ' || t.staff_member_id
  else coalesce(
    'annuaire ' || (select s.id from staff_member s where s.tenant_id = t.tenant_id and s.staff_number = t.staff_number),
    'annuaire ' || (select s.id from staff_member s where s.tenant_id = t.tenant_id and s.email = t.email),
    'matricule ' || t.staff_number, 'adresse ' || t.email) end`;

const asked = sql`(s."values" ->> ${sql.lit(OPERATION)})::uuid`;

/** An address that somebody else of the campaign has, whom the directory does not know [IMP-50]. */
export function sharedAddress(campaignId: string): LineRule {
  const address = sql`(s."values" ->> ${sql.lit(EMAIL)})`;
  const other = sql`from eligible_person r where r.campaign_id = ${campaignId}::uuid and r.email = ${address} and r.id is distinct from t.id`;
  return {
    when: sql<SqlBool>`exists (select ${other})`,
    column: EMAIL,
    why: sql<string>`(select 'Cette adresse est celle de «\u00a0' || ${sql.raw(PERSON_NAME)} || '\u00a0».' ${other})`,
    cause: "Cette adresse est celle d’une autre personne.",
  };
}

/** An operation is that of one person at most [IMP-51]. */
export const linkedElsewhere: LineRule = {
  when: sql<SqlBool>`exists (select from eligible_person r where r.operation_id = ${asked} and r.id is distinct from t.id)`,
  column: OPERATION,
  why: sql<string>`(select 'Cette opération est déjà celle de «\u00a0' || ${sql.raw(PERSON_NAME)} || '\u00a0».'
    from eligible_person r where r.operation_id = ${asked} and r.id is distinct from t.id)`,
  cause: "Cette opération est déjà celle d’une autre personne.",
};

/** People a file does not hold leave the list [IMP-52]. */
export const missingPeople: NonNullable<OpenImport["missing"]> = {
  choices: [{ value: "remove", label: "Les retirer de la liste", hint: "L’annulation de l’import les y remet." }],
  touches: () => sql<SqlBool>`true`,
  async apply(em, _choice, { absent }) {
    await sql`delete from eligible_person t where ${absent}`.execute(transaction(em));
  },
};

/** The operations of a campaign by the names a file may call them. */
export interface OperationsByName {
  read(text: string): ImportAnswer;
  nameOf(id: string): string | undefined;
  /** Another text as soon as one comes, goes or is named otherwise. */
  mark: string;
}

/** Those of a campaign, once, where a file asks for some [IMP-51]. */
export async function operationsByName(
  em: EntityManager,
  campaignId: string,
  { isAsked }: { isAsked: boolean },
): Promise<OperationsByName> {
  const { rows } = isAsked
    ? await sql<{ id: string; title: string }>`select o.id, o.title from operation o
        where o.campaign_id = ${campaignId}::uuid and o.trashed_at is null order by o.id`.execute(transaction(em))
    : { rows: [] };
  const names = new Map(rows.map(({ id, title }) => [id, title]));
  const ids = new Map<string, string | null>();
  for (const { id, title } of rows) ids.set(bare(title), ids.has(bare(title)) ? null : id);
  return {
    nameOf: (id) => names.get(id),
    mark: createHash("sha256").update(JSON.stringify(rows)).digest("base64url"),
    read(text) {
      const id = ids.get(bare(text));
      if (id) return { value: id };
      return {
        problem:
          id === null
            ? "Plusieurs opérations de la campagne portent ce nom."
            : "Aucune opération de la campagne ne porte ce nom.",
      };
    },
  };
}
