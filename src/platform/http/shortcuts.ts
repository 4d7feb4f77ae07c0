import type { EntityManager } from "@mikro-orm/postgresql";
import type { Request } from "express";
import type { Answer } from "../db/index.ts";
import type { Shortcuts } from "../module.ts";
import type { Registry } from "../registry.ts";

type Asked = { of: Shortcuts; answer: Answer<{ label: string; href: string }> }[];

/** What the side menu has of its reader's own, asked along with the first question of their page: no trip more. */
const asked = new WeakMap<Request, Asked>();

/** Asks for it, once a request. */
export async function askShortcuts(req: Request, em: EntityManager): Promise<void> {
  if (areShortcutsKnown(req)) return;
  const answers: Asked = [];
  for (const of of declaredTo(req)) answers.push({ of, answer: await of.ask(em, req.user!) });
  asked.set(req, answers);
}

/** Whether nothing is left to ask for the menu of this request's page; whoever is not signed in has none. */
export const areShortcutsKnown = (req: Request): boolean =>
  !req.user || declaredTo(req).length === 0 || (asked.get(req)?.every(({ answer }) => answer.isThere()) ?? false);

/** As sections of the menu; without lines when they could not be read, as on a page that says the base does not answer. */
export const shortcutsOf = (req: Request) =>
  (asked.get(req) ?? []).map(({ of: { title, icon }, answer }) => ({
    title,
    entries: (answer.isThere() ? answer() : []).map((line) => ({ ...line, icon })),
  }));

const declaredTo = (req: Request) => (req.app.locals.registry as Registry).shortcuts;
