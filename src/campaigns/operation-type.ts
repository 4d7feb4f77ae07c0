import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { type By, holdTenant } from "../accounts/index.ts";
import { bare, checkField, checkFields, type FieldDefinition, newField, tidy } from "../fields/index.ts";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { type Icon, PRESETS, type Preset, refusals, type Tone, type Workflow } from "../workflow/index.ts";
import { isTypeTaken } from "./queries/operation-types.ts";

export const MIN_MINUTES = 5;
export const MAX_MINUTES = 480;
export const LONGEST_TYPE_NAME = 100;

const schema = defineEntity({
  name: "OperationType",
  tableName: "operation_type",
  ...tenantTable,
  uniques: [{ properties: ["tenantId", "name"] }],
  checks: [{ name: "operation_type_duration", expression: "duration_minutes >= 5 and duration_minutes <= 480" }],
  properties: {
    ...tenantKey(),
    name: p.text(),
    description: p.text(),
    icon: p.text().$type<Icon>(),
    tone: p.text().$type<Tone>(),
    durationMinutes: p.integer(),
    fields: p.json<FieldDefinition[]>(),
    workflow: p.json<Workflow>(),
    retiredAt: p.datetime().nullable(),
    ...createdAt(),
    ...versioned(),
  },
});

/** What operations of one kind ask and how they go; each campaign takes a copy of it at its birth [TYP-1, TYP-4]. */
export class OperationType extends schema.class {
  isRetired() {
    return this.retiredAt != null;
  }
}
schema.setClass(OperationType);
export const OperationTypeSchema = schema;

export const aboutType = ({ id }: { id: string }) => ({ type: "operation_type", id });

/** What a new type proposes, each of which may be left out [TYP-2]. */
export const PROPOSED_FIELDS: readonly FieldDefinition[] = [
  newField({ code: "utilisateur", label: "Utilisateur", isSearchable: true, isPersonal: true }),
  newField({ code: "matricule", label: "Matricule", isSearchable: true, isPersonal: true }),
  newField({ code: "equipement", label: "Équipement", isSearchable: true }),
  newField({ code: "lieu", label: "Lieu", isSearchable: true }),
  newField({ code: "contact", label: "Contact", type: "phone", isListed: false, isPersonal: true }),
];

interface Said {
  tenantId: string;
  by: By;
}

export interface Identity {
  name: string;
  description: string;
  icon: Icon;
  tone: Tone;
  durationMinutes: number;
}

/** A type with some of the proposed fields and the workflow of a preset. Refused under a name another has [TYP-1, TYP-2]. The caller flushes. */
export async function createType(
  em: EntityManager,
  { fields, preset, ...identity }: Identity & { fields: readonly string[]; preset: Preset },
  said: Said,
): Promise<OperationType> {
  const kept = PROPOSED_FIELDS.filter(({ code }) => fields.includes(code));
  return addType(em, identity, { fields: kept, workflow: PRESETS[preset].workflow }, said, "operation_type.created");
}

/** "X (copie)", with the same fields and workflow; never retired [TYP-3]. The caller flushes. */
export async function copyType(em: EntityManager, type: OperationType, said: Said): Promise<OperationType> {
  const { description, icon, tone, durationMinutes, fields, workflow } = type;
  await holdTenant(em, said.tenantId);
  const taken = new Set((await em.find(OperationType, {})).map(({ name }) => bare(name)));
  const stem = type.name.slice(0, LONGEST_TYPE_NAME - 12);
  let name = `${stem} (copie)`;
  for (let n = 2; taken.has(bare(name)); n++) name = `${stem} (copie ${n})`;
  const identity = { name, description, icon, tone, durationMinutes };
  return addType(em, identity, { fields, workflow }, said, "operation_type.copied");
}

async function addType(
  em: EntityManager,
  identity: Identity,
  content: { fields: readonly FieldDefinition[]; workflow: Workflow },
  { tenantId, by }: Said,
  event: "operation_type.created" | "operation_type.copied",
): Promise<OperationType> {
  await holdTenant(em, tenantId);
  const type = em.create(OperationType, {
    tenantId,
    id: randomUUIDv7(),
    ...identity,
    name: await freeName(em, identity.name),
    fields: structuredClone([...content.fields]),
    workflow: structuredClone(content.workflow),
    retiredAt: null,
  });
  em.persist(type);
  record(em, event, aboutType(type), { by: by?.id ?? null });
  return type;
}

/** Another name, description, icon, tone or duration, under the rules of a creation. The caller flushes. */
export async function editType(
  em: EntityManager,
  type: OperationType,
  identity: Identity,
  { tenantId, by }: Said,
): Promise<void> {
  await holdTenant(em, tenantId);
  const name = await freeName(em, identity.name, type);
  Object.assign(type, identity, { name });
  record(em, "operation_type.edited", aboutType(type), { by: by?.id ?? null });
}

/** Not offered to new campaigns any more; those that took it keep it [TYP-3]. The caller flushes. */
export function retireType(em: EntityManager, type: OperationType, { by, now }: { by: By; now: Date }): void {
  if (type.isRetired()) throw new RuleBroken(`Le type « ${type.name} » est déjà retiré.`);
  type.retiredAt = now;
  record(em, "operation_type.retired", aboutType(type), { by: by?.id ?? null });
}

/** Offered again. The caller flushes. */
export function putBackType(em: EntityManager, type: OperationType, { by }: { by: By }): void {
  if (!type.isRetired()) throw new RuleBroken(`Le type « ${type.name} » est déjà proposé.`);
  type.retiredAt = null;
  record(em, "operation_type.put_back", aboutType(type), { by: by?.id ?? null });
}

/** Gone for good but for its undo. Refused once a campaign took it: it is retired instead [TYP-3]. The caller flushes. */
export async function deleteType(em: EntityManager, type: OperationType, { tenantId, by }: Said): Promise<void> {
  await holdTenant(em, tenantId);
  // How many is not said: who edits types does not see every campaign (CAM-26).
  if (await isTypeTaken(em, type.id)) {
    throw new RuleBroken(
      `Le type «\u00a0${type.name}\u00a0» a déjà servi à une campagne\u00a0: il ne se supprime plus. Retirez-le, et il ne sera plus proposé.`,
    );
  }
  em.remove(type);
  record(em, "operation_type.deleted", aboutType(type), { by: by?.id ?? null });
}

/** One more field, last [FLD-3]. The caller flushes. */
export function addField(em: EntityManager, type: OperationType, field: FieldDefinition, { by }: { by: By }): void {
  checkFields([...type.fields, field]);
  changeFields(em, type, [...type.fields, field], by);
}

/** The same field otherwise, under its code and at its place. The caller flushes. */
export function editField(em: EntityManager, type: OperationType, field: FieldDefinition, { by }: { by: By }): void {
  checkField(
    field,
    type.fields.filter(({ code }) => code !== field.code),
  );
  changeFields(
    em,
    type,
    type.fields.map((one) => (one.code === field.code ? field : one)),
    by,
  );
}

/** Without it. Campaigns that took it keep theirs [TYP-4]. The caller flushes. */
export function removeField(em: EntityManager, type: OperationType, code: string, { by }: { by: By }): void {
  changeFields(
    em,
    type,
    type.fields.filter((field) => field.code !== code),
    by,
  );
}

/** One place up or down; at the end of the list it stays. The caller flushes. */
export function moveField(
  em: EntityManager,
  type: OperationType,
  code: string,
  way: "up" | "down",
  { by }: { by: By },
): void {
  const from = type.fields.findIndex((field) => field.code === code);
  const to = from + (way === "up" ? -1 : 1);
  if (from < 0 || to < 0 || to >= type.fields.length) throw new RuleBroken("Ce champ est déjà au bout de la liste.");
  const fields = [...type.fields];
  [fields[from], fields[to]] = [fields[to]!, fields[from]!];
  changeFields(em, type, fields, by);
}

function changeFields(em: EntityManager, type: OperationType, fields: FieldDefinition[], by: By): void {
  type.fields = fields;
  record(em, "operation_type.fields_edited", aboutType(type), { by: by?.id ?? null });
}

/** Another workflow for campaigns to come; a broken one is refused, its statuses named [WFL-4]. The caller flushes. */
export function changeWorkflow(em: EntityManager, type: OperationType, workflow: Workflow, { by }: { by: By }): void {
  const problems = refusals(workflow);
  if (problems.length > 0) throw new RuleBroken(problems.join(" "), "workflow");
  type.workflow = workflow;
  record(em, "operation_type.workflow_edited", aboutType(type), { by: by?.id ?? null });
}

async function freeName(em: EntityManager, typed: string, but?: OperationType): Promise<string> {
  const name = tidy(typed).replace(/\s+/gu, " ");
  if (name === "") throw new RuleBroken("Donnez un nom à ce type.", "name");
  if (name.length > LONGEST_TYPE_NAME) throw new RuleBroken(`Raccourcissez à ${LONGEST_TYPE_NAME} caractères.`, "name");
  if (/[\p{Cc}\p{Bidi_Control}\u2028\u2029<>]/u.test(name)) {
    throw new RuleBroken("Retirez les signes < et >, les retours à la ligne et les caractères invisibles.", "name");
  }
  const taken = (await em.find(OperationType, {})).find((type) => type !== but && bare(type.name) === bare(name));
  if (taken) throw new RuleBroken(`Le type « ${taken.name} » existe déjà. Choisissez un autre nom.`, "name");
  return name;
}
