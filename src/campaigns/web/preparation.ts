import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import type { PermissionCode } from "../../accounts/index.ts";
import { type ImportLine, listImports } from "../../imports/index.ts";
import { Conflict } from "../../platform/errors.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { goTo } from "../../platform/http/show.ts";
import { fr } from "../../platform/text/index.ts";
import { aboutCampaign, type Campaign, refuseArchived } from "../campaign.ts";
import { campaignFor, type Standing } from "../policy.ts";
import { isDraft, rankOf, STEPS, type Step, stepsBehind, stepsOf } from "../preparation.ts";
import { hasOperations } from "../queries/definitions.ts";
import { leaveStep, type SetFigures, setFigures } from "../queries/preparation.ts";
import { addressOf, badgeOf, CAMPAIGNS, HOME, zoneOf } from "./shown.ts";

export const CONFIGURE = "campaigns.configure";
const VIEW = { page: "campaigns/preparation/show" };
const MAPPING = { page: "campaigns/preparation/mapping" };
const FILES_SHOWN = 5;

export type OfOne = Request<{ id: string }>;
export const preparationAt = (campaign: { id: string }) => `${addressOf(campaign)}/preparation`;
export const stepAt = (campaign: { id: string }, step: Step) => `${addressOf(campaign)}/${STEPS[rankOf(step)]!.path}`;

/** The form of a step that has something to write: its bar and the ways out of it send it, so that leaving saves (CAM-12). */
export const STEP_FORM = "etape";
/** Where it is left for: another step, or the page of all of them. */
const WAYS = [...STEPS.map(({ code }) => code), "pause"] as const;
export const WayField = z.enum(WAYS, "Choisissez une étape de la préparation.").optional().describe("Étape");
export type Way = z.output<typeof WayField>;

export const wayAt = (campaign: { id: string }, to: Way, next: Step) =>
  to === "pause" ? preparationAt(campaign) : stepAt(campaign, to ?? next);

/** A draft with what tells how far its preparation is. */
export interface Prepared {
  standing: Standing;
  /** The files sent to it, the last first. */
  files: ImportLine[];
  behind: number;
}

export async function prepared(em: EntityManager, req: OfOne, right: PermissionCode = CONFIGURE): Promise<Prepared> {
  const standing = await campaignFor(em, req.user!, req.params.id, right);
  const { campaign, may } = standing;
  const files = await listImports(em, {
    authorId: may("campaigns.undo") ? null : req.user!.id,
    place: { kind: "operations", scopeId: campaign.id },
    size: FILES_SHOWN,
  });
  const held = { hasFile: files.length > 0, hasOperations: await hasOperations(em, campaign) };
  return { standing, files, behind: stepsBehind(campaign, held) };
}

/** What each step shows above its own matter: its name, its campaign, the bar of the steps (CAM-12). */
export function stepFrame(
  req: OfOne,
  { standing: { campaign }, behind }: Prepared,
  here: Step | null,
  { form }: { form?: string } = {},
) {
  const at = addressOf(campaign);
  const label = here === null ? "Préparation" : STEPS[rankOf(here)]!.label;
  return {
    title: label,
    campaign,
    at,
    badge: badgeOf(campaign),
    zone: zoneOf(req, campaign),
    leaveAt: preparationAt(campaign),
    course: {
      form,
      label: `Préparation de ${campaign.name}`,
      steps: stepsOf(at, behind, here),
    },
    crumbs: [
      HOME,
      CAMPAIGNS,
      { label: campaign.name, href: at },
      ...(here === null ? [] : [{ label: "Préparation", href: preparationAt(campaign) }]),
      { label },
    ],
  };
}

/** A step of a campaign that is published is over: its settings go on from its own pages. */
export function isOver(res: Response, { standing: { campaign } }: Prepared): boolean {
  if (isDraft(campaign)) return false;
  if (res.req.method === "POST") refuseOver(campaign);
  res.redirect(303, addressOf(campaign));
  return true;
}

export const show: RequestHandler<{ id: string }> = (req, res) => showSteps(req, res, { values: {} });

/** Where the draft stands, step by step, and how to go on (CAM-12). */
async function showSteps(req: OfOne, res: Response, form: object): Promise<void> {
  const { seen, figures } = await read(req, async (em) => ({
    seen: await prepared(em, req),
    figures: await setFigures(em, req.params.id),
  }));
  if (isOver(res, seen)) return;
  const { standing, behind, files } = seen;
  const frame = stepFrame(req, seen, null);
  const { steps } = frame.course;
  const words = wordsOf(seen, figures);
  const next = steps[behind]!;
  const waiting = STEPS[behind]!.code === "mapping" ? files.find(isWaiting) : undefined;
  res.show(VIEW, {
    ...frame,
    steps: steps.map((step, rank) => ({ ...step, said: words[STEPS[rank]!.code], isNext: step === next })),
    next: { label: next.label, href: waiting ? `/imports/${waiting.id}` : next.href },
    summaryAt: stepAt(standing.campaign, "summary"),
    form,
  });
}

function wordsOf(
  { standing: { campaign }, files, behind }: Prepared,
  { operations }: Pick<SetFigures, "operations">,
): Record<Step, string> {
  const [last] = files;
  const waiting = files.filter(isWaiting).length;
  const dates = `du ${fr.date(campaign.startsOn, "UTC")} au ${fr.date(campaign.endsOn, "UTC")}`;
  return {
    outline: [campaign.type?.name ?? "Sans type", dates].join(", "),
    rows: operations
      ? fr.count(operations, "opération", "opérations")
      : last
        ? `Fichier ${last.fileName}`
        : behind > rankOf("rows")
          ? "Sans fichier"
          : "Un fichier, des noms de colonnes, ou rien",
    mapping: waiting
      ? fr.count(waiting, "fichier attend votre décision", "fichiers attendent votre décision")
      : behind > rankOf("mapping")
        ? "Rien en attente"
        : "Où va chaque colonne du fichier, puis la vérification",
    settings: behind > rankOf("settings") ? "Relue" : "Nom des opérations, segments, flux, calendrier, accès",
    summary: "Ce que la publication montrera, avant de publier",
  };
}

/** Sent, and nothing decided of it yet. */
export const isWaiting = ({ state }: Pick<ImportLine, "state">): boolean => state === "analysed" || state === "checked";

const STATES: Record<ImportLine["state"], string> = {
  analysed: "à faire correspondre et à vérifier",
  checked: "vérifié, à importer",
  waiting: "en attente d’un autre import",
  running: "import en cours",
  completed: "importé",
  cancelled: "arrêté",
  failed: "interrompu",
};

/** What became of the files sent: the screens of the import do the rest, and lead back (CAM-15). */
export const mapping: RequestHandler<{ id: string }> = async (req, res) => {
  const { seen, figures } = await read(req, async (em) => ({
    seen: await prepared(em, req),
    figures: await setFigures(em, req.params.id),
  }));
  if (isOver(res, seen)) return;
  res.show(MAPPING, {
    ...stepFrame(req, seen, "mapping"),
    files: seen.files.map((one) => ({
      ...one,
      href: `/imports/${one.id}`,
      said: STATES[one.state],
      isWaiting: isWaiting(one),
    })),
    operations: figures.operations,
    rowsAt: stepAt(seen.standing.campaign, "rows"),
  });
};

/** Steps that are left by going on, without anything to write in them. */
const LEFT = { mapping: "settings", settings: "summary" } as const;
const LeaveForm = z.object({
  step: z.enum(Object.keys(LEFT) as (keyof typeof LEFT)[], "Choisissez une étape de la préparation."),
});

/** On to the next step: what was seen stays seen, whenever the draft is resumed (CAM-12). */
export const leave: RequestHandler<{ id: string }> = async (req, res) => {
  const nextOf = (step: keyof typeof LEFT) => stepAt(req.params, LEFT[step]);
  const act = {
    code: "campaign.step_left",
    label: "Étape de la préparation",
    subject: () => aboutCampaign(req.params),
    at: ({ step }: z.output<typeof LeaveForm>) => nextOf(step),
  };
  const form = await submit(req, LeaveForm, act, async ({ step }, em) => {
    const { campaign } = await campaignFor(em, req.user!, req.params.id, CONFIGURE);
    refuseOver(campaign);
    await leaveStep(em, campaign.id, rankOf(LEFT[step]));
    return step;
  });
  if (form.errors) return showSteps(req, res, form);
  goTo(req, res, nextOf(form.result));
};

/** Nothing is prepared any more of a campaign that is published. */
export function refuseOver(campaign: Campaign): void {
  refuseArchived(campaign);
  if (!isDraft(campaign)) {
    throw new Conflict("Cette campagne est publiée\u00a0: sa préparation est finie. Ses réglages restent ouverts.");
  }
}
