import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { HOLIDAY_ZONES, ZONES } from "../../accounts/index.ts";
import { atVersion, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign, editCampaign, setCalendar, setFollowing } from "../campaign.ts";
import { campaignFor } from "../policy.ts";
import { searchWholeAnew } from "../search.ts";
import { current, OUTLINE_LABELS, OutlineFields } from "./campaigns.ts";
import type { Way } from "./preparation.ts";
import { addressOf, frameOf } from "./shown.ts";

const EDIT = { page: "campaigns/campaigns/edit" };
const CALENDAR_LABELS = {
  zone: "Fuseau horaire",
  holidayZone: "Jours fériés",
  defaultHour: "Heure par défaut",
  durationMinutes: "Durée standard d’une opération, en minutes",
  closedDays: "Jours fermés",
};
const FOLLOWING_LABELS = { isTimeTracked: "Temps passé", problemReasons: "Motifs de blocage" };
const THEIRS = { value: "", label: "Comme l’organisation" };
const UNTOUCHED = { values: {} };

type OfOne = Request<{ id: string }>;
interface Forms {
  outline: object;
  calendar: object;
  following: object;
}

export const edit: RequestHandler<{ id: string }> = (req, res) => show(req, res, {});

async function show(req: OfOne, res: Response, forms: Partial<Forms>): Promise<void> {
  const standing = await read(req, (em) => campaignFor(em, req.user!, req.params.id, "campaigns.configure"));
  res.show(EDIT, {
    title: "Réglages",
    ...frameOf(req, standing, "settings", "Réglages"),
    labels: { outline: OUTLINE_LABELS, calendar: CALENDAR_LABELS, following: FOLLOWING_LABELS },
    outline: UNTOUCHED,
    calendar: UNTOUCHED,
    following: UNTOUCHED,
    closedDays: closedDaysText(standing.campaign),
    ...forms,
    form: forms.outline ?? forms.calendar ?? forms.following ?? UNTOUCHED,
    zones: [THEIRS, ...ZONES.map((value) => ({ value, label: value }))],
    holidayZones: [THEIRS, ...HOLIDAY_ZONES],
  });
}

const noun = ({ name }: { name: string }) => `Réglages de la campagne «\u00a0${name}\u00a0»`;

/** What history says of another name, description or days, given in the settings or in the first step of a preparation. */
export const outlineAct = <At extends string | ((values: { to?: Way }) => string)>(req: OfOne, at: At) => ({
  code: "campaign.edited",
  label: noun,
  subject: () => aboutCampaign(req.params),
  at,
  current: current(req, ({ name, description, startsOn, endsOn }) => ({
    name,
    description,
    startsOn: fr.date(startsOn, "UTC"),
    endsOn: fr.date(endsOn, "UTC"),
  })),
});

export const update: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/reglages`;
  const form = await submit(req, z.object(OutlineFields), outlineAct(req, at), async (values, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    await atVersion(em, campaign, sent);
    await editCampaign(em, campaign, values, { by: { id: req.user!.id } });
    return campaign;
  });
  if (form.errors) return show(req, res, { outline: form });
  res.saved(EDIT, {}, { at, notice: "La campagne est modifiée.", undo: true });
};

const CalendarForm = z.object({
  zone: z.string().max(60).default("").describe("Fuseau horaire"),
  holidayZone: z.string().max(40).default("").describe("Jours fériés"),
  defaultHour: z.string().trim().max(5).describe("Heure par défaut"),
  durationMinutes: z
    .int("Écrivez un nombre entier de minutes, ou rien.")
    .optional()
    .describe(CALENDAR_LABELS.durationMinutes),
  closedDays: z.string().max(20_000).default("").describe("Jours fermés"),
});

const DAY = /^(\d{2})\/(\d{2})\/(\d{4})$/;

/** One day a line, as people write them; null when one is not of the calendar. */
function daysOf(text: string): string[] | null {
  const days = text
    .split(/[\s,;]+/u)
    .filter(Boolean)
    .map((word) => {
      const [, day, month, year] = DAY.exec(word) ?? [];
      const said = `${year}-${month}-${day}`;
      return z.iso.date().safeParse(said).success ? said : null;
    });
  return days.includes(null) ? null : (days as string[]);
}

const writtenDay = (said: string) => said.split("-").reverse().join("/");
export const closedDaysText = ({ closedDays }: Pick<Campaign, "closedDays">) => closedDays.map(writtenDay).join("\n");

export const updateCalendar: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/reglages`;
  const act = {
    code: "campaign.edited",
    label: (_values: object, campaign: Campaign) => `Calendrier de la campagne «\u00a0${campaign.name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
    current: current(req, (campaign) => ({
      zone: campaign.zone ?? THEIRS.label,
      holidayZone: HOLIDAY_ZONES.find(({ value }) => value === campaign.holidayZone)?.label ?? THEIRS.label,
      defaultHour: campaign.defaultHour,
      durationMinutes: campaign.durationMinutes === null ? "" : String(campaign.durationMinutes),
      closedDays: closedDaysText(campaign),
    })),
  };
  const Checked = CalendarForm.superRefine(({ closedDays }, context) => {
    if (daysOf(closedDays) !== null) return;
    context.addIssue({
      code: "custom",
      path: ["closedDays"],
      message: "Écrivez un jour par ligne, comme 24/12/2026\u00a0; l’un d’eux n’est pas dans le calendrier.",
    });
  });
  const form = await submit(req, Checked, act, async (values, em, sent) => {
    const { zone, holidayZone, defaultHour, durationMinutes, closedDays } = values;
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    await atVersion(em, campaign, sent);
    const calendar = { zone: zone || null, holidayZone: holidayZone || null, closedDays: daysOf(closedDays)! };
    const isMoved = calendar.zone !== (campaign.zone ?? null);
    setCalendar(
      em,
      campaign,
      { ...calendar, defaultHour, durationMinutes: durationMinutes ?? null },
      { by: { id: req.user!.id } },
    );
    // Moments are sought by the hour one reads (OPS-6).
    if (isMoved) await searchWholeAnew(em, campaign);
    return campaign;
  });
  if (form.errors) return show(req, res, { calendar: form });
  res.saved(EDIT, {}, { at, notice: "Le calendrier est modifié.", undo: true });
};

const FollowingForm = z.object({
  isTimeTracked: z.literal("oui").optional().describe(FOLLOWING_LABELS.isTimeTracked),
  problemReasons: z.string().max(20_000).default("").describe(FOLLOWING_LABELS.problemReasons),
});

/** Whether time is tracked, and the reasons problems are picked from (OPS-20, OPS-23). */
export const updateFollowing: RequestHandler<{ id: string }> = async (req, res) => {
  const at = `${addressOf(req.params)}/reglages`;
  const act = {
    code: "campaign.edited",
    label: (_values: object, campaign: Campaign) => `Suivi de la campagne «\u00a0${campaign.name}\u00a0»`,
    subject: () => aboutCampaign(req.params),
    at,
    current: current(req, (campaign) => ({
      isTimeTracked: campaign.isTimeTracked ? "suivi" : "non suivi",
      problemReasons: campaign.problemReasons.join("\n"),
    })),
  };
  const form = await submit(req, FollowingForm, act, async ({ isTimeTracked, problemReasons }, em, sent) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, "campaigns.configure");
    await atVersion(em, campaign, sent);
    const wanted = { isTimeTracked: isTimeTracked === "oui", problemReasons: problemReasons.split(/\r?\n/) };
    setFollowing(em, campaign, wanted, { by: { id: req.user!.id } });
    return campaign;
  });
  if (form.errors) return show(req, res, { following: form });
  res.saved(EDIT, {}, { at, notice: "Le suivi est modifié.", undo: true });
};
