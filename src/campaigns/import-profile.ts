import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type SignedIn, Tenant } from "../accounts/index.ts";
import {
  bare,
  checkField,
  codeFor,
  FIELD_TYPES,
  type FieldDefinition,
  type FieldType,
  MOST_FIELDS,
  newField,
  proposeType,
  readerOf,
  readMoment,
  samplesOf,
  searchText,
  showValue,
  TYPE_LABELS,
  tidy,
} from "../fields/index.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import type { FreshColumn, ImportProfile, ImportTarget, Mapping, OpenImport } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import { Campaign, refuseArchived } from "./campaign.ts";
import { UNREAD } from "./export-profile.ts";
import { addFields } from "./field.ts";
import { searchAnew, titleFieldOf } from "./naming.ts";
import { LONGEST_NOTES } from "./operation.ts";
import { type Plan, planFor, withEverybody } from "./plan.ts";
import { campaignFor } from "./policy.ts";
import {
  changedOperations,
  DATE,
  handSet,
  knownElsewhere,
  liveIn,
  missingSql,
  newIn,
  nextVersion,
  rememberNames,
  SEARCH,
  SEGMENT,
  STATUS,
  seenAmong,
  segmentsAsked,
  sendToSegments,
  sharedValueRule,
  stepSql,
  TITLE,
  techniciansCalled,
} from "./queries/imports.ts";
import { listSegments } from "./queries/segments.ts";
import { holdStatuses, isWorkflowStill } from "./queries/statuses.ts";
import { MOST_SEGMENTS, segmentKey, segmentsOfValues } from "./segment.ts";

const NOUN = ["opération", "opérations"] as const;
const HOUR = "heure";
const OF_FIELD = "@segment";

/** Operations of a campaign, brought in by a file of rows [IMP-18 to IMP-26]. */
export const operationImports: ImportProfile = {
  kind: "operations",
  title: "Importer des opérations",
  noun: NOUN,
  right: "operations.manage",
  examples: [
    { file: "operations.csv", label: "Fichier sans défaut", hint: "60 postes, CSV en UTF-8." },
    {
      file: "operations-windows-1252.csv",
      label: "Export d’un tableur français",
      hint: "40 postes, CSV en Windows-1252, avec œ et €.",
    },
    {
      file: "operations-a-corriger.csv",
      label: "Fichier à corriger",
      hint: "24 postes, où presque tout ce qui peut arriver est arrivé.",
    },
    {
      file: "operations.xlsx",
      label: "Classeur",
      hint: "30 postes, XLSX, dates et heures typées, deux lignes masquées.",
    },
  ],
  table: "operation",
  named: "t.title",
  async place(em, user, scopeId) {
    if (scopeId === null) return null;
    const { campaign, may } = await campaignFor(em, user as SignedIn, scopeId, "operations.manage");
    return {
      label: campaign.name,
      path: `/campagnes/${campaign.id}/operations`,
      governs: may("campaigns.undo"),
      mayAddColumns: may("campaigns.configure"),
    };
  },
  async admit(em, scopeId) {
    refuseArchived(await em.findOneOrFail(Campaign, { id: scopeId! }));
  },
  async tell(em, user, notices) {
    const [made, elsewhere] = partition(Object.keys(notices), (key) => key.startsWith(MADE));
    const seen = await seenAmong(em, user as SignedIn, elsewhere);
    return [
      ...(made.length > 0 ? [{ text: segmentsWords(made.map((key) => key.slice(MADE.length))) }] : []),
      ...seen.map(({ id, name }) => ({
        text: `${fr.count(notices[id]!, "opération à créer porte", "opérations à créer portent")} le nom d’une opération de «\u00a0${name}\u00a0».`,
        href: `/campagnes/${id}/operations`,
      })),
    ];
  },
  async open(em, about, mapping) {
    const campaign = await em.findOneOrFail(Campaign, { id: about.scopeId! });
    const { zone } = await em.findOneOrFail(Tenant, { id: about.tenantId });
    const plan = await planFor(em, campaign, zone);
    return openOn(em, plan, mapping, about);
  },
};

/** Before the name of a segment the file asks for, among what a check noticed [IMP-28]. */
const MADE = "segment ";
const MOST_TOLD = 20;

function segmentsWords(names: readonly string[]): string {
  const told = names.slice(0, MOST_TOLD).map((name) => `«\u00a0${name}\u00a0»`);
  const more = names.length - told.length;
  const head = names.length < 2 ? "Ce fichier ajoute un segment" : `Ce fichier ajoute ${names.length} segments`;
  return `${head}\u00a0: ${fr.list(more > 0 ? [...told, fr.count(more, "autre", "autres")] : told)}.`;
}

function partition<T>(list: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [list.filter(isFirst), list.filter((one) => !isFirst(one))];
}

const isTyped = ({ type }: { type: FieldType }) => type !== "attachment";

async function openOn(
  em: EntityManager,
  given: Plan,
  mapping: Mapping | null,
  about: Parameters<ImportProfile["open"]>[1],
): Promise<OpenImport> {
  const { campaign, workflow } = given;
  const made = freshFields(given, mapping);
  const fields = [...given.fields, ...made];
  const own = titleFieldOf(campaign, given.fields);
  const title = own ?? titleAmong(fields, mapping);
  const codes = new Set(mapping?.columns.flatMap((chosen) => chosen?.code ?? []) ?? []);
  // The directory is read for a file that names people of it, and no other.
  const namesPeople = fields.some(({ code, type }) => type === "person" && codes.has(code));
  const plan = namesPeople ? await withEverybody(em, given) : { ...given, mark: null };
  const segments = await segmentsOf(em, campaign);
  const steps = stepSql(workflow, about);
  const specials = await specialTargets(em, plan, segments);
  const isOfField = campaign.segmentField !== null && codes.has(campaign.segmentField!) && !codes.has(SEGMENT);
  const segmentTarget = specials.find(({ code }) => code === SEGMENT)!;
  const derived: ImportTarget[] = [
    { ...segmentTarget, code: TITLE, label: "Nom", store: { column: "title", type: "text" } },
    ...(isOfField ? [{ ...segmentTarget, code: OF_FIELD }] : []),
  ].map((target) => (target.code === TITLE ? withoutKept(target) : target));
  const asked = codes.has(SEGMENT) ? SEGMENT : isOfField ? OF_FIELD : null;
  const bornNames = new Set<string>();
  const isPlanned = codes.has(DATE) || codes.has(STATUS);
  return {
    targets: [...fields.filter(isTyped).map((field) => fieldTarget(plan, field, field === title)), ...specials],
    key: own && isTyped(own) ? [own.code] : [],
    ...(own && { main: own.code }),
    unread: UNREAD,
    ...(!own && { titles: fields.map(({ code }) => code) }),
    fresh: {
      propose: (samples) => proposeType(samples, readingOf(plan)),
      types: FIELD_TYPES.filter((type) => isTyped({ type })).map((value) => ({ value, label: TYPE_LABELS[value] })),
      codeOf: codeFor,
    },
    basis: JSON.stringify([
      campaign.version,
      plan.fields,
      await listSegments(em, campaign.id),
      [...(await techniciansCalled(em))].sort(),
      plan.mark,
    ]),
    within: liveIn(campaign.id),
    created: { ...newIn(campaign.id), ...steps.created },
    touched: { version: nextVersion, ...(isPlanned && steps.touched) },
    rules: [
      ...(isPlanned ? steps.rules : []),
      ...fields
        .filter(
          ({ code, isUnique }) =>
            isUnique && codes.has(code) && !(mapping!.key.length === 1 && mapping!.key[0] === code),
        )
        .map((field) => sharedValueRule(campaign.id, field)),
    ],
    derived,
    derive(values, isWritten) {
      const named = title && values[title.code];
      if (title && named !== null && named !== undefined) {
        const text = showValue(title, named, plan).slice(0, 255);
        values[TITLE] = text;
        if (isWritten) values[SEARCH] = bare(`${text} ${searchText(fields, values as never)}`);
      }
      if (isOfField && campaign.segmentField! in values) {
        const value = values[campaign.segmentField!];
        const field = fields.find(({ code }) => code === campaign.segmentField)!;
        const answer = value === null || value === undefined ? null : segments.read(showValue(field, value, plan));
        values[OF_FIELD] = answer && "value" in answer ? answer.value : null;
      }
      return values;
    },
    async begin(em) {
      const now = await em.findOneOrFail(Campaign, { id: campaign.id });
      refuseArchived(now);
      if (made.length > 0) await addFields(em, now, made, { by: about.author });
      if (!own && title && now.titleField === null) now.titleField = title.code;
      await em.flush();
    },
    hold: (em) => sameWorkflow(em, plan),
    async before(em) {
      if (asked) await addSegments(em, campaign, segments, asked, about.author);
    },
    async after(em) {
      await searchAnew(em, await changedOperations(em));
    },
    async look(em) {
      await rememberNames(em);
      if (!asked) return;
      for (const id of await segmentsAsked(em, asked)) if (!segments.isKnown(id)) bornNames.add(segments.nameOf(id)!);
    },
    async noticed(em) {
      const born = Object.fromEntries([...bornNames].map((name) => [MADE + name, 1]));
      return { ...born, ...(await knownElsewhere(em, campaign.id)) };
    },
    missing: missingSql(workflow),
  };
}

/** The steps of a file were told from the workflow it was opened on: under another, they would lead nowhere (WFL-6). */
async function sameWorkflow(em: EntityManager, { campaign, workflow }: Plan): Promise<void> {
  await holdStatuses(em, { campaignId: campaign.id });
  if (await isWorkflowStill(em, campaign.id, workflow)) return;
  throw new Conflict(
    "Le flux de la campagne a changé pendant cet import\u00a0: il s’est arrêté là. Vérifiez de nouveau le fichier, puis relancez-le.",
  );
}

const withoutKept = ({ keptWhere: _kept, ...target }: ImportTarget): ImportTarget => target;

const readingOf = ({ campaign, zone, person }: Plan) => ({
  zone,
  defaultHour: campaign.defaultHour,
  ...(person && { person }),
});

/** The fields this file asks for and the campaign does not have yet. Throws RuleBroken for one that breaks its own rules. */
function freshFields({ fields }: Plan, mapping: Mapping | null): FieldDefinition[] {
  const made: FieldDefinition[] = [];
  for (const chosen of mapping?.columns ?? []) {
    if (!chosen?.fresh || fields.some(({ code }) => code === chosen.code)) continue;
    const field = fieldOf(chosen.code, chosen.fresh, chosen.separator);
    try {
      checkField(field, [...fields, ...made]);
    } catch (error) {
      if (!(error instanceof RuleBroken)) throw error;
      throw new RuleBroken(`Colonne «\u00a0${field.label}\u00a0»\u00a0: ${fr.afterColon(error.message)}`, "mapping");
    }
    made.push(field);
  }
  if (fields.length + made.length > MOST_FIELDS) {
    throw new RuleBroken(
      `Cela ferait ${fields.length + made.length} champs\u00a0: ${MOST_FIELDS} au plus. Ignorez des colonnes.`,
      "mapping",
    );
  }
  return made;
}

function fieldOf(code: string, { label, type, choices }: FreshColumn, separator = "|"): FieldDefinition {
  const isChoice = type === "single_choice" || type === "multiple_choice";
  if (isChoice && !choices) {
    throw new RuleBroken(
      `La colonne «\u00a0${label}\u00a0» a plus de 50 valeurs\u00a0: ce n’est pas un choix. Prenez un texte.`,
      "mapping",
    );
  }
  const words = (choices ?? [])
    .flatMap((text) => (type === "multiple_choice" ? text.split(separator) : [text]))
    .map(tidy);
  const labels = [...new Map(words.filter(Boolean).map((word) => [bare(word), word])).values()];
  const taken = new Set<string>();
  const options = labels.map((word) => {
    const made = codeFor(word, taken);
    taken.add(made);
    return { code: made, label: word, isRetired: false };
  });
  return newField({
    code,
    label: tidy(label).slice(0, 100),
    type: type as FieldType,
    isSearchable: type === "short_text",
    rules: isChoice ? { options } : {},
  });
}

/** What names operations where the campaign does not say it yet: the one chosen, else the key, else the first text (FLD-2). */
function titleAmong(fields: FieldDefinition[], mapping: Mapping | null): FieldDefinition | undefined {
  if (!mapping || mapping.columns.length === 0) return undefined;
  const codes = mapping.columns.flatMap((chosen) => chosen?.code ?? []);
  const found = [mapping.title, mapping.key[0], ...codes]
    .map((code) => fields.find((field) => field.code === code))
    .find(
      (field) =>
        field !== undefined &&
        (field.code === mapping.title || field.code === mapping.key[0] || field.type === "short_text"),
    );
  if (!found) {
    throw new RuleBroken("Dites quelle colonne nomme les opérations, dans un champ de texte court.", "title");
  }
  return found;
}

/** What is not a text in a workbook. */
const HELD: Partial<Record<FieldType, ImportTarget["holds"]>> = {
  number: "number",
  date: "date",
  datetime: "moment",
};

function fieldTarget(plan: Plan, field: FieldDefinition, isTitle: boolean): ImportTarget {
  const { code, label, type, help, rules, isMandatory, isUnique } = field;
  const options = rules.options?.filter(({ isRetired }) => !isRetired).map((option) => option.label);
  return {
    code,
    label,
    hint: help || (type === "person" ? "Matricule, e-mail ou nom d’une personne de l’annuaire" : TYPE_LABELS[type]),
    ...((type === "single_choice" || type === "boolean") && { options: options ?? ["Oui", "Non"] }),
    samples: samplesOf(field),
    holds: HELD[type] ?? "text",
    isRequired: isMandatory || isTitle,
    isUnique,
    mayBeKey: !["long_text", "multiple_choice", "boolean", "person"].includes(type),
    store: { json: "values" },
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

type Read = ReturnType<ImportTarget["reader"]>;

interface Segments {
  read(text: string): ReturnType<Read>;
  nameOf(id: string): string | undefined;
  /** It was there before this file. */
  isKnown(id: string): boolean;
  /** The one that was made for this spelling. */
  isNow(text: string, id: string): void;
}

/** The segments there are, and those a file asks for, each given an id before it is made, to be told apart [SEG-2]. */
async function segmentsOf(em: EntityManager, campaign: Campaign): Promise<Segments> {
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  const known = await listSegments(em, campaign.id);
  for (const { id, name } of known) {
    ids.set(segmentKey(name), id);
    names.set(id, name);
  }
  for (const { id, values } of known) for (const key of values) ids.set(key, id);
  let count = known.length;
  return {
    nameOf: (id) => names.get(id),
    isKnown: (id) => known.some((one) => one.id === id),
    isNow(text, id) {
      ids.set(segmentKey(text), id);
      names.set(id, text);
    },
    read(text) {
      const key = segmentKey(text);
      const found = ids.get(key);
      if (found) return { value: found };
      if (count >= MOST_SEGMENTS) {
        return { problem: `Cela ferait plus de ${MOST_SEGMENTS} segments\u00a0: cette colonne va peut-être ailleurs.` };
      }
      count++;
      const id = randomUUIDv7();
      ids.set(key, id);
      names.set(id, tidy(text));
      return { value: id };
    },
  };
}

/** Makes the segments that lines to be written ask for, after those there are, and sends the lines there. */
async function addSegments(
  em: EntityManager,
  campaign: Campaign,
  segments: Segments,
  code: string,
  by: { id: string },
): Promise<void> {
  const known = new Set((await listSegments(em, campaign.id)).map(({ id }) => id));
  const missing = (await segmentsAsked(em, code)).filter((id) => !known.has(id));
  if (missing.length === 0) return;
  const names = missing.map((id) => segments.nameOf(id)!);
  const found = await segmentsOfValues(em, campaign, names, { by });
  await sendToSegments(
    em,
    code,
    Object.fromEntries(missing.map((id, rank) => [id, found.get(segmentKey(names[rank]!))!])),
  );
}

/** What a file says of an operation besides its fields. */
async function specialTargets(em: EntityManager, plan: Plan, segments: Segments): Promise<ImportTarget[]> {
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
      code: "minutes",
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
      reader: whole(1, 10_000),
    },
  ];
}
