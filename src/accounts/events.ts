import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";
import { ROLES } from "./roles.ts";

const by = z.uuid().nullable();
const roles = z.array(z.enum(ROLES.map((role) => role.code)));

/** What happens to accounts and organisations; the payload is the contract of whoever reacts. */
export const events = {
  "user.created": { label: "compte créé", payload: z.strictObject({ roles, by }) },
  // One for all of them, whose rows say the rest (rulings 13).
  "users.created": { label: "comptes créés ensemble", payload: z.strictObject({ count: z.int(), by }) },
  "user.invited": {
    label: "personne invitée",
    // null: a message will make its own link as it leaves.
    payload: z.strictObject({ link: z.uuid().nullable(), by }),
  },
  "user.reset_offered": {
    label: "lien de nouveau mot de passe remis",
    payload: z.strictObject({ link: z.uuid().nullable(), by }),
    beyond: "Un lien remis expire de lui-même au bout de trente minutes.",
  },
  "user.edited": { label: "compte modifié", payload: z.strictObject({ fields: z.array(z.string()), by }) },
  "user.roles_changed": { label: "rôles changés", payload: z.strictObject({ before: roles, after: roles, by }) },
  "user.deactivated": { label: "compte désactivé", payload: z.strictObject({ by }) },
  "user.reactivated": { label: "compte réactivé", payload: z.strictObject({ by }) },
  "user.unlocked": {
    label: "compte déverrouillé",
    payload: z.strictObject({ by }),
    beyond: "Un verrou levé ne se remet pas\u00a0: désactivez le compte pour le fermer.",
  },
  "user.password_changed": {
    label: "mot de passe changé",
    payload: z.strictObject({ keepSession: z.uuid().nullable() }),
  },
  "user.second_factor_enrolled": {
    label: "double authentification activée",
    payload: z.strictObject({ replaced: z.boolean() }),
  },
  "user.recovery_codes_renewed": { label: "codes de récupération changés", payload: z.strictObject({}) },
  "user.second_factor_removed": { label: "double authentification retirée", payload: z.strictObject({}) },
  "user.second_factor_reset": { label: "double authentification réinitialisée", payload: z.strictObject({ by }) },
  "invitation.accepted": { label: "invitation acceptée", payload: z.strictObject({ link: z.uuid() }) },
  "group.created": { label: "groupe créé", payload: z.strictObject({ by }) },
  "group.renamed": { label: "groupe renommé", payload: z.strictObject({ by }) },
  "group.member_added": { label: "membre ajouté à un groupe", payload: z.strictObject({ member: z.uuid(), by }) },
  "group.member_removed": { label: "membre retiré d’un groupe", payload: z.strictObject({ member: z.uuid(), by }) },
  "group.deleted": { label: "groupe supprimé", payload: z.strictObject({ by }) },
  "tenant.created": { label: "organisation créée", payload: z.strictObject({ name: z.string() }) },
  "tenant.edited": { label: "organisation modifiée", payload: z.strictObject({ fields: z.array(z.string()), by }) },
  "support.opened": {
    label: "accès de support ouvert",
    payload: z.strictObject({ access: z.uuid(), until: z.iso.datetime() }),
  },
  "support.closed": { label: "accès de support fermé", payload: z.strictObject({ access: z.uuid() }) },
  "support.entered": {
    label: "entrée par accès de support",
    payload: z.strictObject({ access: z.uuid(), by: z.uuid() }),
  },
  "organisation.supported": {
    label: "entrée dans une organisation",
    payload: z.strictObject({ organisation: z.uuid(), by }),
  },
  "organisation.support_closed": {
    label: "accès de support fermé par l’instance",
    payload: z.strictObject({ organisation: z.uuid(), by }),
  },
  "tenant.suspended": { label: "organisation suspendue", payload: z.strictObject({ by }) },
  "tenant.reactivated": { label: "organisation rouverte", payload: z.strictObject({ by }) },
  "organisation.suspended": {
    label: "organisation suspendue",
    payload: z.strictObject({ organisation: z.uuid(), by }),
  },
  "organisation.reactivated": {
    label: "organisation rouverte",
    payload: z.strictObject({ organisation: z.uuid(), by }),
  },
  "organisation.opened": {
    label: "organisation ouverte ou réinvitée",
    payload: z.strictObject({ organisation: z.uuid(), by }),
  },
  "instance.prepared": { label: "lien d’installation ouvert", payload: z.strictObject({ link: z.uuid() }) },
  "instance.set_up": { label: "instance installée", payload: z.strictObject({ link: z.uuid() }) },
} satisfies EventCatalogue;
