import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import type { Registry } from "../../platform/registry.ts";
import type { ImportConcern, OpenImport } from "../../platform/sheets/profile.ts";
import type { Import } from "../import.ts";
import { missingRows, touchedRows } from "../queries/staging.ts";
import { aboutOf, profileAt } from "./shown.ts";

type Found = Pick<ImportConcern, "noun"> & Awaited<ReturnType<ImportConcern["find"]>>;

/** What hangs, in other modules, on the rows this file does not hold: before they are touched, and once they are [IMP-48]. */
export async function concernsOf(em: EntityManager, req: Request, one: Import, open: OpenImport): Promise<Found[]> {
  const choice = one.options.missing;
  const { importConcerns } = req.app.locals.registry as Registry;
  const asked = importConcerns.filter((concern) => concern.kind === one.kind && concern.choice === choice);
  // Without its mapping, ninety days later, nothing says any more which rows the file held.
  if (asked.length === 0 || one.mapping.key.length === 0) return [];
  const of = { profile: profileAt(req, one.kind), open, about: aboutOf(req, one) };
  const rows =
    one.state === "checked"
      ? missingRows(of, choice)
      : one.state === "completed"
        ? touchedRows(of, { choice, actId: one.actId! })
        : null;
  if (!rows) return [];
  const found: Found[] = [];
  for (const { noun, find } of asked) found.push({ noun, ...(await find(em, req.user!, rows)) });
  return found.filter(({ total }) => total > 0);
}
