import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { lastChange, User } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { Absence, addAbsence, LONGEST_REASON, removeAbsence, saidDate, saidPeriod } from "../absence.ts";
import { absenceOn, isAvailable, minutesOn, type Technician } from "../availability.ts";
import { DAY_FIELDS, OFFICE_HOURS, readWeek, saidWeek } from "../hours.ts";
import { localMoment } from "../local.ts";
import { holdDirectory } from "../queries/places.ts";
import { listTechnicians } from "../queries/technicians.ts";
import { setTechnicianHours, TechnicianHours } from "../technician-hours.ts";
import { TECHNICIANS_AT as AT, DIRECTORY, HOME, said, tabsOf } from "./shown.ts";
import { DAYS_FORM, typedWeek } from "./week.ts";

const LIST = { page: "directory/technicians/index" };
const CARD = { page: "directory/technicians/edit" };
const TECHNICIANS = { label: "Techniciens", href: AT };

type OfOne = Request<{ id: string }>;

const hoursAt = ({ id }: { id: string }) => `${AT}/${id}/horaires`;
const aboutAccount = ({ id }: { id: string }) => ({ type: "user", id });

const day = (label: string) => z.iso.date("Indiquez une date qui existe, par exemple 12/03/2026.").describe(label);
const HoursForm = z.object(DAYS_FORM);
const AbsenceForm = z.object({
  startsOn: day("Du"),
  endsOn: day("Au"),
  reason: z
    .string()
    .trim()
    .min(1, "Écrivez le motif, par exemple «\u00a0Congés\u00a0».")
    .max(LONGEST_REASON, `Raccourcissez à ${LONGEST_REASON} caractères.`)
    .describe("Motif"),
});

async function technicianOf(em: EntityManager, id: string): Promise<User> {
  const user = await em.findOne(User, { id, supportOf: null, roles: { $contains: ["technician"] } });
  if (!user)
    throw new NotFound("Ce technicien n’existe pas dans votre organisation. Revenez à la liste des techniciens.");
  return user;
}

/** In a few words, where this technician is now. */
function stateOf(technician: Technician, now: Date) {
  const { day: today } = localMoment(now, technician.zone);
  const absence = absenceOn(technician, today);
  if (absence) return { label: `Absence jusqu’au ${saidDate(absence.endsOn)}`, icon: "user-x", tone: "warning" };
  if (isAvailable(technician, now)) return { label: "Au travail", icon: "user-check", tone: "success" };
  return { label: minutesOn(technician, today) > 0 ? "Hors horaires" : "Repos", icon: "clock", tone: "neutral" };
}

const shown = (technician: Technician, now: Date) => ({
  ...technician,
  href: hoursAt(technician),
  week: saidWeek(technician.hours ?? OFFICE_HOURS, "repos"),
  isTold: technician.hours !== null,
  badge: stateOf(technician, now),
  absences: technician.absences.map((absence) => ({ ...absence, period: saidPeriod(absence) })),
});

/** Today, wherever the person is: a technician further east may already be tomorrow. */
const todayOf = (req: Request) => localMoment(req.now, req.user!.tenant.zone).day;

export const index: RequestHandler = async (req, res) => {
  const technicians = await read(req, (em) => listTechnicians(em, { from: todayOf(req) }));
  res.show(LIST, {
    title: "Techniciens",
    crumbs: [HOME, DIRECTORY, { label: "Techniciens" }],
    tabs: tabsOf(req, AT),
    technicians: technicians.map((one) => shown(one, req.now)),
  });
};

export const edit: RequestHandler<{ id: string }> = (req, res) => showCard(req, res, { values: {} });

/** The hours and the absences of one technician, each with its form. */
async function showCard(req: OfOne, res: Response, form: object, of: "hours" | "absence" = "hours"): Promise<void> {
  const { technician, version } = await read(req, async (em) => {
    const user = await technicianOf(em, req.params.id);
    const [found] = await listTechnicians(em, { from: todayOf(req), id: user.id });
    const known = await em.findOne(TechnicianHours, { user: { id: user.id } });
    return { technician: found!, version: known?.version ?? 0 };
  });
  const empty = { values: {} };
  res.show(CARD, {
    title: `Horaires ${fr.of(technician.name)}`,
    crumbs: [HOME, DIRECTORY, TECHNICIANS, { label: technician.name }],
    technician: shown(technician, req.now),
    at: `${AT}/${technician.id}`,
    days: DAY_FIELDS,
    labels: Object.fromEntries(DAY_FIELDS.map(({ field, label }) => [field, label])),
    values: typedWeek(technician.hours ?? OFFICE_HOURS),
    version,
    form,
    hoursForm: of === "hours" ? form : empty,
    absenceForm: of === "absence" ? form : empty,
  });
}

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const { id } = req.params;
  const at = hoursAt(req.params);
  const act = {
    code: "technician.hours_set",
    label: (_values: object, user: User) => `Horaires ${fr.of(user.name())} réglés`,
    subject: () => aboutAccount({ id }),
    at,
    current: async (em: EntityManager) => {
      const known = await em.findOneOrFail(TechnicianHours, { user: { id } });
      return {
        values: typedWeek(known.hours),
        version: known.version,
        ...(await lastChange(em, "technician_hours", known.id)),
      };
    },
  };
  const form = await submit(req, HoursForm, act, async (values, em, sent) => {
    // Before it is looked for: of two first settings at once, the second is stale too.
    await holdDirectory(em, said(req).tenantId);
    const user = await technicianOf(em, id);
    const known = await em.findOne(TechnicianHours, { user: { id } });
    if (known) await atVersion(em, known, sent);
    await setTechnicianHours(em, user, readWeek(values), said(req));
    return user;
  });
  if (form.errors) return showCard(req, res, form, "hours");
  res.saved(CARD, {}, { at, notice: `Les horaires ${fr.of(form.result.name())} sont réglés.`, undo: true });
};

export const create: RequestHandler<{ id: string }> = async (req, res) => {
  const at = hoursAt(req.params);
  const act = {
    code: "technician.absence_added",
    label: (_values: object, absence: Absence) => `Absence ${fr.of(absence.user.name())} ${absence.title()}`,
    subject: () => aboutAccount(req.params),
    at,
  };
  const form = await submit(req, AbsenceForm, act, async (values, em) =>
    addAbsence(em, await technicianOf(em, req.params.id), values, said(req)),
  );
  if (form.errors) return showCard(req, res, form, "absence");
  const { result } = form;
  res.saved(
    CARD,
    {},
    { at, notice: `L’absence ${fr.of(result.user.name())} est notée ${result.title()}.`, undo: true },
  );
};

export const destroy: RequestHandler<{ id: string; absence: string }> = async (req, res) => {
  const { id, absence } = req.params;
  const at = hoursAt(req.params);
  const act = {
    code: "technician.absence_removed",
    label: (_values: object, gone: Absence) => `Absence ${fr.of(gone.user.name())} retirée, ${gone.title()}`,
    subject: () => aboutAccount({ id }),
    at,
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    const found = await em.findOne(Absence, { id: absence, user: { id } }, { populate: ["user"] });
    if (!found) throw new NotFound("Cette absence n’est plus notée. Revenez à la page du technicien.");
    removeAbsence(em, found, said(req));
    return found;
  });
  if (form.errors) return showCard(req, res, form, "absence");
  res.saved(CARD, {}, { at, notice: `L’absence ${form.result.title()} est retirée.`, undo: true });
};
