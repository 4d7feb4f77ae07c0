import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { toUser, type User } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { holdDirectory } from "./queries/places.ts";
import type { Said } from "./said.ts";
import { StaffMember } from "./staff-member.ts";

const schema = defineEntity({
  name: "AccountTie",
  tableName: "account_tie",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "user"] }, { properties: ["tenantId", "staffMember"] }],
  properties: {
    ...tenantKey(),
    user: () => toUser(),
    staffMember: () =>
      p
        .manyToOne(StaffMember)
        .joinColumns("tenant_id", "staff_member_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    ...createdAt(),
    ...versioned(),
  },
});

/**
 * Which person of the directory an account is. Somebody who administers says so: no equality of addresses ever does, as
 * whoever could change an address would gain a team [DIR-3].
 */
export class AccountTie extends schema.class {}
schema.setClass(AccountTie);
export const AccountTieSchema = schema;

const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

/** Ties this account to this person, in place of any other [DIR-3]. The caller flushes. */
export async function tieAccount(
  em: EntityManager,
  user: User,
  member: StaffMember,
  { tenantId, by }: Said,
): Promise<void> {
  await holdDirectory(em, tenantId);
  if (!member.isActive()) {
    throw new RuleBroken(`La fiche ${fr.of(member.name())} est désactivée. Choisissez une personne active.`, "person");
  }
  const other = await em.findOne(AccountTie, { staffMember: { id: member.id } }, { populate: ["user"] });
  if (other && other.user.id !== user.id) {
    throw new RuleBroken(
      `${member.name()} est déjà la personne du compte ${fr.of(other.user.name())}. Retirez d’abord ce lien.`,
      "person",
    );
  }
  if (other) throw new RuleBroken(`Ce compte est déjà relié à ${member.name()}.`, "person");
  const known = await em.findOne(AccountTie, { user: { id: user.id } });
  if (known) known.staffMember = member;
  else em.persist(em.create(AccountTie, { tenantId, id: randomUUIDv7(), user, staffMember: member }));
  record(em, "account.tied", aboutAccount(user), { staffMember: member.id, by: by.id });
}

/** This account is nobody of the directory any more. The caller flushes. */
export async function untieAccount(em: EntityManager, user: User, { tenantId, by }: Said): Promise<void> {
  await holdDirectory(em, tenantId);
  const known = await em.findOne(AccountTie, { user: { id: user.id } });
  if (!known) throw new RuleBroken("Ce compte n’est relié à personne\u00a0: il n’y a rien à retirer.");
  em.remove(known);
  record(em, "account.untied", aboutAccount(user), { by: by.id });
}
