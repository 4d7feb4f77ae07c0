import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { departmentNamed } from "./queries/groups.ts";
import { holdTenant } from "./tenant.ts";
import { type By, toUser, User } from "./user.ts";

const schema = defineEntity({
  name: "Group",
  // `group` is a keyword.
  tableName: "user_group",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "name"] }],
  properties: { ...tenantKey(), name: p.text(), ...createdAt(), ...versioned() },
});

/** A named set of people and of departments, which grants and saved views may name (ROL-5). */
export class Group extends schema.class {}
schema.setClass(Group);
export const GroupSchema = schema;

const memberSchema = defineEntity({
  name: "GroupMember",
  tableName: "user_group_member",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "group", "user"] }, { properties: ["tenantId", "group", "department"] }],
  indexes: [{ properties: ["tenantId", "user"] }],
  checks: [{ name: "user_group_member_one_kind", expression: "(user_id is null) <> (department is null)" }],
  properties: {
    ...tenantKey(),
    group: () =>
      p
        .manyToOne(Group)
        .joinColumns("tenant_id", "group_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action"),
    user: () => toUser().nullable(),
    // Whoever is of this department at the time of asking.
    department: p.text().nullable(),
    ...createdAt(),
  },
});

/** One person, or one department with whoever is of it. */
export class GroupMember extends memberSchema.class {
  title() {
    return this.user ? this.user.name() : `Service ${this.department}`;
  }
}
memberSchema.setClass(GroupMember);
export const GroupMemberSchema = memberSchema;

export const aboutGroup = ({ id }: { id: string }) => ({ type: "group", id });

export const LONGEST_GROUP_NAME = 80;

interface Said {
  tenantId: string;
  by: By;
}

/** An empty group. Refused under a name another has, whatever its case or accents [ROL-5]. The caller flushes. */
export async function createGroup(em: EntityManager, name: string, { tenantId, by }: Said): Promise<Group> {
  await holdTenant(em, tenantId);
  const group = em.create(Group, { tenantId, id: randomUUIDv7(), name: await freeName(em, name) });
  em.persist(group);
  record(em, "group.created", aboutGroup(group), { by: by?.id ?? null });
  return group;
}

/** Another name, under the same rule. The caller flushes. */
export async function renameGroup(em: EntityManager, group: Group, name: string, { tenantId, by }: Said) {
  await holdTenant(em, tenantId);
  const wanted = await freeName(em, name, group);
  if (wanted === group.name) return;
  group.name = wanted;
  record(em, "group.renamed", aboutGroup(group), { by: by?.id ?? null });
}

/** Takes a person into it. Refused for an account that is closed or already named there. The caller flushes. */
export async function addPerson(em: EntityManager, group: Group, userId: string, said: Said): Promise<GroupMember> {
  await holdTenant(em, said.tenantId);
  const user = await em.findOne(User, { tenantId: said.tenantId, id: userId, supportOf: null });
  if (!user) throw new RuleBroken("Cette personne n’a pas de compte dans l’organisation.", "user");
  if (!user.isActive())
    throw new RuleBroken(`Le compte de ${user.name()} est désactivé : réactivez-le d’abord.`, "user");
  if ((await membersOf(em, group)).some((member) => member.user?.id === userId)) {
    throw new RuleBroken(`${user.name()} est déjà dans ce groupe.`, "user");
  }
  return addMember(em, group, { user, department: null }, said);
}

/** Takes a whole department, whoever joins or leaves it later. Refused when no account is of it. The caller flushes. */
export async function addDepartment(em: EntityManager, group: Group, typed: string, said: Said): Promise<GroupMember> {
  await holdTenant(em, said.tenantId);
  const department = await departmentNamed(em, typed);
  if (!department) throw new RuleBroken("Aucun compte n’est de ce service.", "department");
  if ((await membersOf(em, group)).some(({ department: known }) => known != null && sameWord(known, department))) {
    throw new RuleBroken(`Le service ${department} est déjà dans ce groupe.`, "department");
  }
  return addMember(em, group, { user: null, department }, said);
}

function addMember(
  em: EntityManager,
  group: Group,
  what: { user: User | null; department: string | null },
  { tenantId, by }: Said,
): GroupMember {
  const member = em.create(GroupMember, { tenantId, id: randomUUIDv7(), group, ...what });
  em.persist(member);
  record(em, "group.member_added", aboutGroup(group), { member: member.id, by: by?.id ?? null });
  return member;
}

/** Takes a person or a department out. The caller flushes. */
export function removeMember(em: EntityManager, member: GroupMember, { by }: { by: By }): void {
  em.remove(member);
  record(em, "group.member_removed", aboutGroup(member.group), { member: member.id, by: by?.id ?? null });
}

/** The group and its members go; its people keep their accounts. Gives how many members went. The caller flushes. */
export async function deleteGroup(em: EntityManager, group: Group, { tenantId, by }: Said): Promise<number> {
  await holdTenant(em, tenantId);
  const members = await membersOf(em, group);
  for (const member of members) em.remove(member);
  em.remove(group);
  record(em, "group.deleted", aboutGroup(group), { by: by?.id ?? null });
  return members.length;
}

const membersOf = (em: EntityManager, { id }: Group) => em.find(GroupMember, { group: { id } });

/** Neither case nor accents make another name of it. */
const sameWord = (a: string, b: string) => bare(a) === bare(b);
const bare = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

async function freeName(em: EntityManager, typed: string, but?: Group): Promise<string> {
  const name = typed.normalize("NFC").replace(/\s+/gu, " ").trim();
  if (name === "") throw new RuleBroken("Écrivez le nom du groupe.", "name");
  if (name.length > LONGEST_GROUP_NAME)
    throw new RuleBroken(`Raccourcissez à ${LONGEST_GROUP_NAME} caractères.`, "name");
  if (/[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u.test(name)) {
    throw new RuleBroken("Retirez les signes < et >, les retours à la ligne et les caractères invisibles.", "name");
  }
  const taken = (await em.find(Group, {})).find((group) => group !== but && sameWord(group.name, name));
  if (taken) throw new RuleBroken(`Le groupe « ${taken.name} » existe déjà. Choisissez un autre nom.`, "name");
  return name;
}
