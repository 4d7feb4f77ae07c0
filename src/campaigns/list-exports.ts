import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import { explain, MANAGER_RIGHTS, mayRoute, type SignedIn } from "../accounts/index.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { type ExportAsked, type ExportProfile, fileNameAfter, planOfFew, saidOnce } from "../platform/sheets/export.ts";
import { percentOf } from "../platform/text/index.ts";
import { CATEGORY_CODES } from "../workflow/index.ts";
import { aboutCampaign } from "./campaign.ts";
import { OperationType } from "./operation-type.ts";
import { campaignFor } from "./policy.ts";
import { prerequisiteStatus } from "./prerequisite.ts";
import { listPrerequisites } from "./queries/prerequisites.ts";
import { findSnapshot, snapshotOn } from "./queries/snapshots.ts";
import { statsOfCampaign } from "./queries/stats.ts";
import { timeByBoth } from "./queries/time-spent.ts";
import { COUNTER_LABELS, type FiguresLine } from "./stats.ts";

/** The short lists of campaigns, whole (EXP-1). */

const frenchDay = (day: string) => day.split("-").reverse().join("/");

async function exportable(em: EntityManager, { user, scopeId }: ExportAsked) {
  if (!z.uuid().safeParse(scopeId).success) throw new NotFound();
  return campaignFor(em, user as SignedIn, scopeId!, "rows.export");
}

/** The seven counters, a column each (STA-3). */
const COUNTER_CELLS = CATEGORY_CODES.map((code) => ({
  head: COUNTER_LABELS[code],
  cell: ({ counters }: FiguresLine) => counters[code],
}));

/** What each segment comes to, as its page and the dashboard say it; those in none last (SEG-5, SEG-6). */
export const segmentsExport: ExportProfile = {
  kind: "segments",
  title: "Exporter les segments",
  noun: ["segment", "segments"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, asked) {
    const { campaign } = await exportable(em, asked);
    const { segments } = await statsOfCampaign(em, campaign, asked);
    return planOfFew(
      segments.filter(({ id, total }) => id !== null || total > 0),
      [
        { head: "Segment", cell: ({ name }) => name ?? "Sans segment" },
        { head: "Opérations", cell: ({ total }) => total },
        ...COUNTER_CELLS,
        { head: "Avancement (%)", cell: ({ progress }) => percentOf(progress) },
        { head: "Attendu (%)", cell: ({ expected }) => percentOf(expected) },
        { head: "En retard", cell: ({ late }) => late },
      ],
      {
        place: { label: campaign.name, path: `/campagnes/${campaign.id}/segments` },
        name: fileNameAfter("segments", campaign.name),
      },
    );
  },
};

/** What must be ready, of the whole campaign first, then of each segment (PRE-1). */
export const prerequisitesExport: ExportProfile = {
  kind: "prerequis",
  title: "Exporter les prérequis",
  noun: ["prérequis", "prérequis"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, asked) {
    const { campaign } = await exportable(em, asked);
    const zone = campaign.zone ?? (asked.user as SignedIn).tenant.zone;
    return planOfFew(
      await listPrerequisites(em, campaign.id, { zone }),
      [
        { head: "Segment", cell: ({ segment }) => segment },
        { head: "Prérequis", cell: ({ label }) => label },
        { head: "Responsable", cell: ({ responsible }) => responsible },
        { head: "Échéance", cell: ({ dueOn }) => dueOn && frenchDay(dueOn) },
        { head: "Statut", cell: ({ status }) => prerequisiteStatus(status).label },
        { head: "Bloquant", cell: ({ isBlocking }) => (isBlocking ? "Oui" : "Non") },
        { head: "En retard", cell: (one) => (one.isLate ? "Oui" : "Non") },
      ],
      {
        place: { label: campaign.name, path: `/campagnes/${campaign.id}/prerequis` },
        name: fileNameAfter("prerequis", campaign.name),
        holdsPeople: true,
      },
    );
  },
};

/** The figures of a day as they were frozen, segment by segment (SNP-4): of the snapshot that is asked, or of the last. */
export const snapshotExport: ExportProfile = {
  kind: "instantane",
  title: "Exporter un instantané",
  noun: ["ligne", "lignes"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, asked) {
    const { campaign } = await exportable(em, asked);
    const { instantane } = saidOnce(asked.query);
    const id = z.uuid().safeParse(instantane);
    const found = id.success
      ? await findSnapshot(em, campaign.id, id.data)
      : await snapshotOn(em, campaign.id, "9999-12-31");
    if (!found && instantane !== undefined) throw new NotFound();
    const day = found?.day ?? "";
    const lines = found ? [...found.figures.segments, { ...found.figures, id: null, name: "Total" }] : [];
    return planOfFew(
      lines,
      [
        { head: "Jour", cell: () => frenchDay(day) },
        { head: "Segment", cell: ({ name }) => name ?? "Sans segment" },
        { head: "Total", cell: ({ total }) => total },
        ...COUNTER_CELLS,
        { head: "Avancement (%)", cell: ({ progress }) => percentOf(progress) },
        { head: "Attendu (%)", cell: ({ expected }) => percentOf(expected) },
        { head: "En retard", cell: ({ late }) => late },
      ],
      {
        place: { label: campaign.name, path: `/campagnes/${campaign.id}/instantanes${found ? `/${found.id}` : ""}` },
        name: fileNameAfter("instantane", campaign.name, day),
      },
    );
  },
};

/** Minutes by segment, and by technician to manager rights only (OPS-23). */
export const timeExport: ExportProfile = {
  kind: "temps",
  title: "Exporter le temps passé",
  noun: ["total", "totaux"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, asked) {
    const { campaign, may } = await exportable(em, asked);
    const withTechnicians = may(MANAGER_RIGHTS.operations);
    const lines = await timeByBoth(em, campaign.id, { withTechnicians });
    return planOfFew(
      lines,
      [
        { head: "Segment", cell: ({ segment }) => segment ?? "Sans segment" },
        ...(withTechnicians
          ? [{ head: "Technicien", cell: ({ technician }: (typeof lines)[0]) => technician ?? "Non affectée" }]
          : []),
        { head: "Minutes passées", cell: ({ minutes }) => minutes },
        { head: "Opérations", cell: ({ operations }) => operations },
      ],
      {
        place: { label: campaign.name, path: `/campagnes/${campaign.id}/temps` },
        name: fileNameAfter("temps-passe", campaign.name),
        holdsPeople: withTechnicians,
      },
    );
  },
};

/** The types of operations of the organisation, those in use first (TYP-1). */
export const typesExport: ExportProfile = {
  kind: "types",
  title: "Exporter les types d’opérations",
  noun: ["type", "types"],
  about: (_scopeId, tenantId) => ({ type: "tenant", id: tenantId }),
  async open(em, { user, scopeId }) {
    if (scopeId !== null) throw new NotFound();
    if (!mayRoute(user.roles, "catalogue.edit")) throw new Forbidden(explain(user.roles, "catalogue.edit"));
    return planOfFew(
      await listTypes(em),
      [
        { head: "Nom", cell: ({ name }) => name },
        { head: "Description", cell: ({ description }) => description || null },
        { head: "État", cell: (type) => (type.isRetired() ? "Retiré" : "Actif") },
        { head: "Durée standard (min)", cell: ({ durationMinutes }) => durationMinutes },
        { head: "Champs", cell: ({ fields }) => fields.length },
        { head: "Statuts", cell: ({ workflow }) => workflow.statuses.length },
      ],
      { place: { label: "Types d’opérations", path: "/admin/types-operations" }, name: "types-operations" },
    );
  },
};

/** Those in use, then those retired, by name. */
export async function listTypes(em: EntityManager): Promise<OperationType[]> {
  const types = await em.find(OperationType, {});
  return types.sort((a, b) => Number(a.isRetired()) - Number(b.isRetired()) || a.name.localeCompare(b.name, "fr"));
}
