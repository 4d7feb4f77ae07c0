import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import { writeReading } from "../queries/readings.ts";
import { noteSecurity } from "../security-event.ts";

/** Tells of an export in the security log, and among the readings of personal data of that page when it holds people (EXP-12, HIS-16). */
export async function noteExport(
  em: EntityManager,
  req: Request,
  { people, ...detail }: { what: string; rows: number; people: string | null } & Record<string, string | number | null>,
): Promise<void> {
  const { id: userId, tenantId } = req.user!;
  noteSecurity(em, req, { kind: "export", userId, detail });
  if (people !== null) {
    await writeReading(em, { tenantId, userId, page: people, subjectId: null, address: req.ip ?? "" });
  }
}
