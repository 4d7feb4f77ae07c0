import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { tidyAddress } from "../accounts/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { fr } from "../platform/text/index.ts";
import { Department } from "./department.ts";
import { isMobile, readPhone } from "./phone.ts";
import { holdDirectory } from "./queries/places.ts";
import { chainAbove, findStaffCalled } from "./queries/staff.ts";
import type { Said } from "./said.ts";
import { Site } from "./site.ts";
import { tidy, tidyName } from "./wording.ts";

const schema = defineEntity({
  name: "StaffMember",
  tableName: "staff_member",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "staffNumber"] }, { properties: ["tenantId", "email"] }],
  indexes: [
    { properties: ["tenantId", "department"] },
    { properties: ["tenantId", "site"] },
    { properties: ["tenantId", "manager"] },
    { properties: ["tenantId", "sortName", "id"] },
    {
      name: "staff_member_search_index",
      expression:
        'create index "staff_member_search_index" on "staff_member" using gin ("tenant_id", "search" gin_trgm_ops)',
    },
  ],
  checks: [
    { name: "staff_member_not_own_manager", expression: "manager_id <> id" },
    {
      name: "staff_member_consent_with_proof",
      expression: "(sms_consent_at is null) = (sms_consent_proof is null)",
    },
  ],
  properties: {
    ...tenantKey(),
    staffNumber: p.text(),
    familyName: p.text(),
    givenName: p.text(),
    email: p.text().nullable(),
    department: () =>
      p
        .manyToOne(Department)
        .joinColumns("tenant_id", "department_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    site: () =>
      p
        .manyToOne(Site)
        .joinColumns("tenant_id", "site_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    // What they do; `role` is said of accounts.
    position: p.text().nullable(),
    contractType: p.text().nullable(),
    phone: p.text().nullable(),
    manager: () =>
      p
        .manyToOne(StaffMember)
        .joinColumns("tenant_id", "manager_id")
        .referencedColumnNames("tenant_id", "id")
        .deleteRule("no action")
        .updateRule("no action")
        .nullable(),
    smsConsentAt: p.datetime().nullable(),
    smsConsentProof: p.text().nullable(),
    deactivatedAt: p.datetime().nullable(),
    // Kept by the database, so that an index serves lists and searches under isolation (rulings 6).
    sortName: p.text().nullable().generated("(folded(family_name || ' ' || given_name)) stored"),
    search: p
      .text()
      .nullable()
      .generated(
        "(folded(family_name || ' ' || given_name || ' ' || family_name || ' ' || staff_number || ' ' || coalesce(email, ''))) stored",
      ),
    ...createdAt(),
    ...versioned(),
  },
});

/** A person of the directory; holds no account (DIR-1). */
export class StaffMember extends schema.class {
  name(): string {
    return `${this.givenName} ${this.familyName}`;
  }
  isActive(): boolean {
    return this.deactivatedAt == null;
  }
}
schema.setClass(StaffMember);
export const StaffMemberSchema = schema;

export const aboutStaffMember = ({ id }: { id: string }) => ({ type: "staff_member", id });

export const SHORTEST_NUMBER = 3;
export const LONGEST_NUMBER = 50;
export const LONGEST_NAME = 100;
export const LONGEST_PROOF = 300;

/** As a form or a file gives them: texts, empty for what is not known. */
export interface StaffDetails {
  staffNumber: string;
  familyName: string;
  givenName: string;
  email: string;
  /** Ids. */
  department: string | null;
  site: string | null;
  position: string;
  contractType: string;
  phone: string;
  /** The staff number, e-mail or full name of the person who manages them. */
  manager: string;
}

/** A new person of the directory [DIR-1]. The caller flushes. */
export async function createStaffMember(em: EntityManager, details: StaffDetails, said: Said): Promise<StaffMember> {
  await holdDirectory(em, said.tenantId);
  const member = await newMember(em, details, said);
  record(em, "staff_member.created", aboutStaffMember(member), { by: said.by.id });
  return member;
}

/**
 * Several at once, told by one event. Who manages them is in the directory already: nobody of the list manages another of
 * it. The first refusal refuses them all. The caller flushes.
 */
export async function createStaffMembers(em: EntityManager, list: StaffDetails[], said: Said): Promise<StaffMember[]> {
  await holdDirectory(em, said.tenantId);
  const members: StaffMember[] = [];
  for (const details of list) members.push(await newMember(em, details, said));
  const about = { type: "tenant", id: said.tenantId };
  record(em, "staff.created", about, { count: members.length, by: said.by.id });
  return members;
}

async function newMember(em: EntityManager, details: StaffDetails, { tenantId }: Said): Promise<StaffMember> {
  const id = randomUUIDv7();
  const member = em.create(StaffMember, {
    tenantId,
    id,
    ...(await checked(em, details, { id })),
    smsConsentAt: null,
    smsConsentProof: null,
    deactivatedAt: null,
  });
  em.persist(member);
  return member;
}

/**
 * Corrects what is known of a person, under the same rules. A consent to SMS was given for a number: another number, or
 * none, ends it. The caller flushes.
 */
export async function editStaffMember(
  em: EntityManager,
  member: StaffMember,
  details: StaffDetails,
  { tenantId, by }: Said,
): Promise<void> {
  await holdDirectory(em, tenantId);
  const wanted = await checked(em, details, member);
  const fields = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
    (name) => (wanted[name] ?? null) !== (member[name] ?? null),
  );
  if (fields.length === 0) return;
  Object.assign(member, Object.fromEntries(fields.map((name) => [name, wanted[name]])));
  if (fields.includes("phone")) Object.assign(member, { smsConsentAt: null, smsConsentProof: null });
  record(em, "staff_member.edited", aboutStaffMember(member), { fields, by: by.id });
}

/** Gone from teams and lists, with everything kept [DIR-5]. The caller flushes. */
export function deactivateStaffMember(
  em: EntityManager,
  member: StaffMember,
  { by, now }: { by: { id: string }; now: Date },
): void {
  if (!member.isActive()) throw new RuleBroken("Cette personne est déjà désactivée\u00a0: il n’y a rien à faire.");
  member.deactivatedAt = now;
  record(em, "staff_member.deactivated", aboutStaffMember(member), { by: by.id });
}

/** Back in the teams and lists they were in. The caller flushes. */
export function reactivateStaffMember(em: EntityManager, member: StaffMember, { by }: { by: { id: string } }): void {
  if (member.isActive()) throw new RuleBroken("Cette personne est déjà active\u00a0: il n’y a rien à faire.");
  member.deactivatedAt = null;
  record(em, "staff_member.reactivated", aboutStaffMember(member), { by: by.id });
}

/** Notes the consent to SMS this person gave, with its date and what proves it [DIR-1, MSG-12]. The caller flushes. */
export function noteSmsConsent(
  em: EntityManager,
  member: StaffMember,
  { at, proof }: { at: Date; proof: string },
  { by, now }: { by: { id: string }; now: Date },
): void {
  if (!member.phone || !isMobile(member.phone)) {
    throw new RuleBroken("Un SMS n’arrive que sur un mobile\u00a0: notez d’abord ce numéro dans sa fiche.");
  }
  const tidied = tidy(proof, "proof", LONGEST_PROOF);
  if (tidied.length < 3) throw new RuleBroken("Écrivez ce qui prouve ce consentement.", "proof");
  if (at > now) throw new RuleBroken("Cette date est à venir\u00a0: notez le jour où la personne a accepté.", "on");
  Object.assign(member, { smsConsentAt: at, smsConsentProof: tidied });
  record(em, "staff_member.sms_accepted", aboutStaffMember(member), { by: by.id });
}

/** Ends it: no SMS leaves any more [MSG-12]. The caller flushes. */
export function withdrawSmsConsent(em: EntityManager, member: StaffMember, { by }: { by: { id: string } }): void {
  if (!member.smsConsentAt) throw new RuleBroken("Aucun consentement n’est en cours\u00a0: il n’y a rien à retirer.");
  Object.assign(member, { smsConsentAt: null, smsConsentProof: null });
  record(em, "staff_member.sms_refused", aboutStaffMember(member), { by: by.id });
}

/** As they will be kept, or a refusal that names the field. The directory is held by the caller. */
async function checked(em: EntityManager, details: StaffDetails, self: { id: string; manager?: unknown }) {
  const staffNumber = tidyNumber(details.staffNumber);
  const namesake = await em.findOne(StaffMember, { staffNumber, id: { $ne: self.id } });
  if (namesake) {
    throw new RuleBroken(
      `Le matricule ${staffNumber} est celui ${fr.of(namesake.name())}${namesake.isActive() ? "" : ", fiche désactivée"}.`,
      "staffNumber",
    );
  }
  const email = details.email.trim() === "" ? null : tidyAddress(details.email, "email");
  const other = email && (await em.findOne(StaffMember, { email, id: { $ne: self.id } }));
  if (other) {
    throw new RuleBroken(
      `L’adresse ${email} est celle ${fr.of(other.name())} (${other.staffNumber})${other.isActive() ? "" : ", fiche désactivée"}.`,
      "email",
    );
  }
  return {
    staffNumber,
    familyName: tidyName(details.familyName, "familyName", LONGEST_NAME, "Écrivez le nom."),
    givenName: tidyName(details.givenName, "givenName", LONGEST_NAME, "Écrivez le prénom."),
    email,
    department: await placeOf(em, Department, details.department, "department", "Ce service n’existe plus."),
    site: await placeOf(em, Site, details.site, "site", "Ce site n’existe plus."),
    position: tidy(details.position, "position", LONGEST_NAME) || null,
    contractType: tidy(details.contractType, "contractType", LONGEST_NAME) || null,
    phone: readPhone(details.phone, "phone"),
    manager: await managerOf(em, details.manager, self, `${details.givenName} ${details.familyName}`),
  };
}

/** Upper case, 3 to 50 signs, as the directory keys people [DIR-1, IMP-48]. */
export function tidyNumber(text: string): string {
  const number = tidy(text, "staffNumber", LONGEST_NUMBER).toUpperCase();
  if (number.length < SHORTEST_NUMBER || number.length > LONGEST_NUMBER) {
    throw new RuleBroken(`Un matricule a de ${SHORTEST_NUMBER} à ${LONGEST_NUMBER} signes.`, "staffNumber");
  }
  return number;
}

async function placeOf<T extends Department | Site>(
  em: EntityManager,
  place: new () => T,
  id: string | null,
  field: string,
  missing: string,
): Promise<T | null> {
  if (id === null) return null;
  const found = await em.findOne(place, { id } as never);
  if (!found) throw new RuleBroken(`${missing} Choisissez-en un de la liste.`, field);
  return found as T;
}

/**
 * Who manages them, from what was typed; null for nobody. Refused when nobody answers to it, or several do, when it is
 * the person, or would close a loop, whose names are told [DIR-2]. The directory is held by the caller, so that two links
 * made at once cannot close one together.
 */
async function managerOf(
  em: EntityManager,
  typed: string,
  self: { id: string; manager?: unknown },
  name: string,
): Promise<StaffMember | null> {
  const text = tidy(typed, "manager", 254);
  if (text === "") return null;
  const found = await findStaffCalled(em, text);
  const [first, second] = found;
  if (!first) {
    throw new RuleBroken("Personne de l’annuaire n’a ce matricule, cette adresse ni ce nom.", "manager");
  }
  if (second) {
    const who = fr.list(found.slice(0, 4).map((one) => `${one.name} (${one.staffNumber})`));
    throw new RuleBroken(`Plusieurs personnes s’appellent ainsi\u00a0: ${who}. Écrivez un matricule.`, "manager");
  }
  if (first.id === self.id) throw new RuleBroken("Une personne ne peut pas être son propre responsable.", "manager");
  const manager = await em.findOneOrFail(StaffMember, { id: first.id });
  if (manager !== self.manager) {
    if (!manager.isActive()) {
      throw new RuleBroken(
        `La fiche ${fr.of(manager.name())} est désactivée. Choisissez une personne active.`,
        "manager",
      );
    }
    const chain = await chainAbove(em, manager.id);
    const rank = chain.findIndex(({ id }) => id === self.id);
    if (rank !== -1) {
      const loop = [name, ...chain.slice(0, rank).map((one) => one.name), name].join(" → ");
      throw new RuleBroken(`Ce lien formerait une boucle\u00a0: ${loop}.`, "manager");
    }
  }
  return manager;
}
