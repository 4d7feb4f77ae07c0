import { type SignedIn, tidyAddress } from "../accounts/index.ts";
import { type StaffCalled, tidyStaffNumber, wholeStaff } from "../directory/index.ts";
import { newField, readerOf } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { ImportAnswer, ImportProfile, ImportTarget, ImportValue } from "../platform/sheets/profile.ts";
import { Campaign, refuseArchived } from "./campaign.ts";
import { PERSON_NAME } from "./eligible-person.ts";
import { campaignFor } from "./policy.ts";
import {
  EMAIL,
  linkedElsewhere,
  missingPeople,
  newPerson,
  OPERATION,
  type OperationsByName,
  operationsByName,
  peopleOf,
  personKey,
  sharedAddress,
} from "./queries/people-imports.ts";
import { listSegments } from "./queries/segments.ts";
import { holdStatuses } from "./queries/statuses.ts";
import { segmentKey } from "./segment.ts";

const NUMBER = "matricule";
const MANAGER = "responsable";
const AGENT = "@agent";
/** What the directory says of whoever is in it, and a file no more. */
const OF_DIRECTORY = [NUMBER, EMAIL, "nom", "prenom", "service", "site", MANAGER];
const LONGEST = 120;

/** The people a campaign concerns, brought in by a file of rows [IMP-50 to IMP-53]. */
export const peopleImports: ImportProfile = {
  kind: "personnes",
  title: "Importer des personnes concernées",
  noun: ["personne", "personnes"],
  right: "bookings.place",
  holdsPeople: true,
  examples: [{ file: "personnes.csv", label: "Vingt personnes", hint: "CSV\u00a0: de l’annuaire, et d’ailleurs." }],
  table: "eligible_person",
  named: PERSON_NAME.replaceAll("r.", "t."),
  async place(em, user, scopeId) {
    if (scopeId === null) return null;
    const { campaign, may } = await campaignFor(em, user as SignedIn, scopeId, "bookings.place");
    const path = `/campagnes/${campaign.id}/personnes`;
    return { label: campaign.name, path, governs: may("campaigns.undo"), mayAddColumns: false };
  },
  async admit(em, scopeId) {
    refuseArchived(await em.findOneOrFail(Campaign, { id: scopeId! }));
  },
  async open(em, about, mapping) {
    const campaign = await em.findOneOrFail(Campaign, { id: about.scopeId! });
    const staff = await wholeStaff(em);
    const segments = await listSegments(em, campaign.id);
    // The names of a hundred thousand operations are read for a file that gives some, and no other.
    const isAsked = mapping?.columns.some((column) => column?.code === OPERATION) ?? false;
    const operations = await operationsByName(em, campaign.id, { isAsked });
    const found = (values: Record<string, ImportValue | null>) =>
      staff.keyed(String(values[NUMBER] ?? "")) ?? staff.keyed(String(values[EMAIL] ?? ""));
    return {
      targets: targetsOf(staff, segments, operations),
      key: [NUMBER, EMAIL],
      identity: {
        of(values) {
          const id = found(values);
          if (id) return `annuaire ${id}`;
          if (values[NUMBER]) return `matricule ${values[NUMBER]}`;
          return values[EMAIL] ? `adresse ${values[EMAIL]}` : null;
        },
        told: personKey,
        words:
          "Une personne se reconnaît à son matricule, sinon à son e-mail\u00a0: dans l’annuaire d’abord, sinon parmi celles de cette campagne.",
        twice: "Cette personne est déjà",
        missing: "Donnez un matricule ou un e-mail\u00a0: sans eux, rien ne dit de qui il s’agit.",
      },
      basis: JSON.stringify([campaign.version, staff.mark, segments, operations.mark]),
      within: peopleOf(campaign.id),
      ...newPerson(campaign.id),
      derived: [{ ...agent(staff), store: { column: "staff_member_id", type: "uuid" } }],
      // Of somebody of the directory, it says everything: a file would be a second truth.
      derive(values) {
        const id = found(values);
        if (!id) return values;
        return { ...values, ...Object.fromEntries(OF_DIRECTORY.map((code) => [code, null])), [AGENT]: id };
      },
      nameOf: (values) => [values.prenom, values.nom, values[NUMBER] ?? values[EMAIL]].filter(Boolean).join(" "),
      rules: [sharedAddress(campaign.id), linkedElsewhere],
      // Archived or thrown away since, it takes nobody more (CAM-8).
      async hold(em) {
        await holdStatuses(em, { campaignId: campaign.id });
        refuseArchived(await em.findOneOrFail(Campaign, { id: campaign.id }));
      },
      missing: missingPeople,
    };
  },
};

/** A reader made of one that throws. */
const reading =
  (read: (text: string) => string): ImportTarget["reader"] =>
  () =>
  (text): ImportAnswer => {
    try {
      return { value: read(text) };
    } catch (error) {
      if (error instanceof RuleBroken) return { problem: error.message };
      throw error;
    }
  };

const line = reading((text) => {
  if (text.length > LONGEST) throw new RuleBroken(`Raccourcissez à ${LONGEST} caractères.`);
  return text.replace(/\s+/gu, " ");
});

const agent = (staff: StaffCalled): Pick<ImportTarget, "code" | "label" | "reader" | "show"> => ({
  code: AGENT,
  label: "Personne de l’annuaire",
  reader: () => (text) => ({ value: text }),
  show: (id) => staff.names.get(String(id)) ?? "Personne inconnue",
});

function targetsOf(
  staff: StaffCalled,
  segments: readonly { id: string; name: string; values: readonly string[] }[],
  operations: OperationsByName,
): ImportTarget[] {
  const bySegment = new Map(
    segments.flatMap(({ id, name, values }) => [segmentKey(name), ...values].map((key) => [key, id] as const)),
  );
  const segmentNames = new Map(segments.map(({ id, name }) => [id, name]));
  const isYes = readerOf(newField({ code: "inscription", label: "Peut s’inscrire", type: "boolean" }), {
    zone: "UTC",
    defaultHour: "09:00",
  });
  return [
    {
      code: NUMBER,
      label: "Matricule",
      aliases: ["numéro d'agent", "n° agent", "identifiant", "numéro"],
      hint: "Le matricule, ou à défaut l’e-mail",
      samples: ["A00421", ""],
      store: { column: "staff_number", type: "text" },
      reader: reading(tidyStaffNumber),
    },
    {
      code: EMAIL,
      label: "E-mail",
      aliases: ["adresse", "courriel", "mail", "adresse électronique", "adresse e-mail"],
      hint: "L’e-mail, ou à défaut le matricule",
      samples: ["", "helene.lefevre@exemple.fr"],
      isUnique: true,
      store: { column: "email", type: "text" },
      reader: reading((text) => tidyAddress(text, "email")),
    },
    {
      code: "nom",
      label: "Nom",
      aliases: ["nom de famille", "nom d'usage"],
      samples: ["Garçon", "Lefèvre"],
      store: { column: "family_name", type: "text" },
      reader: line,
    },
    {
      code: "prenom",
      label: "Prénom",
      samples: ["Noël", "Hélène"],
      store: { column: "given_name", type: "text" },
      reader: line,
    },
    {
      code: "service",
      label: "Service",
      aliases: ["direction", "département"],
      samples: ["Voirie", "Partenaire"],
      store: { column: "department", type: "text" },
      reader: line,
    },
    {
      code: "site",
      label: "Site",
      aliases: ["lieu", "implantation"],
      samples: ["Hôtel de ville", ""],
      store: { column: "site", type: "text" },
      reader: line,
    },
    {
      code: MANAGER,
      label: "Matricule du responsable",
      aliases: ["responsable", "manager", "n+1", "supérieur"],
      hint: "Quelqu’un de l’annuaire",
      samples: ["", ""],
      store: { column: "manager_id", type: "uuid" },
      reader: () => (text) => {
        const id = staff.keyed(text.toUpperCase());
        return id ? { value: id } : { problem: "Ce matricule n’est pas dans l’annuaire." };
      },
      show: (id) => staff.names.get(String(id)) ?? "Personne inconnue",
    },
    {
      code: "segment",
      label: "Segment",
      hint: "Un segment de la campagne",
      options: segments.map(({ name }) => name),
      store: { column: "segment_id", type: "uuid" },
      reader: () => (text) => {
        const id = bySegment.get(segmentKey(text));
        return id ? { value: id } : { problem: "Ce segment n’est pas dans la campagne." };
      },
      show: (id) => segmentNames.get(String(id)) ?? "Retiré",
    },
    {
      code: OPERATION,
      label: "Opération",
      aliases: ["cible", "poste", "équipement"],
      hint: "Le nom d’une opération de la campagne",
      isUnique: true,
      store: { column: "operation_id", type: "uuid" },
      reader: () => operations.read,
      show: (id) => operations.nameOf(String(id)) ?? "Retirée",
    },
    {
      code: "inscription",
      label: "Peut s’inscrire",
      aliases: ["peut réserver", "inscription", "autorisée"],
      hint: "Oui ou non",
      options: ["Oui", "Non"],
      store: { column: "may_book", type: "boolean", empty: true },
      reader: () => (text) => {
        const answer = isYes(text);
        if ("problem" in answer) return answer;
        return { value: answer.value ?? true };
      },
      show: (value) => (value ? "Oui" : "Non"),
    },
  ];
}
