import type { EntityManager } from "@mikro-orm/postgresql";
import { findAct } from "../history/index.ts";
import type { DomainEvent, Reaction } from "../platform/events/catalogue.ts";
import { record } from "../platform/events/record.ts";
import type { Status } from "../workflow/index.ts";
import { aboutCampaign, type CampaignState } from "./campaign.ts";
import { namesOfAct } from "./queries/activity.ts";
import { campaignsOfAct, holdState, isFarFromOver, moveState, workOf } from "./queries/life-cycle.ts";

/** What the work on operations makes of their campaign, in the transaction of its cause, whatever the way in (CAM-3, CAM-5). */

/**
 * Whether a step may move its campaign on: the base is asked only then. Leaving a final status may, even of a campaign that
 * is not finished, since somebody may be closing its last operation at this instant.
 */
export function mayMove(state: CampaignState, left: Status, entered: Status): "start" | "finish" | "reopen" | null {
  if (state === "upcoming") return entered.category === "running" || entered.category === "success" ? "start" : null;
  if (left.isFinal && !entered.isFinal) return state === "active" || state === "finished" ? "reopen" : null;
  return state === "active" && entered.isFinal && !left.isFinal ? "finish" : null;
}

/** More than all those who may be closing an operation of one campaign at the same instant. */
const MOST_AT_ONCE = 100;

/** Campaigns whose state was settled at the end of this act: the rest of its events says nothing more. */
const settled = new WeakMap<EntityManager, Set<string>>();

/**
 * Moves a campaign to the state its operations put it in, if it is not there: started by the first one under way, finished
 * with the last one that is over, active again when one leaves its final status or comes in. Each move is an event of nobody,
 * which names its cause (rulings 8), and an act of many rows is settled once (rulings 30).
 */
async function settle(em: EntityManager, id: string, cause: DomainEvent): Promise<void> {
  const done = settled.get(em) ?? new Set();
  if (done.has(id)) return;
  settled.set(em, done.add(id));
  if (cause.payload.moves === "finish" && (await isFarFromOver(em, id, MOST_AT_ONCE))) return;
  await holdState(em, id);
  const work = await workOf(em, id, cause.actId);
  if (!work) return;
  const told = { by: null, cause: { name: cause.name, ...cause.subject } };
  let { state } = work;
  const move = (to: CampaignState, name: string) => {
    state = to;
    record(em, name, aboutCampaign({ id }), told);
  };
  if (state === "upcoming" && work.isStarted) move("active", "campaign.started");
  if (state === "finished" && work.isReopened) move("active", "campaign.reopened");
  if (state === "active" && work.hasOperations && !work.isOpen) move("finished", "campaign.finished");
  if (state !== work.state) await moveState(em, id, { state, closedAt: state === "finished" ? cause.at : null });
}

const ofCampaign: Reaction["run"] = (em, event) => settle(em, event.subject.id, event);
const ofOperation: Reaction["run"] = (em, event) => settle(em, event.payload.campaign as string, event);

export const reactions: Reaction[] = [
  {
    on: "operation.transitioned",
    run: (em, event) => (event.payload.moves === null ? undefined : ofOperation(em, event)),
  },
  ...["operation.added", "operation.trashed", "operation.restored"].map((on) => ({ on, run: ofOperation })),
  ...[
    "operations.bulk_changed",
    "campaign.workflow_edited",
    "campaign.type_followed",
    "campaign.published",
    "campaign.started",
  ].map((on) => ({ on, run: ofCampaign })),
  {
    on: "import.finished",
    async run(em, event) {
      const { kind, scope } = event.payload as { kind: string; scope: string | null };
      if (kind === "operations" && scope !== null) await settle(em, scope, event);
    },
  },
  {
    on: "act.undone",
    async run(em, event) {
      const worked = await campaignsOfAct(em, event.actId);
      for (const id of worked) await settle(em, id, event);
      // Told in the activity of each, to whom what was undone was told (ACT-1, ACT-4).
      const about = await findAct(em, event.subject.id);
      const of = await namesOfAct(em, event.subject.id);
      const settings = about?.subjectType === "campaign" && about.subjectId !== null ? [about.subjectId] : [];
      for (const id of new Set([...worked, ...settings])) {
        record(em, "campaign.act_undone", aboutCampaign({ id }), { act: event.subject.id, of, by: event.payload.by });
      }
    },
  },
];
