import { fr } from "../platform/text/index.ts";
import { bare } from "./text.ts";
import { type Arrow, type ArrowRole, CATEGORIES, KINDS, REASONS, type Status, type Workflow } from "./workflow.ts";

/** What keeps an operation from being lost in a workflow, or reopened without a reason: refused [WFL-4, WFL-8], or only said [WFL-5]. */

/** Whose save is refused, each sentence naming the statuses concerned; empty for a sound workflow [WFL-4]. */
export function refusals(workflow: Workflow): string[] {
  const { statuses, transitions } = workflow;
  if (statuses.length === 0) return ["Ce flux n’a aucun statut. Partez d’un des modèles, ou ajoutez-en."];
  const dangling = unknownEnds(workflow);
  if (dangling.length > 0) return [...twins(statuses), ...dangling];
  return [
    ...twins(statuses),
    ...initialProblems(statuses),
    ...categoryProblems(statuses),
    ...pathProblems(workflow),
    ...cancelProblems(workflow),
    ...arrowProblems(workflow, transitions),
  ];
}

/** What the editor says without refusing; `present`: who there is to follow arrows in this campaign or organisation [WFL-5]. */
export function warnings(workflow: Workflow, { present }: { present?: readonly ArrowRole[] } = {}): string[] {
  const { statuses, transitions } = workflow;
  const said: string[] = [];
  const leaving = (status: Status) => transitions.filter(({ from }) => from === status.code);
  const closed = statuses.filter((status) => status.isFinal && leaving(status).length === 0);
  if (closed.length > 0) said.push(`${named(closed)} : rien ne permet de rouvrir une opération qui y arrive.`);
  const narrow = statuses.filter(
    (status) =>
      (status.category === "problem" || status.category === "deferred") &&
      new Set(leaving(status).map(({ to }) => to)).size === 1,
  );
  if (narrow.length > 0)
    said.push(`${named(narrow)} : une seule sortie. Une opération qui s’y trompe n’a pas d’autre chemin.`);
  for (const { label, from, roles } of transitions) {
    if (roles.length === 0 || (present && !roles.some((role) => present.includes(role)))) {
      said.push(`« ${label} » depuis ${name(workflow, from)} n’est permis à personne de présent.`);
    }
  }
  return said;
}

const quoted = (text: string) => `« ${text} »`;
const named = (statuses: readonly Status[]) => fr.list(statuses.map(({ label }) => quoted(label)));
const name = ({ statuses }: Workflow, code: string) =>
  quoted(statuses.find((status) => status.code === code)?.label ?? code);

function twins(statuses: readonly Status[]): string[] {
  const said: string[] = [];
  const seen = new Map<string, Status>();
  for (const status of statuses) {
    const twin = seen.get(bare(status.label));
    if (twin) said.push(`Deux statuts s’appellent ${quoted(twin.label)}. Renommez-en un.`);
    seen.set(bare(status.label), status);
    if (statuses.some((other) => other !== status && other.code === status.code)) {
      said.push(`Deux statuts ont le code ${quoted(status.code)}. Retirez-en un.`);
    }
  }
  return [...new Set(said)];
}

function unknownEnds({ statuses, transitions }: Workflow): string[] {
  const known = new Set(statuses.map(({ code }) => code));
  return [
    ...new Set(
      transitions.flatMap(({ label, from, to }) =>
        [from, to]
          .filter((end) => !known.has(end))
          .map(
            (end) =>
              `La transition ${quoted(label)} nomme un statut qui n’existe pas, ${quoted(end)}. Retirez-la, ou choisissez un autre statut.`,
          ),
      ),
    ),
  ];
}

function initialProblems(statuses: readonly Status[]): string[] {
  const initial = statuses.filter(({ isInitial }) => isInitial);
  if (initial.length === 0) return ["Aucun statut initial. Dites où commence une opération nouvelle."];
  if (initial.length > 1) return [`Plusieurs statuts initiaux : ${named(initial)}. Gardez-en un seul.`];
  if (initial[0]!.category !== "open") {
    return [
      `Le statut initial ${named(initial)} est de catégorie ${quoted(CATEGORIES[initial[0]!.category].label)}. Choisissez-en un de catégorie ${quoted(CATEGORIES.open.label)}.`,
    ];
  }
  return [];
}

function categoryProblems(statuses: readonly Status[]): string[] {
  const said: string[] = [];
  const success = quoted(CATEGORIES.success.label);
  const cancelled = quoted(CATEGORIES.cancelled.label);
  const wrong = statuses.filter(({ isFinal, category }) => isFinal && !CATEGORIES[category].isFinal);
  if (wrong.length > 0) {
    said.push(
      `${named(wrong)} : un statut final est de catégorie ${success} ou ${cancelled}. Changez sa catégorie, ou décochez « Final ».`,
    );
  }
  const loose = statuses.filter(({ isFinal, category }) => !isFinal && CATEGORIES[category].isFinal);
  if (loose.length > 0)
    said.push(`${named(loose)} : un statut de catégorie ${success} ou ${cancelled} est final. Cochez « Final ».`);
  for (const category of ["success", "cancelled"] as const) {
    if (!statuses.some((status) => status.category === category)) {
      said.push(`Aucun statut de catégorie ${quoted(CATEGORIES[category].label)}. Ajoutez-en un.`);
    }
  }
  return said;
}

function pathProblems({ statuses, transitions }: Workflow): string[] {
  const said: string[] = [];
  const start = statuses.filter(({ isInitial }) => isInitial);
  if (start.length > 0) {
    const reached = closure(start, transitions, ({ from, to }) => [from, to]);
    const lost = statuses.filter(({ code }) => !reached.has(code));
    if (lost.length > 0)
      said.push(`${named(lost)} : aucun chemin n’y mène depuis ${named(start)}. Ajoutez une transition qui y arrive.`);
  }
  const leading = closure(
    statuses.filter(({ isFinal }) => isFinal),
    transitions,
    ({ from, to }) => [to, from],
  );
  const stuck = statuses.filter(({ code, isFinal }) => !isFinal && !leading.has(code));
  if (stuck.length > 0)
    said.push(`${named(stuck)} : aucun chemin n’en mène à un statut final. Ajoutez une transition qui en sorte.`);
  return said;
}

function closure(
  starts: readonly Status[],
  transitions: readonly Arrow[],
  along: (arrow: Arrow) => [string, string],
): Set<string> {
  const next = new Map<string, string[]>();
  for (const arrow of transitions) {
    const [from, to] = along(arrow);
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const reached = new Set(starts.map(({ code }) => code));
  for (const code of reached) for (const to of next.get(code) ?? []) reached.add(to);
  return reached;
}

function cancelProblems({ statuses, transitions }: Workflow): string[] {
  const cancelled = new Set(statuses.filter(({ category }) => category === "cancelled").map(({ code }) => code));
  if (cancelled.size === 0) return [];
  const held = statuses.filter(
    ({ code, isFinal }) => !isFinal && !transitions.some(({ from, to }) => from === code && cancelled.has(to)),
  );
  return held.length > 0
    ? [
        `${named(held)} : rien ne permet d’y annuler une opération. Ajoutez une transition vers un statut de catégorie ${quoted(CATEGORIES.cancelled.label)}.`,
      ]
    : [];
}

function arrowProblems(workflow: Workflow, transitions: readonly Arrow[]): string[] {
  const said: string[] = [];
  const categories = new Map(workflow.statuses.map(({ code, category }) => [code, category]));
  const seen = new Map<string, Arrow[]>();
  for (const arrow of transitions) {
    const { kind, label, from, to } = arrow;
    const [start, end] = [name(workflow, from), name(workflow, to)];
    if (from === to) said.push(`${quoted(label)} mène de ${start} à lui-même. Choisissez un autre statut d’arrivée.`);
    const wanted: readonly string[] = KINDS[kind].to;
    const category = categories.get(to)!;
    if (!wanted.includes(category)) {
      const words = wanted.map((one) => quoted(CATEGORIES[one as keyof typeof CATEGORIES].label));
      said.push(
        `${quoted(label)} fait l’action ${quoted(KINDS[kind].label)} et mène de ${start} à ${end}, de catégorie ${quoted(CATEGORIES[category].label)} : cette action mène à ${words.join(" ou ")}. Changez l’arrivée, ou prenez l’action ${quoted(KINDS.custom.label)}.`,
      );
    }
    if (kind === "reopen" && arrow.reason !== "required") {
      said.push(
        `${quoted(label)}, de ${start} à ${end}, rouvre sans demander pourquoi. Rendez son motif ${quoted(REASONS.required)}.`,
      );
    }
    const key = `${from} ${bare(label)}`;
    for (const other of seen.get(key) ?? []) {
      if (other.to === to) said.push(`Deux transitions ${quoted(label)} mènent de ${start} à ${end}. Retirez-en une.`);
      // What is done with the date tells two arrows apart: given, kept, or taken away.
      else if (other.date === arrow.date) {
        said.push(
          `Deux transitions ${quoted(label)} partent de ${start}, vers ${name(workflow, other.to)} et vers ${end}, sans rien pour choisir. Donnez-leur deux libellés, ou une date à l’une d’elles.`,
        );
      }
    }
    seen.set(key, [...(seen.get(key) ?? []), arrow]);
  }
  return [...new Set(said)];
}
