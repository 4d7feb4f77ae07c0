import { randomUUIDv7 } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { createdAt, tenantKey, tenantTable, versioned } from "../platform/db/entity.ts";
import { Conflict, RuleBroken } from "../platform/errors.ts";
import { record } from "../platform/events/record.ts";
import { holdExportsOf } from "./queries.ts";

export const EXPORT_STATES = ["running", "completed", "cancelled", "failed"] as const;
export type ExportState = (typeof EXPORT_STATES)[number];

/** Up to so many rows are given at once; beyond, a job prepares the file (EXP-10). */
export const MOST_AT_ONCE = 5_000;
/** A prepared file leaves after this long (EXP-11). */
export const KEPT_HOURS = 24;
/** Files one person may have prepared and kept at once. */
const MOST_KEPT = 10;
const HOUR_MS = 3_600_000;

const schema = defineEntity({
  name: "Export",
  ...tenantTable,
  indexes: [{ properties: ["tenantId", "authorId"] }],
  properties: {
    ...tenantKey(),
    kind: p.text(),
    scopeId: p.uuid().nullable(),
    query: p.json<Record<string, string | string[]>>().columnType("jsonb"),
    isWhole: p.boolean(),
    authorId: p.uuid(),
    state: p.enum(EXPORT_STATES).default("running"),
    fileName: p.text(),
    said: p.text().default(""),
    /** Rows to write when it was asked, and written so far. */
    total: p.integer(),
    done: p.integer().default(0),
    /** Key of its bytes in the storage; no row of `file` keeps them: the sweep takes what nobody knows after a day. */
    blob: p.text().nullable(),
    size: p.bigint("number").nullable(),
    sha256: p.text().nullable(),
    failure: p.text().nullable(),
    cancelAskedAt: p.datetime().nullable(),
    finishedAt: p.datetime().nullable(),
    expiresAt: p.datetime(),
    ...createdAt(),
    ...versioned(),
  },
});

/** A file of rows prepared for one person, for a day. */
export class Export extends schema.class {
  isReady(now: Date) {
    return this.state === "completed" && this.blob != null && this.expiresAt > now;
  }
}
schema.setClass(Export);
export const ExportSchema = schema;

export const aboutExport = ({ id }: { id: string }) => ({ type: "export", id });

export interface Wanted {
  kind: string;
  scopeId: string | null;
  query: Record<string, string | string[]>;
  isWhole: boolean;
  fileName: string;
  said: string;
  total: number;
}

/**
 * Asks a job for a file of rows (EXP-10). Refused while another of theirs is being prepared, and past ten kept: each is a
 * copy of the organisation's data on a disk. The caller flushes.
 */
export async function askExport(
  em: EntityManager,
  wanted: Wanted,
  { tenantId, by, now }: { tenantId: string; by: { id: string }; now: Date },
): Promise<Export> {
  await holdExportsOf(em, by.id);
  const kept = await em.find(Export, { authorId: by.id, expiresAt: { $gt: now } });
  if (kept.some(({ state }) => state === "running")) {
    throw new RuleBroken(
      "Un autre de vos exports se prépare encore\u00a0: attendez sa fin, ou arrêtez-le depuis «\u00a0Mes exports\u00a0».",
    );
  }
  if (kept.filter(({ blob }) => blob !== null).length >= MOST_KEPT) {
    throw new RuleBroken(`Vous avez déjà ${MOST_KEPT} exports gardés. Supprimez-en un, ou attendez demain.`);
  }
  const one = em.create(Export, {
    tenantId,
    id: randomUUIDv7(),
    ...wanted,
    authorId: by.id,
    blob: null,
    size: null,
    sha256: null,
    failure: null,
    cancelAskedAt: null,
    finishedAt: null,
    expiresAt: new Date(now.getTime() + KEPT_HOURS * HOUR_MS),
  });
  em.persist(one);
  record(em, "export.asked", aboutExport(one));
  return one;
}

/** Asks its preparation to stop: within the bundle of rows under way. The caller flushes. */
export function cancelExport(one: Export, { now }: { now: Date }): void {
  if (one.state !== "running") throw new Conflict("Cet export est fini\u00a0: il n’y a plus rien à arrêter.");
  one.cancelAskedAt = now;
}
