import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { noteExport } from "../../accounts/index.ts";
import {
  cellText,
  FIELD_TYPES,
  type FieldDefinition,
  FieldForm,
  type FieldType,
  fieldFrom,
  formOf,
  newField,
  TYPE_LABELS,
} from "../../fields/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { asDownload, pour } from "../../platform/http/download.ts";
import { asError, atVersion, read, submit } from "../../platform/http/forms.ts";
import { CSV_MARK, csvLine } from "../../platform/sheets/csv.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign } from "../campaign.ts";
import { runningConversion } from "../conversion-run.ts";
import { addFields, CampaignField, everyFieldOf, fieldsOf, moveField } from "../field.ts";
import { changeField, takeFieldOff } from "../field-change.ts";
import { canName, previewConversion, setTitleField } from "../field-conversion.ts";
import { titleFieldOf } from "../naming.ts";
import { withPeople } from "../plan.ts";
import { campaignFor } from "../policy.ts";
import { conversionsOf, fieldBefore, valuesAside } from "../queries/field-values.ts";
import { marksOf } from "./operation-types.ts";
import { addressOf, frameOf } from "./shown.ts";
import { asked } from "./type-fields.ts";

const PAGE = { page: "campaigns/fields/index" };
const NEW = { page: "campaigns/fields/new" };
const EDIT = { page: "campaigns/fields/edit", part: "campaigns/fields/_conversion" };
const CONFIGURE = "campaigns.configure";
const BATCH = 1_000;

type OfOne = Request<{ id: string }>;
type OfField = Request<{ id: string; code: string }>;
const atOf = ({ id }: { id: string }) => `${addressOf({ id })}/champs`;

/** Types a campaign may take: documents wait for pages of their own. */
const OFFERED: readonly FieldType[] = FIELD_TYPES.filter((type) => type !== "attachment");
const typesFor = (present?: FieldDefinition) =>
  FIELD_TYPES.filter((type) => OFFERED.includes(type) || type === present?.type).map((value) => ({
    value,
    label: TYPE_LABELS[value],
  }));

export const index: RequestHandler<{ id: string }> = (req, res) => show(req, res, { values: {} });

async function show(req: OfOne, res: Response, form: object): Promise<void> {
  const { standing, fields } = await read(req, async (em) => {
    const found = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    return { standing: found, fields: await definitionsOf(em, found.campaign) };
  });
  const { campaign } = standing;
  const title = titleFieldOf(campaign, fields)?.code;
  res.show(PAGE, {
    title: "Champs",
    ...frameOf(req, standing, "fields", "Champs"),
    fields: fields.map((field) => ({
      ...field,
      typeLabel: TYPE_LABELS[field.type],
      marks: marksOf(field),
      names:
        field.code === title ? "nomme l’opération" : campaign.subtitleFields.includes(field.code) ? "sous-titre" : "",
    })),
    naming: fields.filter(canName).map(({ code, label }) => ({ value: code, label })),
    beside: fields.filter(({ code }) => code !== title).map(({ code, label }) => ({ value: code, label })),
    titleField: title,
    form,
  });
}

const definitionsOf = async (em: EntityManager, campaign: Campaign) =>
  (await fieldsOf(em, campaign)).map((field) => field.definition());

async function fieldOf(em: EntityManager, campaign: Campaign, code: string): Promise<CampaignField> {
  const field = (await em.findOne(CampaignField, {
    campaign: { id: campaign.id },
    code,
    removedAt: null,
  } as never)) as CampaignField | null;
  if (!field) throw new NotFound("Cette campagne n’a pas, ou plus, ce champ. Revenez à ses champs.");
  return field;
}

export const new_: RequestHandler<{ id: string }> = (req, res) => showNew(req, res, { values: undefined });

async function showNew(req: OfOne, res: Response, form: object): Promise<void> {
  const standing = await read(req, (em) => campaignFor(em, req.user!, req.params.id, CONFIGURE));
  res.show(NEW, {
    title: "Ajouter un champ",
    ...frameOf(req, standing, "fields", "Ajouter un champ"),
    form,
    ...asked(formOf(newField({ code: "nouveau", label: "", isSearchable: true })), typesFor()),
  });
}

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = {
    code: "campaign.fields_changed",
    label: ({ label }: { label: string }) => `Champ «\u00a0${label}\u00a0» ajouté`,
    subject: () => aboutCampaign(req.params),
    at,
  };
  const form = await submit(req, FieldForm, act, async (values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    // Codes of removed fields are taken too: their values are still there (FLD-7).
    const all = await everyFieldOf(em, campaign);
    const others = all.map((one) => ({ ...one.definition(), ...(one.removedAt && { label: `\u0000${one.code}` }) }));
    await addFields(em, campaign, [fieldFrom(values, { others })], { by: { id: req.user!.id } });
  });
  if (form.errors) return showNew(req, res, form);
  res.saved(PAGE, {}, { at, notice: "Le champ est ajouté.", undo: true });
};

export const edit: RequestHandler<{ id: string; code: string }> = (req, res) =>
  showEdit(req, res, { values: undefined }, null);

async function showEdit(req: OfField, res: Response, form: object, wanted: FieldDefinition | null): Promise<void> {
  const found = await read(
    req,
    async (em) => {
      const standing = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
      const { campaign } = standing;
      const field = await fieldOf(em, campaign, req.params.code);
      const from = field.definition();
      const zone = campaign.zone ?? req.user!.tenant.zone;
      return {
        standing,
        field,
        from,
        zone,
        preview:
          wanted && wanted.type !== from.type ? await previewConversion(em, { campaign, zone }, from, wanted) : null,
        aside: await conversionsOf(em, campaign.id, from.code),
        running: await runningConversion(em, campaign.id, from.code),
      };
    },
    { isLong: true },
  );
  const { standing, field, from, preview, aside, running, zone } = found;
  const fieldAt = `${atOf(req.params)}/${from.code}/modifier`;
  res.show(EDIT, {
    title: `Modifier le champ ${from.label}`,
    ...frameOf(req, standing, "fields", from.label),
    field: from,
    fieldVersion: field.version,
    zone,
    fieldAt,
    running: running && { done: running.done, total: running.total },
    preview,
    typeLabel: TYPE_LABELS[(wanted ?? from).type],
    aside: aside.map((one) => ({ ...one, href: `${atOf(req.params)}/${from.code}/refusees/${one.id}` })),
    form,
    ...asked(formOf(from), typesFor(from)),
  });
}

const EditForm = FieldForm.extend({ seen: z.string().max(100).optional().describe("Aperçu") });

export const update: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const { code } = req.params;
  const at = atOf(req.params);
  const act = {
    code: "campaign.fields_changed",
    label: ({ label }: { label: string }) => `Champ «\u00a0${label}\u00a0» modifié`,
    subject: () => aboutCampaign(req.params),
    at,
    isLong: true as const,
  };
  let wanted: FieldDefinition | null = null;
  const form = await submit(req, EditForm, act, async ({ seen, ...values }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const field = await fieldOf(em, campaign, code);
    await atVersion(em, field, sent);
    const known = field.definition();
    const others = (await definitionsOf(em, campaign)).filter((one) => one.code !== code);
    const to = fieldFrom(values, { known, others });
    wanted = to;
    const zone = campaign.zone ?? req.user!.tenant.zone;
    return changeField(em, { campaign, zone }, field, to, { seen, by: { id: req.user!.id } });
  });
  if (form.errors) return showEdit(req, res, form, wanted);
  const made = form.result;
  const notice = made?.isLater
    ? "Le changement de type a commencé. Vous pouvez quitter cette page."
    : made
      ? `Le type est changé\u00a0: ${fr.count(made.converted, "valeur convertie", "valeurs converties")}, ${fr.count(made.refused, "mise de côté", "mises de côté")}.`
      : "Le champ est enregistré.";
  const next = made && (made.isLater || made.refused > 0) ? `${at}/${code}/modifier` : at;
  res.saved(EDIT, {}, { at: next, notice, undo: !made?.isLater });
};

const ofField = (req: OfField, words: string) => ({
  code: "campaign.fields_changed",
  label: (_values: object, label: string) => `Champ «\u00a0${label}\u00a0» ${words}`,
  subject: () => aboutCampaign(req.params),
  at: atOf(req.params),
});

const MoveForm = z.object({
  way: z.enum(["up", "down"], "Choisissez «\u00a0Monter\u00a0» ou «\u00a0Descendre\u00a0»."),
});

export const move: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const form = await submit(req, MoveForm, ofField(req, "déplacé"), async ({ way }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const field = await fieldOf(em, campaign, req.params.code);
    await moveField(em, campaign, field, way, { by: { id: req.user!.id } });
    return field.label;
  });
  if (form.errors) return show(req as never, res, form);
  res.saved(PAGE, {}, { at: atOf(req.params), notice: `Le champ ${form.result} est déplacé.`, undo: true });
};

export const remove: RequestHandler<{ id: string; code: string }> = async (req, res) => {
  const form = await submit(req, z.object({}), { ...ofField(req, "retiré"), isLong: true }, async (_values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const field = await fieldOf(em, campaign, req.params.code);
    const isTitle = titleFieldOf(campaign, await definitionsOf(em, campaign))?.code === field.code;
    await takeFieldOff(em, campaign, field, { isTitle, by: { id: req.user!.id }, now: req.now });
    return field.label;
  });
  if (form.errors) return show(req as never, res, form);
  const notice = `Le champ ${form.result} est retiré\u00a0; ses valeurs sont gardées trente jours pour qui l’annule.`;
  res.saved(PAGE, {}, { at: atOf(req.params), notice, undo: true });
};

const TitleForm = z.object({
  title: z.string().max(50).describe("Champ qui nomme les opérations"),
  subtitles: z.array(z.string().max(50)).max(3, "Trois sous-titres au plus.").default([]).describe("Sous-titres"),
});

export const updateTitle: RequestHandler<{ id: string }> = async (req, res) => {
  const at = atOf(req.params);
  const act = {
    code: "campaign.fields_changed",
    label: "Nom des opérations de la campagne",
    subject: () => aboutCampaign(req.params),
    at,
    isLong: true as const,
  };
  const form = await submit(req, TitleForm, act, async (values, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const zone = campaign.zone ?? req.user!.tenant.zone;
    return setTitleField(em, { campaign, zone }, values, { by: { id: req.user!.id } });
  });
  if (form.errors) return show(req, res, form);
  const named = form.result;
  const notice = `Le choix est enregistré${named > 0 ? `\u00a0: ${fr.count(named, "opération renommée", "opérations renommées")}` : ""}.`;
  res.saved(PAGE, {}, { at, notice, undo: true });
};

/** The values a change of type did not take, as a file says them under the type they had (FLD-6). */
export const aside: RequestHandler<{ id: string; code: string; act: string }> = async (req, res) => {
  const { code, act: actId } = req.params;
  const { field, campaign, was, refused } = await read(req, async (em) => {
    const standing = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    const found = await fieldOf(em, standing.campaign, code);
    const from = (await conversionsOf(em, standing.campaign.id, code)).find(({ id }) => id === actId);
    const was = await fieldBefore(em, { id: found.id, actId });
    return { campaign: standing.campaign, field: found, was, refused: from?.refused ?? 0 };
  });
  const former = { ...field.definition(), ...was };
  const zone = campaign.zone ?? req.user!.tenant.zone;
  const page = (after: string) =>
    read(req, async (em) => {
      const rows = await valuesAside(em, { campaignId: campaign.id, code, actId }, { after, size: BATCH });
      const { names } = await withPeople(
        em,
        { fields: [former] },
        { values: rows.map(({ value }) => ({ [code]: value })) },
      );
      return rows.map((row) => ({ ...row, text: cellText(former, row.value, { zone, ...(names && { names }) }) }));
    });
  const first = await page("0");
  if (first.length === 0)
    throw new NotFound("Cet acte n’a mis aucune valeur de ce champ de côté. Revenez à la page du champ.");
  const told = {
    code: "campaign.values_exported",
    label: `Export des valeurs de «\u00a0${field.label}\u00a0» laissées de côté (${fr.count(refused, "valeur", "valeurs")})`,
    subject: () => aboutCampaign(campaign),
    at: `${atOf(req.params)}/${code}/modifier`,
  };
  const form = await submit(req, z.object({}), told, async (_values, em) => {
    record(em, told.code, aboutCampaign(campaign), { field: code, rows: refused, by: req.user!.id });
    const isPersonal = former.isPersonal || former.type === "person";
    await noteExport(em, req, { what: "values", field: code, rows: refused, people: isPersonal ? told.label : null });
  });
  if (form.errors) throw asError(form);
  asDownload(res.status(200), `valeurs-${code}.csv`);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  const lines = async function* () {
    yield CSV_MARK + csvLine(["Opération", field.label]);
    for (let rows = first; rows.length > 0; rows = rows.length < BATCH ? [] : await page(rows.at(-1)!.ordinal)) {
      yield rows.map(({ title, text }) => csvLine([title, text])).join("");
    }
  };
  await pour(lines(), res);
};
