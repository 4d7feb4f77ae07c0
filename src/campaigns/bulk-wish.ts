import { z } from "zod";
import { fr } from "../platform/text/index.ts";
import { KIND_CODES } from "../workflow/index.ts";
import { MOST_CAPACITY } from "./operation.ts";
import { MAX_MINUTES, MIN_MINUTES } from "./operation-type.ts";
import { LONGEST_REASON } from "./progress.ts";

/** What can be done to many operations at once (OPS-13), in the words of the list, of the button and of history. */
export const BULK_ACTIONS = {
  assign: { label: "Affecter à un technicien", verb: "Affecter", noun: "Affectation de", icon: "user" },
  balance: { label: "Répartir entre des techniciens", verb: "Répartir", noun: "Répartition de", icon: "users" },
  unassign: { label: "Retirer le technicien", verb: "Désaffecter", noun: "Désaffectation de", icon: "user" },
  date: { label: "Planifier, ou changer la date", verb: "Planifier", noun: "Planification de", icon: "calendar" },
  shift: { label: "Décaler de jours ouvrés", verb: "Décaler", noun: "Décalage de", icon: "calendar-clock" },
  undate: { label: "Retirer la date", verb: "Retirer la date de", noun: "Retrait de la date de", icon: "calendar" },
  step: { label: "Changer le statut", verb: "Changer le statut de", noun: "Changement de statut de", icon: "play" },
  segment: { label: "Mettre dans un segment", verb: "Changer le segment de", noun: "Segment de", icon: "map-pin" },
  field: { label: "Remplir un champ", verb: "Modifier", noun: "Modification de", icon: "pencil" },
  capacity: { label: "Changer le nombre de places", verb: "Changer les places de", noun: "Places de", icon: "users" },
  trash: {
    label: "Mettre à la corbeille",
    verb: "Mettre à la corbeille",
    noun: "Mise à la corbeille de",
    icon: "archive",
  },
} as const;
export type BulkAction = keyof typeof BULK_ACTIONS;
export const BULK_CODES = Object.keys(BULK_ACTIONS) as [BulkAction, ...BulkAction[]];

export const MOST_TECHNICIANS = 50;
export const MOST_SHIFT = 260;
const reason = z.string().max(LONGEST_REASON).nullable();
/** Of a date, where a workflow asks why it changes. */
const dateReason = reason.default(null);

/** What was asked for, once its form was read: kept with the frozen rows, and carried out as it was previewed. */
export const BulkWish = z.discriminatedUnion("action", [
  z.object({ action: z.literal("assign"), technician: z.uuid() }),
  z.object({
    action: z.literal("balance"),
    technicians: z.array(z.uuid()).min(1).max(MOST_TECHNICIANS),
    minutes: z.int().min(MIN_MINUTES).max(MAX_MINUTES),
  }),
  z.object({ action: z.literal("unassign") }),
  z.object({ action: z.literal("date"), day: z.iso.date(), hour: z.string(), reason: dateReason }),
  z.object({ action: z.literal("shift"), days: z.int().min(-MOST_SHIFT).max(MOST_SHIFT), reason: dateReason }),
  z.object({ action: z.literal("undate"), reason: dateReason }),
  z.object({
    action: z.literal("step"),
    to: z.string(),
    kind: z.enum(KIND_CODES),
    label: z.string(),
    reason,
    date: z.iso.datetime().nullable(),
    minutes: z.int().nullable().default(null),
  }),
  z.object({ action: z.literal("segment"), segment: z.uuid().nullable() }),
  z.object({ action: z.literal("field"), code: z.string(), text: z.string().max(10_000) }),
  z.object({ action: z.literal("capacity"), capacity: z.int().min(1).max(MOST_CAPACITY) }),
  z.object({ action: z.literal("trash") }),
]);
export type BulkWish = z.infer<typeof BulkWish>;

/** "Affecter 312 opérations": what the button will do, with its count (OPS-14). */
export const buttonOf = ({ action }: Pick<BulkWish, "action">, n: number): string =>
  action === "trash"
    ? `Mettre ${fr.count(n, "opération", "opérations")} à la corbeille`
    : `${BULK_ACTIONS[action].verb} ${fr.count(n, "opération", "opérations")}`;
