import { randomUUID } from "node:crypto";
import type { Request, Response } from "express";
import type { HelpOf, MenuEntry } from "../module.ts";
import type { Assets } from "./assets.ts";
import { csrfToken } from "./csrf.ts";
import { takeNotice } from "./notice.ts";
import { sessionEnd } from "./sessions.ts";
import { shortcutsOf } from "./shortcuts.ts";
import type { Guards, HttpConfig, Notice } from "./types.ts";

export interface MenuSection {
  title: string;
  entries: { label: string; href: string; icon: string; current: boolean }[];
}

export interface PageParts {
  config: HttpConfig;
  guards: Guards;
  menu: MenuEntry[];
  assets: Assets;
  helpOf: HelpOf;
}

const SECTIONS: MenuEntry["section"][] = ["Accueil", "Piloter", "Administrer", "Instance"];

/** `it.page`: what every template may ask of the request. Token, notice and menu are made only if a template asks. */
export class Page {
  readonly title: string;
  readonly crumbs: unknown[];
  readonly refused: boolean;
  readonly #screen: unknown;
  readonly #req: Request;
  readonly #res: Response;
  readonly #parts: PageParts;
  #notice: Notice | null | undefined;

  constructor(
    req: Request,
    res: Response,
    parts: PageParts,
    data: { title?: string; crumbs?: unknown[]; screen?: string; form?: { errors?: object } },
  ) {
    this.#req = req;
    this.#res = res;
    this.#parts = parts;
    this.title = data.title ?? "OpsTracker";
    this.crumbs = data.crumbs ?? [];
    this.refused = data.form?.errors !== undefined;
    this.#screen = data.screen ?? res.locals.route;
  }

  get path() {
    return this.#req.path;
  }
  get user() {
    return this.#req.user ?? null;
  }
  get tenant() {
    return this.#req.user?.tenant ?? null;
  }
  get theme() {
    return this.#req.user?.theme ?? "system";
  }
  get density() {
    return this.#req.user?.density ?? "comfort";
  }
  get demo() {
    return this.#parts.config.demo;
  }
  /** The level of accessibility the instance declares; without a valid grid there is one answer (UIX-10). */
  get declaration(): string {
    return this.#req.app.locals.declaration ?? "non conforme";
  }
  get now() {
    return this.#req.now;
  }
  /** The reference people can quote; the log has it beside the whole request id. */
  get id() {
    return this.#req.reference;
  }
  get sessionEndsAt() {
    return this.#req.user ? sessionEnd(this.#req) : null;
  }
  get csrf() {
    return csrfToken(this.#req, this.#res);
  }
  /** Read once: showing it is what takes it away. */
  get notice() {
    if (this.#notice === undefined) this.#notice = takeNotice(this.#req, this.#res);
    return this.#notice;
  }
  /** Where one must go before any other page, which would not answer: neither menu, nor news. */
  get detour(): string | null {
    const { user } = this.#req;
    return user ? this.#parts.guards.detour(user) : null;
  }
  get menu(): MenuSection[] {
    const { guards, menu } = this.#parts;
    const { path, user } = this.#req;
    if (!user || this.detour) return [];
    const open = menu.filter(({ right }) => right === "public" || right === "signed-in" || guards.may(user, right));
    const [home, ...rest] = SECTIONS.map((title) => ({
      title,
      entries: open.filter(({ section }) => section === title),
    }));
    const sections = [home!, ...shortcutsOf(this.#req), ...rest].filter(({ entries }) => entries.length > 0);
    const all = sections.flatMap(({ entries }): { href: string }[] => entries);
    const here = currentOf(all, path);
    return sections.map(({ title, entries }) => ({
      title,
      entries: entries.map((entry) => ({
        label: entry.label,
        href: entry.href,
        icon: entry.icon,
        current: entry === here,
      })),
    }));
  }

  /** The page of help that explains this screen (UIX-12). */
  get help() {
    return typeof this.#screen === "string" ? this.#parts.helpOf(this.#screen) : null;
  }
  /** Whether this person wants shortcuts; someone who may not turn them off gets none. */
  get shortcuts() {
    return this.#req.user?.shortcuts ?? false;
  }

  /** A fresh idempotency key for one form (GEN-6). */
  key(): string {
    return randomUUID();
  }
  asset(path: string): string {
    return this.#parts.assets.url(path);
  }
}

/** The entry whose address is the longest start of this path. */
function currentOf<Entry extends { href: string }>(entries: Entry[], path: string): Entry | undefined {
  return entries
    .filter(({ href }) => path === href || (href !== "/" && path.startsWith(`${href}/`)))
    .sort((a, b) => b.href.length - a.href.length)[0];
}
