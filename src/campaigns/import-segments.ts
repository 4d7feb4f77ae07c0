import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { tidy } from "../fields/index.ts";
import { addedAmong, addedNotice } from "../platform/sheets/added.ts";
import type { ImportAbout, ImportTarget } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import type { Campaign } from "./campaign.ts";
import { segmentsAsked, sendToSegments } from "./queries/imports.ts";
import { listSegments } from "./queries/segments.ts";
import { MOST_SEGMENTS, segmentKey, segmentsOfValues } from "./segment.ts";

/** The segments a file of operations speaks of, those it adds included. */

/** What a check notices of a segment the file asks for [IMP-28]. */
const NOTICE = "segment";
const MOST_TOLD = 20;

/** What a check tells of the segments a file adds, if it does. */
export function segmentsWords(notices: Record<string, number>): string[] {
  const names = addedAmong(notices, NOTICE).map(({ name }) => name);
  if (names.length === 0) return [];
  const told = names.slice(0, MOST_TOLD).map((name) => `«\u00a0${name}\u00a0»`);
  const more = names.length - told.length;
  const head = names.length < 2 ? "Ce fichier ajoute un segment" : `Ce fichier ajoute ${names.length} segments`;
  return [`${head}\u00a0: ${fr.list(more > 0 ? [...told, fr.count(more, "autre", "autres")] : told)}.`];
}

/** What a check notices of the segments that lines to be written ask for. */
export async function newSegments(em: EntityManager, code: string, { nameOf, isKnown }: Segments): Promise<string[]> {
  return (await segmentsAsked(em, code)).flatMap((id) =>
    isKnown(id) ? [] : addedNotice(NOTICE, { id, name: nameOf(id)! }),
  );
}

type Read = ReturnType<ImportTarget["reader"]>;

export interface Segments {
  read(text: string): ReturnType<Read>;
  nameOf(id: string): string | undefined;
  /** It was there before this file. */
  isKnown(id: string): boolean;
  /** Made meanwhile: what is read from now on goes there. */
  become(name: string, id: string): void;
}

/** The segments there are, and those a file asks for, each given an id before it is made, to be told apart [SEG-2]. */
export async function segmentsOf(
  em: EntityManager,
  campaign: Campaign,
  { notices }: Pick<ImportAbout, "notices">,
): Promise<Segments> {
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  for (const { id, name } of addedAmong(notices, NOTICE)) {
    ids.set(segmentKey(name), id);
    names.set(id, name);
  }
  const known = await listSegments(em, campaign.id);
  for (const { id, name } of known) {
    ids.set(segmentKey(name), id);
    names.set(id, name);
  }
  for (const { id, values } of known) for (const key of values) ids.set(key, id);
  let count = known.length;
  return {
    nameOf: (id) => names.get(id),
    isKnown: (id) => known.some((one) => one.id === id),
    become(name, id) {
      ids.set(segmentKey(name), id);
      names.set(id, name);
    },
    read(text) {
      const key = segmentKey(text);
      const found = ids.get(key);
      if (found) return { value: found };
      if (count >= MOST_SEGMENTS) {
        return { problem: `Cela ferait plus de ${MOST_SEGMENTS} segments\u00a0: cette colonne va peut-être ailleurs.` };
      }
      count++;
      const id = randomUUIDv7();
      ids.set(key, id);
      names.set(id, tidy(text));
      return { value: id };
    },
  };
}

/** Makes the segments that lines to be written ask for, after those there are, and sends the lines there. */
export async function addSegments(
  em: EntityManager,
  campaign: Campaign,
  segments: Segments,
  code: string,
  by: { id: string },
): Promise<void> {
  const known = new Set((await listSegments(em, campaign.id)).map(({ id }) => id));
  const missing = (await segmentsAsked(em, code)).filter((id) => !known.has(id));
  if (missing.length === 0) return;
  const names = missing.map((id) => segments.nameOf(id)!);
  const found = await segmentsOfValues(em, campaign, names, { by });
  const made = missing.map((asked, rank) => ({
    asked,
    name: names[rank]!,
    id: found.get(segmentKey(names[rank]!))!,
  }));
  await sendToSegments(em, code, Object.fromEntries(made.map(({ asked, id }) => [asked, id])));
  for (const { name, id } of made) segments.become(name, id);
}
