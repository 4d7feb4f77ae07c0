import type { EntityManager } from "@mikro-orm/postgresql";
import { tidyAddress } from "../accounts/index.ts";
import { newField, readerOf } from "../fields/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import type { ImportAnswer, ImportProfile, ImportTarget, LineFault, SettledLine } from "../platform/sheets/profile.ts";
import { makePlaces, newPlaces, type Places, placesOf, placesWords } from "./import-places.ts";
import { readPhone, saidPhone } from "./phone.ts";
import {
  ACTIVE,
  EMAIL,
  everybody,
  isActive,
  type ManagerLink,
  managerLinks,
  missingStaff,
  PHONE,
  setManagers,
  sharedAddress,
  staffColumns,
} from "./queries/imports.ts";
import { holdDirectory } from "./queries/places.ts";
import { mayEditDirectory } from "./reach.ts";
import { LONGEST_NAME, tidyNumber } from "./staff-member.ts";
import { tidyName } from "./wording.ts";

const NUMBER = "matricule";
const MANAGER = "responsable";

/** People of the directory, brought in by a file of rows [IMP-46 to IMP-49]. */
export const staffImports: ImportProfile = {
  kind: "annuaire",
  title: "Importer des personnes",
  noun: ["personne", "personnes"],
  right: "directory.edit",
  holdsPeople: true,
  examples: [{ file: "annuaire.csv", label: "Trente personnes", hint: "CSV, avec leurs responsables." }],
  table: "staff_member",
  named: "t.given_name || ' ' || t.family_name",
  place: async (_em, user, scopeId) =>
    scopeId === null
      ? { label: "Annuaire", path: "/admin/annuaire", governs: mayEditDirectory(user as never), mayAddColumns: false }
      : null,
  tell: async (_em, _user, notices) => placesWords(notices).map((text) => ({ text })),
  async open(em, about, mapping) {
    const codes = mapping?.columns.flatMap((chosen) => chosen?.code ?? []) ?? [];
    const [departments, sites] = [await placesOf(em, "department", about), await placesOf(em, "site", about)];
    const spoken = [departments, sites].filter(({ code }) => codes.includes(code));
    const added = new Set<string>();
    return {
      targets: targetsOf(departments, sites),
      key: [NUMBER],
      basis: JSON.stringify([departments.known, sites.known]),
      within: everybody,
      ...staffColumns(about),
      rules: codes.includes(EMAIL) ? [sharedAddress] : [],
      nameOf: (values) => [values.prenom, values.nom, values[NUMBER]].filter(Boolean).join(" "),
      async before(em) {
        await holdDirectory(em, about.tenantId);
        for (const places of spoken) await makePlaces(em, about.tenantId, places);
      },
      async look(em) {
        for (const places of spoken) for (const notice of await newPlaces(em, places)) added.add(notice);
      },
      noticed: async () => Object.fromEntries([...added].map((notice) => [notice, 1])),
      ...(codes.includes(MANAGER) && {
        settled: { codes: [NUMBER, MANAGER], settle: (em, lines, writes) => settleManagers(em, lines, writes) },
      }),
      missing: missingStaff,
    };
  },
};

/** As many as somebody would look through, in a list of a template. */
const MOST_LISTED = 500;

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

function targetsOf(departments: Places, sites: Places): ImportTarget[] {
  const line = (field: string) => (text: string) => tidyName(text, field, LONGEST_NAME, "Écrivez un texte.");
  const place = ({
    code,
    known,
    read,
    nameOf,
  }: Places): Pick<ImportTarget, "code" | "reader" | "show" | "options"> => ({
    code,
    ...(known.length > 0 && { options: known.slice(0, MOST_LISTED) }),
    reader: () => read,
    show: (value) => nameOf(String(value)) ?? "Retiré",
  });
  const isYes = readerOf(newField({ code: ACTIVE, label: "Active", type: "boolean" }), {
    zone: "UTC",
    defaultHour: "09:00",
  });
  return [
    {
      code: NUMBER,
      label: "Matricule",
      aliases: ["numéro d'agent", "n° agent", "identifiant", "numéro"],
      hint: "De 3 à 50 signes",
      samples: ["A00421", "A00422"],
      isRequired: true,
      mayBeKey: true,
      store: { column: "staff_number", type: "text" },
      reader: reading(tidyNumber),
    },
    {
      code: "nom",
      label: "Nom",
      aliases: ["nom de famille", "nom d'usage"],
      samples: ["Lefèvre", "Garçon"],
      isRequired: true,
      store: { column: "family_name", type: "text" },
      reader: reading(line("familyName")),
    },
    {
      code: "prenom",
      label: "Prénom",
      samples: ["Hélène", "Noël"],
      isRequired: true,
      store: { column: "given_name", type: "text" },
      reader: reading(line("givenName")),
    },
    {
      code: EMAIL,
      label: "E-mail",
      aliases: ["adresse", "courriel", "mail", "adresse électronique", "adresse e-mail"],
      samples: ["helene.lefevre@exemple.fr", "noel.garcon@exemple.fr"],
      isUnique: true,
      store: { column: "email", type: "text" },
      reader: reading((text) => tidyAddress(text, "email")),
    },
    {
      ...place(departments),
      label: "Service",
      aliases: ["direction", "département"],
      hint: "Ajouté à l’annuaire s’il n’y est pas",
      store: { column: "department_id", type: "uuid" },
    },
    {
      ...place(sites),
      label: "Site",
      aliases: ["lieu", "implantation"],
      hint: "Ajouté à l’annuaire s’il n’y est pas",
      store: { column: "site_id", type: "uuid" },
    },
    {
      code: "fonction",
      label: "Fonction",
      aliases: ["rôle", "poste", "emploi"],
      samples: ["Gestionnaire", "Chargé d’études"],
      store: { column: "position", type: "text" },
      reader: reading(line("position")),
    },
    {
      code: "contrat",
      label: "Type de contrat",
      aliases: ["contrat", "statut"],
      samples: ["CDI", "CDD"],
      store: { column: "contract_type", type: "text" },
      reader: reading(line("contractType")),
    },
    {
      code: PHONE,
      label: "Téléphone",
      aliases: ["tél", "portable", "mobile", "numéro de téléphone"],
      samples: ["01 99 00 12 34", "01 99 00 12 35"],
      store: { column: "phone", type: "text" },
      reader: reading((text) => readPhone(text, "phone")!),
      show: (value) => saidPhone(String(value)),
    },
    {
      code: MANAGER,
      label: "Matricule du responsable",
      aliases: ["responsable", "manager", "n+1", "supérieur"],
      hint: "Dans le fichier ou dans l’annuaire",
      samples: ["A00422", ""],
      store: null,
      reader: reading(tidyNumber),
    },
    {
      code: ACTIVE,
      label: "Active",
      aliases: ["actif", "en poste"],
      hint: "Oui ou non",
      options: ["Oui", "Non"],
      store: { told: isActive, type: "boolean" },
      reader: () => (text) => {
        const answer = isYes(text);
        if ("problem" in answer) return answer;
        return { value: answer.value ?? true };
      },
      show: (value) => (value ? "Oui" : "Non"),
    },
  ];
}

const UNKNOWN =
  "Ce matricule n’est ni dans le fichier ni dans l’annuaire\u00a0: la personne est importée sans responsable.";
const SELF = "Une personne ne peut pas être son propre responsable\u00a0: elle est importée sans.";
const LOOP = "Ce lien formerait une boucle de responsables\u00a0: la personne est importée sans.";

/** Links people to who manages them once all are known, line by line: the first that closes a loop is left out [IMP-47]. */
async function settleManagers(
  em: EntityManager,
  lines: SettledLine[],
  writes: boolean,
): Promise<{ faults: LineFault[]; changed: number }> {
  const known = await managerLinks(em);
  const people = new Map<string, ManagerLink>(known.map((one) => [one.id, one]));
  const ids = new Map(known.map(({ id, number }) => [number, id]));
  for (const { rowId, values } of lines) {
    const number = String(values[NUMBER] ?? "");
    ids.set(number, rowId);
    if (!people.has(rowId)) people.set(rowId, { id: rowId, number, managerId: null });
  }
  const present = new Map(known.map(({ id, managerId }) => [id, managerId]));
  const faults: LineFault[] = [];
  const links: { id: string; manager: string | null }[] = [];
  // What the file says takes the place of what was there, before loops are looked for.
  for (const { rowId, values } of lines) if (MANAGER in values) people.get(rowId)!.managerId = null;
  for (const { line, rowId, values } of lines) {
    if (!(MANAGER in values)) continue;
    const value = values[MANAGER];
    if (value === null || value === undefined) {
      links.push({ id: rowId, manager: null });
      continue;
    }
    const manager = ids.get(String(value));
    const why =
      manager === undefined ? UNKNOWN : manager === rowId ? SELF : isUnder(people, manager, rowId) ? LOOP : null;
    if (why) faults.push({ line, code: MANAGER, value: String(value), reason: why });
    else people.get(rowId)!.managerId = manager!;
    links.push({ id: rowId, manager: why ? null : manager! });
  }
  if (writes && links.length > 0) await setManagers(em, links);
  const moved = new Set(links.flatMap(({ id, manager }) => ((present.get(id) ?? null) !== manager ? id : [])));
  return { faults, changed: lines.filter(({ rowId, isUnchanged }) => isUnchanged && moved.has(rowId)).length };
}

/** Whether one person is managed, near or far, by another. */
function isUnder(people: ReadonlyMap<string, ManagerLink>, start: string, above: string): boolean {
  const met = new Set<string>();
  for (let at: string | null | undefined = start; at && !met.has(at); at = people.get(at)?.managerId) {
    if (at === above) return true;
    met.add(at);
  }
  return false;
}
