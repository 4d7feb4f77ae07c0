import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { read, submit } from "../../platform/http/forms.ts";
import {
  deadLetters,
  dropDeadLetters,
  findDeadLetter,
  queueStates,
  retryDeadLetters,
} from "../../platform/jobs/queries.ts";
import { timeOf } from "../../platform/jobs/tick.ts";
import type { Registry } from "../../platform/registry.ts";
import type { Services } from "../../platform/services.ts";
import { fr } from "../../platform/text/index.ts";
import { deadLine, queueLine, type Run, scheduleLine } from "../tasks.ts";

const VIEW = { page: "instance/tasks/index" };
const LIVE_VIEW = { ...VIEW, part: "instance/tasks/_lists" };
const AT = "/instance/taches";
const SHOWN = 100;

const labelsOf = ({ schedules, subscriptions }: Registry) =>
  new Map([...schedules, ...subscriptions].map(({ job, label }) => [job, label]));

async function page(req: Request, form: object = {}) {
  const registry = req.app.locals.registry as Registry;
  const services = req.app.locals.services as Services;
  const { zone } = req.user!.tenant;
  const [runs, { queues, letters }, tenants] = await Promise.all([
    req.db.lookup<Run>("job_runs"),
    read(req, async (em) => ({ queues: await queueStates(em), letters: await deadLetters(em, { shown: SHOWN }) })),
    req.db.lookup<{ id: string; name: string }>("tenants"),
  ]);
  const labels = labelsOf(registry);
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  const states = new Map(queues.map((one) => [one.queue, one]));
  const total = queues.reduce((sum, { dead }) => sum + dead, 0);
  return {
    title: "Tâches",
    schedules: registry.schedules
      .toSorted((a, b) => ((timeOf(a, services) ?? a.at) < (timeOf(b, services) ?? b.at) ? -1 : 1))
      .map((one) =>
        scheduleLine(
          one,
          runs.filter(({ job }) => job === one.job),
          { now: req.now, zone, services, queue: states.get(one.job) },
        ),
      ),
    queues: registry.subscriptions.map(({ job, label }) => queueLine(label, states.get(job))),
    letters: letters.map((letter) => deadLine(letter, labels, names)),
    total,
    shown: SHOWN,
    seenAt: req.now,
    form,
  };
}

/** What runs by itself, when, and what became of it; what failed for good waits here for a person. */
export const index: RequestHandler = async (req, res) => {
  res.show(LIVE_VIEW, await page(req));
};

interface Deed {
  code: "job.retried" | "job.dropped";
  /** "Tâche relancée", "3 tâches relancées". */
  said(count: number): string;
  refusal: string;
  carryOut(req: Request, em: Parameters<typeof dropDeadLetters>[0], id: string | null): Promise<string[]>;
}

const RETRY: Deed = {
  code: "job.retried",
  said: (count) => fr.count(count, "tâche relancée", "tâches relancées"),
  refusal: "Rien à relancer : ces tâches ont été relancées ou abandonnées, ou sont venues sans leur organisation.",
  carryOut: (req, em, id) => retryDeadLetters(em, req.db, id),
};
const DROP: Deed = {
  code: "job.dropped",
  said: (count) => fr.count(count, "tâche abandonnée", "tâches abandonnées"),
  refusal: "Rien à abandonner : ces tâches ont été relancées ou abandonnées entre-temps.",
  carryOut: (_req, em, id) => dropDeadLetters(em, id),
};

/** An act of the instance: who let a failed job go, or sent it again, is read in its history. */
async function settle(req: Request, res: Parameters<RequestHandler>[1], deed: Deed, id: string | null): Promise<void> {
  const { tenantId, id: by } = req.user!;
  const labels = labelsOf(req.app.locals.registry as Registry);
  if (id && !(await read(req, (em) => findDeadLetter(em, id)))) {
    throw new NotFound("Cette tâche n’attend plus : elle a été relancée ou abandonnée. Revenez à la liste des tâches.");
  }
  const instance = { type: "tenant", id: tenantId };
  const form = await submit(
    req,
    z.object({}),
    {
      code: deed.code,
      label: (_values, queues: string[]) =>
        `${deed.said(queues.length)}\u00a0: ${fr.list([...new Set(queues)].map((queue) => labels.get(queue) ?? queue))}`,
      subject: () => instance,
      at: AT,
    },
    async (_values, em) => {
      const queues = await deed.carryOut(req, em, id);
      if (queues.length === 0) throw new RuleBroken(deed.refusal);
      record(em, deed.code, instance, { queues: [...new Set(queues)], count: queues.length, by });
      return queues;
    },
  );
  if (form.errors) return res.show(VIEW, await page(req, form));
  res.saved(VIEW, {}, { at: AT, notice: `${deed.said(form.result.length)}.` });
}

export const retryAll: RequestHandler = (req, res) => settle(req, res, RETRY, null);
export const dropAll: RequestHandler = (req, res) => settle(req, res, DROP, null);
export const retry: RequestHandler<{ id: string }> = (req, res) => settle(req as never, res, RETRY, req.params.id);
export const drop: RequestHandler<{ id: string }> = (req, res) => settle(req as never, res, DROP, req.params.id);
