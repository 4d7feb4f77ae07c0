import { isDeepStrictEqual } from "node:util";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type SignedIn, Tenant } from "../accounts/index.ts";
import { codeFor, FIELD_TYPES, type FieldDefinition, proposeType, showValue, TYPE_LABELS } from "../fields/index.ts";
import { Conflict } from "../platform/errors.ts";
import type { ImportProfile, ImportTarget, Mapping, OpenImport } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import { Campaign, refuseArchived } from "./campaign.ts";
import { UNREAD } from "./export-profile.ts";
import { addFields, fieldsOf, removeField } from "./field.ts";
import { courseOf } from "./import-course.ts";
import { freshFields, titleAmong } from "./import-fields.ts";
import { addSegments, newSegments, segmentsOf, segmentsWords } from "./import-segments.ts";
import { fieldTarget, isTyped, readingOf, specialTargets } from "./import-targets.ts";
import { searchedIn, titleFieldOf } from "./naming.ts";
import { holdUnique } from "./operation.ts";
import { type Plan, planFor, withEverybody } from "./plan.ts";
import { campaignFor } from "./policy.ts";
import { hasOperations, holdFields } from "./queries/definitions.ts";
import { missingSql, stepSql } from "./queries/import-steps.ts";
import {
  changedOperations,
  DATE,
  knownElsewhere,
  liveIn,
  newIn,
  nextVersion,
  rememberNames,
  SEARCH,
  SEGMENT,
  STATUS,
  seenAmong,
  sharedValueRule,
  TITLE,
  techniciansCalled,
} from "./queries/imports.ts";
import { listSegments } from "./queries/segments.ts";
import { holdStatuses, workflowNow } from "./queries/statuses.ts";
import { searchAnew } from "./search.ts";
import { isFirstField } from "./taken-type.ts";

const NOUN = ["opération", "opérations"] as const;
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
      hint: "27 postes, avec chaque erreur qu’un fichier peut avoir dans une campagne vide.",
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
  course: courseOf,
  async admit(em, scopeId) {
    refuseArchived(await em.findOneOrFail(Campaign, { id: scopeId! }));
  },
  async tell(em, user, notices) {
    const seen = await seenAmong(
      em,
      user as SignedIn,
      Object.keys(notices).filter((key) => !key.includes(" ")),
    );
    return [
      ...segmentsWords(notices).map((text) => ({ text })),
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

async function openOn(
  em: EntityManager,
  given: Plan,
  mapping: Mapping | null,
  about: Parameters<ImportProfile["open"]>[1],
): Promise<OpenImport> {
  const { campaign } = given;
  const made = freshFields(given, mapping);
  const every = [...given.fields, ...made];
  const own = titleFieldOf(campaign, given.fields);
  const isFirst = !(await hasOperations(em, campaign));
  const title = isFirst || !own ? titleAmong(every, mapping, { titleField: campaign.titleField, own }) : own;
  const codes = new Set(mapping?.columns.flatMap((chosen) => chosen?.code ?? []) ?? []);
  const spare = isFirst && own && own !== title && isFirstField(own) && !codes.has(own.code) ? own : undefined;
  const fields = every.filter((field) => field !== spare);
  // The directory is read for a file that names people of it, and no other.
  const namesPeople = fields.some(({ code, type }) => type === "person" && codes.has(code));
  const plan = namesPeople ? await withEverybody(em, given) : { ...given, mark: null };
  const segments = await segmentsOf(em, campaign, about);
  const steps = stepSql(given, about);
  const specials = await specialTargets(em, plan, segments);
  const isOfField = campaign.segmentField !== null && codes.has(campaign.segmentField!) && !codes.has(SEGMENT);
  const segmentTarget = specials.find(({ code }) => code === SEGMENT)!;
  const derived: ImportTarget[] = [
    { ...segmentTarget, code: TITLE, label: "Nom", store: { column: "title", type: "text" } },
    ...(isOfField ? [{ ...segmentTarget, code: OF_FIELD }] : []),
  ].map((target) => (target.code === TITLE ? withoutKept(target) : target));
  const asked = codes.has(SEGMENT) ? SEGMENT : isOfField ? OF_FIELD : null;
  const added = new Set<string>();
  const isPlanned = codes.has(DATE) || codes.has(STATUS);
  return {
    targets: [...fields.filter(isTyped).map((field) => fieldTarget(plan, field, field === title)), ...specials],
    key: own && isTyped(own) ? [own.code] : [],
    ...(own && { main: own.code }),
    unread: UNREAD,
    ...((isFirst || !own) && {
      naming: { kept: fields.find(({ code }) => code === campaign.titleField)?.label ?? null },
    }),
    fresh: {
      propose: (samples) => proposeType(samples, readingOf(plan)),
      types: FIELD_TYPES.filter((type) => isTyped({ type })).map((value) => ({ value, label: TYPE_LABELS[value] })),
      codeOf: codeFor,
    },
    basis: JSON.stringify([
      campaign.version,
      isFirst,
      plan.fields,
      await listSegments(em, campaign.id),
      [...(await techniciansCalled(em))].sort(),
      plan.mark,
    ]),
    within: liveIn(campaign.id),
    created: { ...newIn(campaign.id), ...steps.created },
    touched: { version: nextVersion, ...(isPlanned && steps.touched) },
    ...(isPlanned && { once: steps.once }),
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
        if (isWritten) values[SEARCH] = searchedIn({ ...plan, fields }, text, values as never);
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
      if (title && (isFirst || !own || now.titleField == null)) now.titleField = title.code;
      const left = spare && (await fieldsOf(em, now)).find(({ code }) => code === spare.code);
      if (left) removeField(em, now, left, { isTitle: false, by: about.author, now: about.now });
      await em.flush();
    },
    async hold(em) {
      await sameWorkflow(em, plan);
      await sameFields(em, plan, codes);
      const unique = fields.filter(({ code, isUnique }) => isUnique && codes.has(code)).map(({ code }) => code);
      if (unique.length > 0) await holdUnique(em, campaign, unique);
    },
    async before(em) {
      if (asked) await addSegments(em, campaign, segments, asked, about.author);
    },
    async after(em) {
      await searchAnew(em, await changedOperations(em));
    },
    async look(em) {
      await rememberNames(em);
      if (!asked) return;
      for (const notice of await newSegments(em, asked, segments)) added.add(notice);
    },
    async noticed(em) {
      return {
        ...Object.fromEntries([...added].map((notice) => [notice, 1])),
        ...(await knownElsewhere(em, campaign.id)),
      };
    },
    missing: missingSql(given, about),
  };
}

/** The steps of a file were told from the workflow it was opened on: under another, they would lead nowhere (WFL-6). Nor is an archived campaign written (CAM-8). */
async function sameWorkflow(em: EntityManager, { campaign, workflow }: Plan): Promise<void> {
  await holdStatuses(em, { campaignId: campaign.id });
  const now = await workflowNow(em, campaign.id, workflow);
  refuseArchived(now);
  if (now.isSame) return;
  throw new Conflict(
    "Le flux de la campagne a changé pendant cet import\u00a0: il s’est arrêté là. Vérifiez de nouveau le fichier, puis relancez-le.",
  );
}

/**
 * Its cells were read by the fields of then: of another type, or removed, a field would hold what nobody reads (FLD-6); unique by
 * now, what several share (FLD-3); read otherwise, or found, it would name, group and be sought by its former words.
 */
async function sameFields(em: EntityManager, { campaign, fields }: Plan, codes: ReadonlySet<string>): Promise<void> {
  const now = new Map((await holdFields(em, campaign)).map((field) => [field.code, field]));
  const told = (field: FieldDefinition | undefined) =>
    field && [field.type, field.rules, field.isUnique, field.isSearchable];
  const changed = fields.find(
    (field) => codes.has(field.code) && !isDeepStrictEqual(told(field), told(now.get(field.code))),
  );
  if (!changed) return;
  throw new Conflict(
    `Le champ «\u00a0${changed.label}\u00a0» a changé pendant cet import\u00a0: il s’est arrêté là. Vérifiez de nouveau le fichier, puis relancez-le.`,
  );
}

const withoutKept = ({ keptWhere: _kept, ...target }: ImportTarget): ImportTarget => target;
