import type { EntityManager } from "@mikro-orm/postgresql";
import { findUserNames, peopleOf } from "../accounts/index.ts";
import { notify } from "../notifications/index.ts";
import type { DomainEvent, Reaction } from "../platform/events/catalogue.ts";
import { fr } from "../platform/text/index.ts";
import { INLINE_ROWS } from "./bulk.ts";
import type { BulkAction } from "./bulk-wish.ts";
import { Campaign } from "./campaign.ts";
import { LETTERS } from "./grant.ts";
import { grantedBy, handedOver, heldBy } from "./queries/told.ts";

/**
 * What people are told of campaigns in their notification centre, in the transaction of its cause (ACT-5). Told from here, and
 * not by an event: the words name operations and campaigns, and an event is sealed for good.
 */

const nameOf = async (em: EntityManager, id: string | null) =>
  (id && (await findUserNames(em, [id])).get(id)) || "OpsTracker";

const ofCampaign = (n: number, title: string, campaign: string) =>
  `${n === 1 ? `l’opération «\u00a0${title}\u00a0»` : fr.count(n, "opération", "opérations")} de la campagne «\u00a0${campaign}\u00a0»`;

/** Acts that were told at the first of their events, which sees all they changed: the rest of them says nothing more. */
const tellings = new WeakMap<EntityManager, Set<string>>();

async function tellTechnicians(em: EntityManager, { actId, payload }: DomainEvent): Promise<void> {
  const acts = tellings.get(em) ?? new Set();
  if (acts.has(actId)) return;
  tellings.set(em, acts.add(actId));
  const handed = await handedOver(em, actId);
  const by = (payload.by as string | null) ?? null;
  const others = handed.filter(({ technicianId }) => technicianId !== by);
  if (others.length === 0) return;
  const name = await nameOf(em, by);
  for (const { technicianId, campaign, isGiven, n, operationId, title } of others) {
    await notify(em, {
      kind: "operations",
      to: [technicianId],
      text: `${name} vous a ${isGiven ? "affecté" : "retiré"} ${ofCampaign(n, title, campaign)}.`,
      path: isGiven && n === 1 ? `/operations/${operationId}` : null,
    });
  }
}

/** Technicians know nothing of a draft: its publication tells what was given to them meanwhile (CAM-10). */
async function tellPublished(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const campaign = await em.findOneOrFail(Campaign, { id: subject.id });
  for (const { technicianId, n } of await heldBy(em, subject.id)) {
    if (technicianId === payload.by) continue;
    const yours = n === 1 ? "une opération vous y est affectée" : `${fr.number(n)} opérations vous y sont affectées`;
    const text = `La campagne «\u00a0${campaign.name}\u00a0» est publiée\u00a0: ${yours}.`;
    await notify(em, { kind: "operations", to: [technicianId], text, path: null });
  }
}

const GRANTED = {
  create: "vous a donné une habilitation sur",
  update: "a changé votre habilitation sur",
  delete: "vous a retiré votre habilitation sur",
};

async function tellGranted(em: EntityManager, { actId, payload }: DomainEvent): Promise<void> {
  const by = (payload.by as string | null) ?? null;
  const granted = await grantedBy(em, actId);
  if (granted.length === 0) return;
  const name = await nameOf(em, by);
  for (const { campaignId, campaign, userId, groupId, operation, letters } of granted) {
    const reached = userId ? [userId] : groupId ? (await peopleOf(em, groupId)).map(({ id }) => id) : [];
    const now = LETTERS.flatMap(({ value, label }) => (letters.includes(value) ? label.toLowerCase() : []));
    const words = `${GRANTED[operation]} la campagne «\u00a0${campaign}\u00a0»`;
    await notify(em, {
      kind: "grants",
      to: reached.filter((id) => id !== by),
      text: `${name} ${words}${now.length > 0 ? `\u00a0: ${fr.list(now)}` : ""}.`,
      path: operation === "delete" ? null : `/campagnes/${campaignId}`,
    });
  }
}

const BULK_ENDS = { completed: "est terminée", cancelled: "est arrêtée", failed: "s’est interrompue" };

/** Of an action that a job carried out: its author may have gone elsewhere (OPS-15). */
async function tellBulk(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const { by, bulk, state, changed } = payload as {
    by: string;
    bulk: string;
    state: keyof typeof BULK_ENDS;
    changed: number;
  };
  if (state === "completed" && changed <= INLINE_ROWS) return;
  const { name } = await em.findOneOrFail(Campaign, { id: subject.id });
  await notify(em, {
    kind: "jobs",
    to: [by],
    text: `L’action groupée sur la campagne «\u00a0${name}\u00a0» ${BULK_ENDS[state]}\u00a0: ${fr.count(changed, "opération changée", "opérations changées")}.`,
    path: `/campagnes/${subject.id}/operations/lots/${bulk}`,
  });
}

async function tellConverted(em: EntityManager, { subject, payload }: DomainEvent): Promise<void> {
  const { by, field, converted, refused } = payload as {
    by: string;
    field: string;
    converted: number;
    refused: number;
  };
  const counts = [
    fr.count(converted, "valeur convertie", "valeurs converties"),
    fr.count(refused, "laissée de côté", "laissées de côté"),
  ];
  await notify(em, {
    kind: "jobs",
    to: [by],
    text: `Le changement de type d’un champ est terminé\u00a0: ${fr.list(counts)}.`,
    path: `/campagnes/${subject.id}/champs/${field}/modifier`,
  });
}

const HANDING: readonly unknown[] = ["assign", "balance", "unassign"] satisfies BulkAction[];

export const telling: Reaction[] = [
  ...["operation.added", "operation.assigned", "act.undone"].map((on) => ({ on, run: tellTechnicians })),
  {
    on: "operations.bulk_changed",
    async run(em, event) {
      if (HANDING.includes(event.payload.action)) await tellTechnicians(em, event);
      await tellBulk(em, event);
    },
  },
  { on: "campaign.field_converted", run: tellConverted },
  {
    on: "import.finished",
    run: (em, event) => (event.payload.kind === "operations" ? tellTechnicians(em, event) : undefined),
  },
  { on: "campaign.published", run: tellPublished },
  ...["campaign.grant_given", "campaign.grant_changed", "campaign.grant_withdrawn", "act.undone"].map((on) => ({
    on,
    run: tellGranted,
  })),
];
