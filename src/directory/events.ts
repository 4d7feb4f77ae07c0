import { z } from "zod";
import type { EventCatalogue } from "../platform/events/catalogue.ts";

const by = z.uuid();
const fields = z.array(z.string());
const said = z.strictObject({ by });
const edited = z.strictObject({ fields, by });
const merged = z.strictObject({ from: z.uuid(), people: z.int(), by });

/** What happens to the directory; the payload is the contract of whoever reacts. */
export const events = {
  "department.created": { label: "service créé", payload: said },
  "department.renamed": { label: "service renommé", payload: said },
  "department.merged": { label: "services fusionnés", payload: merged },
  "department.deleted": { label: "service supprimé", payload: said },
  "site.created": { label: "site créé", payload: said },
  "site.edited": { label: "site modifié", payload: edited },
  "site.merged": { label: "sites fusionnés", payload: merged },
  "site.deleted": { label: "site supprimé", payload: said },
  "staff_member.created": { label: "agent ajouté", payload: said },
  // One for all of them, whose rows say the rest (rulings 13).
  "staff.created": { label: "agents ajoutés ensemble", payload: z.strictObject({ count: z.int(), by }) },
  "staff_member.edited": { label: "agent modifié", payload: edited },
  "staff_member.deactivated": { label: "agent désactivé", payload: said },
  "staff_member.reactivated": { label: "agent réactivé", payload: said },
  "staff_member.sms_accepted": { label: "consentement aux SMS noté", payload: said },
  "staff_member.sms_refused": { label: "consentement aux SMS retiré", payload: said },
  "account.tied": { label: "compte relié à un agent", payload: z.strictObject({ staffMember: z.uuid(), by }) },
  "account.untied": { label: "compte délié", payload: said },
  "account.scope_added": { label: "périmètre étendu", payload: z.strictObject({ scope: z.uuid(), by }) },
  "account.scope_removed": { label: "périmètre réduit", payload: z.strictObject({ scope: z.uuid(), by }) },
  "technician.hours_set": { label: "horaires d’un technicien réglés", payload: said },
  "technician.absence_added": { label: "absence notée", payload: z.strictObject({ absence: z.uuid(), by }) },
  "technician.absence_removed": { label: "absence retirée", payload: z.strictObject({ absence: z.uuid(), by }) },
} satisfies EventCatalogue;
