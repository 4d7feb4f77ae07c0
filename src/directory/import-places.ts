import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Tenant } from "../accounts/index.ts";
import { RuleBroken } from "../platform/errors.ts";
import { addedAmong, addedNotice } from "../platform/sheets/added.ts";
import { folded } from "../platform/sheets/header.ts";
import type { ImportAbout, ImportTarget } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import { LONGEST_DEPARTMENT } from "./department.ts";
import { OFFICE_HOURS } from "./hours.ts";
import { placesAsked, sendToPlaces } from "./queries/imports.ts";
import { addPlaces, listPlaceNames, type PlaceKind } from "./queries/places.ts";
import { LONGEST_SITE } from "./site.ts";
import { tidyName } from "./wording.ts";

/** The departments and sites a file of people speaks of, those it adds included. */

const KINDS = {
  department: { code: "service", longest: LONGEST_DEPARTMENT, one: "un service", many: "services" },
  site: { code: "site", longest: LONGEST_SITE, one: "un site", many: "sites" },
} as const;

/** As many new ones as a file may add: beyond, its column is of something else. */
const MOST_ADDED = 500;
const MOST_TOLD = 20;

export interface Places {
  kind: PlaceKind;
  /** Code of the column that names them. */
  code: string;
  /** Those of the directory. */
  known: string[];
  read: ReturnType<ImportTarget["reader"]>;
  nameOf(id: string): string | undefined;
  isKnown(id: string): boolean;
}

/** Those there are, and those a file asks for, each given an id before it is made, to be told apart. */
export async function placesOf(
  em: EntityManager,
  kind: PlaceKind,
  { notices }: Pick<ImportAbout, "notices">,
): Promise<Places> {
  const { code, longest, many } = KINDS[kind];
  const known = await listPlaceNames(em, kind);
  const all = [...addedAmong(notices, kind), ...known];
  const ids = new Map(all.map(({ id, name }) => [folded(name), id]));
  const names = new Map(all.map(({ id, name }) => [id, name]));
  let added = 0;
  return {
    kind,
    code,
    known: known.map(({ name }) => name),
    nameOf: (id) => names.get(id),
    isKnown: (id) => known.some((one) => one.id === id),
    read(text) {
      const key = folded(text);
      const found = ids.get(key);
      if (found) return { value: found };
      if (added >= MOST_ADDED) {
        return {
          problem: `Cela ferait plus de ${MOST_ADDED} ${many} de plus\u00a0: cette colonne va peut-être ailleurs.`,
        };
      }
      try {
        const name = tidyName(text, code, longest, "Écrivez un nom.");
        const id = randomUUIDv7();
        added++;
        ids.set(key, id);
        names.set(id, name);
        return { value: id };
      } catch (error) {
        if (error instanceof RuleBroken) return { problem: error.message };
        throw error;
      }
    },
  };
}

/** Makes those that lines to be written ask for, sites with the settings of the organisation, and sends the lines there. */
export async function makePlaces(em: EntityManager, tenantId: string, { kind, code, nameOf }: Places): Promise<void> {
  const present = new Set((await listPlaceNames(em, kind)).map(({ id }) => id));
  const missing = (await placesAsked(em, code)).filter((id) => !present.has(id));
  if (missing.length === 0) return;
  const { zone, holidayZone } = await em.findOneOrFail(Tenant, { id: tenantId });
  const names = missing.map((id) => nameOf(id)!);
  const made = await addPlaces(em, kind, names, { tenantId, zone, holidayZone, hours: OFFICE_HOURS });
  await sendToPlaces(em, code, Object.fromEntries(missing.map((id, rank) => [id, made[rank]!])));
}

/** What a check noticed of lines to be written: the names they add. */
export async function newPlaces(em: EntityManager, { kind, code, nameOf, isKnown }: Places): Promise<string[]> {
  return (await placesAsked(em, code)).flatMap((id) =>
    isKnown(id) ? [] : addedNotice(kind, { id, name: nameOf(id)! }),
  );
}

/** What a check tells of the departments and sites a file adds. */
export function placesWords(notices: Record<string, number>): string[] {
  return (["department", "site"] as const).flatMap((kind) => {
    const names = addedAmong(notices, kind).map(({ name }) => name);
    if (names.length === 0) return [];
    const told = names.slice(0, MOST_TOLD).map((name) => `«\u00a0${name}\u00a0»`);
    const more = names.length - told.length;
    const { one, many } = KINDS[kind];
    const head = `Ce fichier ajoute ${names.length === 1 ? one : `${names.length} ${many}`} à l’annuaire`;
    return `${head}\u00a0: ${fr.list(more > 0 ? [...told, fr.count(more, "autre", "autres")] : told)}.`;
  });
}
