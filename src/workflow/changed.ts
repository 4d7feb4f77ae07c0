import { fr } from "../platform/text/index.ts";
import { whoWords } from "./decide.ts";
import { type Arrow, CATEGORIES, DATES, ICONS, KINDS, REASONS, type Status, TONES, type Workflow } from "./workflow.ts";

const quoted = (text: string) => `« ${text} »`;

/** What another workflow changes of this one, in French, a line each; empty when they say the same [TYP-4]. */
export function changed(before: Workflow, after: Workflow): string[] {
  return [...changedStatuses(before, after), ...changedArrows(before, after)];
}

function changedStatuses(before: Workflow, after: Workflow): string[] {
  const said: string[] = [];
  const former = new Map(before.statuses.map((status) => [status.code, status]));
  const present = new Map(after.statuses.map((status) => [status.code, status]));
  for (const { code, label } of before.statuses) if (!present.has(code)) said.push(`Statut retiré : ${quoted(label)}.`);
  for (const status of after.statuses) {
    const was = former.get(status.code);
    if (!was) {
      said.push(`Statut ajouté : ${quoted(status.label)}, de catégorie ${quoted(CATEGORIES[status.category].label)}.`);
      continue;
    }
    const moved = statusWords(was, status);
    if (moved.length > 0) said.push(`Statut ${quoted(was.label)} : ${moved.join(" ; ")}.`);
  }
  const kept = (statuses: Status[], in_: Map<string, Status>) =>
    statuses.filter(({ code }) => in_.has(code)).map(({ code }) => code);
  if (kept(before.statuses, present).join() !== kept(after.statuses, former).join())
    said.push("L’ordre des statuts change.");
  return said;
}

function statusWords(was: Status, now: Status): string[] {
  const words: string[] = [];
  if (was.label !== now.label) words.push(`renommé ${quoted(now.label)}`);
  if (was.category !== now.category) {
    words.push(`catégorie ${quoted(CATEGORIES[was.category].label)} devient ${quoted(CATEGORIES[now.category].label)}`);
  }
  if (was.tone !== now.tone) words.push(`couleur ${TONES[now.tone].toLowerCase()}`);
  if (was.icon !== now.icon) words.push(`icône ${ICONS[now.icon].toLowerCase()}`);
  if (was.isFinal !== now.isFinal) words.push(now.isFinal ? "devient final" : "n’est plus final");
  if (was.isInitial !== now.isInitial) words.push(now.isInitial ? "devient initial" : "n’est plus initial");
  return words;
}

function changedArrows(before: Workflow, after: Workflow): string[] {
  const labels = new Map([...before.statuses, ...after.statuses].map(({ code, label }) => [code, label]));
  const path = ({ label, from, to }: Arrow) =>
    `${quoted(label)}, de ${quoted(labels.get(from) ?? from)} à ${quoted(labels.get(to) ?? to)}`;
  const key = ({ kind, label, from, to }: Arrow) => [kind, label, from, to].join(" ");
  const former = new Map(before.transitions.map((arrow) => [key(arrow), arrow]));
  const present = new Map(after.transitions.map((arrow) => [key(arrow), arrow]));
  const said: string[] = [];
  for (const [one, arrow] of former) if (!present.has(one)) said.push(`Transition retirée : ${path(arrow)}.`);
  for (const [one, arrow] of present) {
    const was = former.get(one);
    if (!was) {
      said.push(`Transition ajoutée : ${path(arrow)}.`);
      continue;
    }
    const words: string[] = [];
    if ([...was.roles].sort().join() !== [...arrow.roles].sort().join())
      words.push(`permise à : ${whoWords(arrow.roles)}`);
    if (was.reason !== arrow.reason) words.push(`motif ${REASONS[arrow.reason]}`);
    if (was.date !== arrow.date) words.push(`date ${DATES[arrow.date]}`);
    if (words.length > 0) said.push(`Transition ${path(arrow)} : ${words.join(" ; ")}.`);
  }
  return said;
}

/** A workflow in a sentence: what a drawing of it says to who cannot see it. */
export const workflowWords = ({ statuses, transitions }: Workflow): string =>
  `Flux de ${fr.count(statuses.length, "statut", "statuts")} et ${fr.count(transitions.length, "transition", "transitions")}`;

export const kindLabel = (kind: Arrow["kind"]) => KINDS[kind].label;
