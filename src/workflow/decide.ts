import { Conflict, Forbidden, RuleBroken } from "../platform/errors.ts";
import { fr } from "../platform/text/index.ts";
import { type Arrow, type ArrowRole, KINDS, type Kind, ROLES, statusOf, type Workflow } from "./workflow.ts";

/** The one answer to "may this operation go there?", for pages, edits in place, bulk acts, imports, booking and jobs [WFL-3]. */

/** The arrows leaving a status that one of these may follow, in the workflow's order. */
export const arrowsFrom = ({ transitions }: Workflow, status: string, who: readonly ArrowRole[]): Arrow[] =>
  transitions.filter(({ from, roles }) => from === status && roles.some((role) => who.includes(role)));

/** The words of an arrow among those offered with it: two of the same words say where each leads. */
export function arrowLabel({ statuses }: Workflow, offered: readonly Arrow[], { label, to }: Arrow): string {
  if (offered.filter((one) => one.label === label).length < 2) return label;
  return `${label}\u00a0: ${statuses.find(({ code }) => code === to)!.label}`;
}

export interface Wish {
  /** The present status. */
  from: string;
  /** The status wanted, or the action, or both. */
  to?: string | undefined;
  kind?: Kind | undefined;
  /** In what capacity it is asked. */
  who: readonly ArrowRole[];
  reason?: string | null | undefined;
  /** A new planned date, whatever its form: only its presence counts here. */
  date?: unknown;
}

/**
 * The arrow that answers a wish. Of several, the one whose date policy fits what is given, then the first of the workflow.
 * Throws Conflict when there is none (409), Forbidden when it is others' to follow (403), RuleBroken when a reason or a
 * date is missing, or is not taken (422).
 */
export function decide(workflow: Workflow, { from, to, kind, who, reason, date }: Wish): Arrow {
  if (to === undefined && kind === undefined)
    throw new TypeError("A transition is asked by its status, its action, or both.");
  const asked = workflow.transitions.filter(
    (arrow) =>
      arrow.from === from && (to === undefined || arrow.to === to) && (kind === undefined || arrow.kind === kind),
  );
  if (asked.length === 0) throw new Conflict(noArrow(workflow, from, to, kind, who));
  const allowed = asked.filter(({ roles }) => roles.some((role) => who.includes(role)));
  if (allowed.length === 0) throw new Forbidden(notAllowed(asked[0]!));

  const isDated = date !== undefined && date !== null && date !== "";
  const arrow = allowed.find((one) => (isDated ? takesDate(one) : one.date !== "required")) ?? allowed[0]!;
  if (arrow.reason === "required" && !reason?.trim()) {
    throw new RuleBroken(`Donnez le motif : « ${arrow.label} » en demande un.`, "reason");
  }
  if (arrow.date === "required" && !isDated) {
    throw new RuleBroken(`Donnez la date : « ${arrow.label} » en demande une.`, "date");
  }
  if (isDated && !takesDate(arrow)) {
    throw new RuleBroken(
      `« ${arrow.label} » ne prend pas de date. Videz-la, ou choisissez une autre transition.`,
      "date",
    );
  }
  return arrow;
}

export const takesDate = ({ date }: Arrow): boolean => date === "required" || date === "optional";

function noArrow(
  workflow: Workflow,
  from: string,
  to: string | undefined,
  kind: Kind | undefined,
  who: readonly ArrowRole[],
): string {
  const start = labelOf(workflow, from);
  const open = [...new Set(arrowsFrom(workflow, from, who).map(({ label }) => label))];
  const wish =
    to !== undefined
      ? from === to
        ? `Cette opération est déjà ${start}`
        : `Aucune transition ne mène de ${start} à ${labelOf(workflow, to)}`
      : `« ${KINDS[kind!].label} » ne part pas de ${start}`;
  return `${wish}. ${open.length > 0 ? `Depuis ce statut, vous pouvez : ${fr.list(open.map((label) => `« ${label} »`))}.` : "Rien ne peut être fait depuis ce statut."}`;
}

const notAllowed = ({ label, roles }: Arrow) =>
  roles.length === 0
    ? `« ${label} » n’est permis à personne. Demandez que le flux de la campagne soit corrigé.`
    : `« ${label} » revient ${fr.list(roles.map((role) => TO[role]))}. Demandez-le-lui.`;

const TO: Record<ArrowRole, string> = {
  assignee: "au technicien affecté",
  manager: "à un gestionnaire de la campagne",
  booking: "à la prise de rendez-vous",
};

const labelOf = (workflow: Workflow, code: string) => `« ${statusOf(workflow, code)?.label ?? code} »`;

export const whoWords = (roles: readonly ArrowRole[]): string =>
  roles.length === 0 ? "personne" : fr.list(roles.map((role) => ROLES[role]));
