import type { EntityManager } from "@mikro-orm/postgresql";
import {
  bare,
  type FieldDefinition,
  type FieldType,
  readerOf,
  readMoment,
  samplesOf,
  showValue,
  TYPE_LABELS,
} from "../fields/index.ts";
import type { ImportTarget } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import type { Segments } from "./import-segments.ts";
import { LONGEST_NOTES, MOST_CAPACITY } from "./operation.ts";
import type { Plan } from "./plan.ts";
import { DATE, handSet, MINUTES, SEGMENT, STATUS, techniciansCalled } from "./queries/imports.ts";

/** What columns of a file of operations may say. */

const HOUR = "heure";

/** Whether a cell can say a value of this type. */
export const isTyped = ({ type }: { type: FieldType }) => type !== "attachment";

/** How the texts of a file are read in this campaign. */
export const readingOf = ({ campaign, zone, person }: Plan) => ({
  zone,
  defaultHour: campaign.defaultHour,
  ...(person && { person }),
});

/** What is not a text in a workbook. */
const HELD: Partial<Record<FieldType, ImportTarget["holds"]>> = {
  number: "number",
  date: "date",
  datetime: "moment",
};

/** A column that gives a field. */
export function fieldTarget(plan: Plan, field: FieldDefinition, isTitle: boolean): ImportTarget {
  const { code, label, type, help, rules, isMandatory, isUnique } = field;
  const options = rules.options?.filter(({ isRetired }) => !isRetired).map((option) => option.label);
  return {
    code,
    label,
    hint: help || (type === "person" ? "Matricule, e-mail ou nom d’une personne de l’annuaire" : TYPE_LABELS[type]),
    ...((type === "single_choice" || type === "boolean") && { options: options ?? ["Oui", "Non"] }),
    isSplit: type === "multiple_choice",
    samples: samplesOf(field),
    holds: HELD[type] ?? "text",
    isRequired: isMandatory || isTitle,
    isUnique,
    mayBeKey: !["long_text", "multiple_choice", "boolean", "person"].includes(type),
    store: { json: "values" },
    tellsDamage: true,
    reader(reading) {
      const read = readerOf(field, { ...readingOf(plan), ...reading });
      return (text) => {
        const answer = read(text);
        if ("problem" in answer) return answer;
        // A text of separators alone says nothing.
        return answer.value === null ? { problem: "Cette case ne dit rien." } : { value: answer.value };
      };
    },
    show: (value) => showValue(field, value, plan),
  };
}

/** What a file says of an operation besides its fields. */
export async function specialTargets(em: EntityManager, plan: Plan, segments: Segments): Promise<ImportTarget[]> {
  const { workflow, zone } = plan;
  const technicians = await techniciansCalled(em);
  const names = new Map([...technicians].flatMap(([name, id]) => (id && !name.includes("@") ? [[id, name]] : [])));
  const statuses = new Map(
    workflow.statuses.flatMap(({ code, label }) => [
      [bare(code), code],
      [bare(label), code],
    ]),
  );
  const whole =
    (least: number, most: number): ImportTarget["reader"] =>
    () =>
    (text) => {
      const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most
        ? { value }
        : { problem: `Écrivez un nombre entier de ${fr.number(least)} à ${fr.number(most)}.` };
    };
  return [
    {
      code: DATE,
      label: "Planifiée le",
      aliases: ["date", "date prévue", "date planifiée", "planifiée", "jour", "date d'intervention", "rendez-vous"],
      hint: "Date, avec son heure ou sans",
      samples: ["12/01/2027", "13/01/2027"],
      holds: "date",
      beside: HOUR,
      tellsDamage: true,
      store: { column: "planned_at", type: "timestamptz" },
      reader: (reading) => (text, hour) => {
        const answer = readMoment(text, hour, { ...readingOf(plan), ...reading });
        if ("problem" in answer) return answer;
        return answer.value === null ? { problem: "Cette case ne dit rien." } : { value: answer.value };
      },
      show: (value) => fr.dateTime(new Date(String(value)), zone),
    },
    {
      code: HOUR,
      label: "Heure prévue",
      aliases: ["heure", "heure planifiée", "heure d'intervention", "heure prévue"],
      hint: "Heure, comme 09:30",
      samples: ["09:00", "14:30"],
      holds: "time",
      store: null,
      reader: () => () => ({ value: "" }),
    },
    {
      code: SEGMENT,
      label: "Segment",
      aliases: ["lot", "vague", "bâtiment", "groupe"],
      hint: "Créé s’il n’existe pas",
      samples: ["Bâtiment A", "Bâtiment B"],
      store: { column: "segment_id", type: "uuid" },
      keptWhere: handSet,
      reader: () => segments.read,
      show: (value) => segments.nameOf(String(value)) ?? "Segment retiré",
    },
    {
      code: "technicien",
      label: "Technicien",
      aliases: ["technicienne", "intervenant", "affectée à", "affecté à", "assigné à"],
      hint: "Adresse électronique, ou prénom et nom",
      store: { column: "technician_id", type: "uuid" },
      reader: () => (text) => {
        const id = technicians.get(text.includes("@") ? text.toLowerCase() : bare(text));
        if (id) return { value: id };
        return {
          problem:
            id === null
              ? "Plusieurs techniciens portent ce nom\u00a0: écrivez l’adresse électronique."
              : "Aucun technicien actif n’a ce nom ni cette adresse.",
        };
      },
      show: (value) => names.get(String(value)) ?? "Technicien retiré",
    },
    {
      code: STATUS,
      label: "Statut",
      aliases: ["état", "avancement", "etat d'avancement"],
      hint: "Un statut du flux de la campagne",
      options: workflow.statuses.map(({ label }) => label),
      store: { column: "status", type: "text" },
      reader: () => (text) => {
        const code = statuses.get(bare(text));
        if (code) return { value: code };
        const labels = workflow.statuses.map(({ label }) => `«\u00a0${label}\u00a0»`);
        return { problem: `Ce statut n’est pas dans le flux de la campagne. Écrivez ${fr.list(labels)}.` };
      },
      show: (value) => workflow.statuses.find(({ code }) => code === value)?.label ?? String(value),
    },
    {
      code: "notes",
      label: "Notes",
      aliases: ["commentaire", "commentaires", "remarque", "remarques", "observation", "observations"],
      hint: "Texte libre",
      samples: ["Accès par l’entrée côté cour", ""],
      store: { column: "notes", type: "text", empty: "" },
      reader: () => (text) =>
        text.length > LONGEST_NOTES
          ? { problem: `Raccourcissez à ${fr.number(LONGEST_NOTES)} caractères.` }
          : { value: text.replace(/\r\n?/g, "\n") },
    },
    {
      code: MINUTES,
      label: "Durée en minutes",
      aliases: ["durée", "temps passé", "minutes", "durée (minutes)", "temps passé (minutes)"],
      hint: "De 1 à 1\u202f440",
      samples: ["30", "45"],
      holds: "number",
      store: { column: "minutes", type: "int" },
      reader: whole(1, 1_440),
    },
    {
      code: "places",
      label: "Places",
      aliases: ["capacité", "nombre de places"],
      hint: "Nombre entier, 1 par défaut",
      samples: ["1", "1"],
      holds: "number",
      store: { column: "capacity", type: "int", empty: 1 },
      reader: whole(1, MOST_CAPACITY),
    },
  ];
}
