import { hash } from "node:crypto";
import type { Request, Response } from "express";
import { fr } from "../text/index.ts";
import { actOf, asError, refusalOf } from "./forms.ts";
import { leaveNotice } from "./notice.ts";
import { Page, type PageParts } from "./page.ts";
import { isPartial } from "./partial.ts";
import { safePath } from "./safe-path.ts";
import { leaveUntouched } from "./sessions.ts";
import { areShortcutsKnown, askShortcuts } from "./shortcuts.ts";
import type { Guards, Notice, View } from "./types.ts";
import type { Views } from "./views.ts";

interface Shown {
  title?: string;
  form?: { errors?: Record<string, string>; status?: number };
}

export type Render = (req: Request, res: Response, name: string, data: object) => string;

/** Renders a template with the handler's data, the page's context and the French formats. */
export function createRender(views: Views, parts: PageParts): Render {
  return (req, res, name, data) => views.render(name, { ...data, page: new Page(req, res, parts, data), fr });
}

/** `res.show`: see types.ts. */
export function createShow(render: Render): Response["show"] {
  return function show(this: Response, view, data, { status } = {}) {
    const { form } = data as Shown;
    const code = status ?? (form?.errors ? (form.status ?? 422) : this.statusCode);
    this.vary("HX-Request-Type");
    const wanted = templateFor(this, view);
    const draw = () => {
      const html = render(this.req, this, wanted, data);
      if (isAskedAgain(this.req) && code === 200 && wanted === view.part) return sendIfNew(this, refreshed(html));
      send(this, code, html);
    };
    if (wanted === view.part || areShortcutsKnown(this.req)) return draw();
    // A page that asked the base for nothing: what its menu has of its reader's own is asked alone.
    const { req } = this;
    req.db
      .read(req.user!.tenantId, (em) => askShortcuts(req, em))
      .then(draw)
      .catch(req.next);
  };
}

/** `res.showOnce`: see types.ts. */
export function createShowOnce(render: Render): Response["showOnce"] {
  const drawn = new Map<string, Refreshed>();
  return function showOnce(this: Response, { part }, name, data) {
    this.vary("HX-Request-Type");
    const made = drawn.get(name) ?? refreshed(render(this.req, this, part, data()));
    keepLately(drawn, name, made);
    if (isAskedAgain(this.req)) sendIfNew(this, made);
    else sendBytes(this, 200, made.bytes);
  };
}

/** `res.saved`: see types.ts. */
export function createSaved(render: Render, guards: Guards): Response["saved"] {
  return function saved(this: Response, view, data, { at, notice: text, tone = "success", undo = false }) {
    const { req } = this;
    const refused = refusalOf(req);
    // A button alone has no form to draw again: its refusal is a page, never a false "done".
    if (refused) throw asError(refused);
    if (safePath(at, "") !== at) throw new Error(`res.saved leads to "${at}", which is not a path of ours.`);
    this.vary("HX-Request-Type");
    const notice: Notice = { text, tone, action: undo ? undoOf(req, guards) : undefined };
    if (isPartial(req) && view.part) {
      const part = render(req, this, view.part, data);
      return send(this, 200, part + render(req, this, "/partials/announce", notice));
    }
    leaveNotice(req, this, notice);
    goTo(req, this, at);
  };
}

/** Where what this request just did is taken back, if it did something; a page of the history module, known here by address alone. */
export function undoPath(req: Request): string | undefined {
  const act = actOf(req);
  return act && `/actes/${act}/annulation`;
}

function undoOf(req: Request, guards: Guards): Notice["action"] {
  const href = undoPath(req);
  if (!href || !req.user || !guards.may(req.user, "acts.undo_own")) return undefined;
  return { href, label: "Annuler" };
}

/** 303, once the session is kept: a browser follows faster than a store writes. A fragment is told to leave (rulings 23). */
export function goTo(req: Request, res: Response, at: string): void {
  const go = (error?: unknown) => {
    if (error) return req.next!(error);
    if (!isPartial(req)) return res.redirect(303, at);
    res.setHeader("HX-Redirect", at);
    res.status(204).end();
  };
  if (req.user && req.session) req.session.save(go);
  else go();
}

/** A view without a part still answers a fragment: with the page, in place of the page. */
function templateFor(res: Response, { page, part }: View): string {
  if (!isPartial(res.req)) return page;
  if (part) return part;
  res.setHeader("HX-Retarget", "body");
  res.setHeader("HX-Reswap", "innerHTML");
  return page;
}

/** Drawn anew at each answer, whatever it shows: keys of forms, the time of day. Each begins with its own words: they are looked for fast. */
const FORM_KEYS = /name="_(?:csrf|key)" value="[^"]*"/g;
const NOW = / data-now>[^<]*/g;

/** By a page, of itself, and not by its reader. */
const isAskedAgain = (req: Request) => req.headers["live-refresh"] !== undefined;

/** To a page that refreshes itself: nothing when it has this very version (LIV-2), and its session grows no younger. */
function sendIfNew(res: Response, { tag, bytes }: Refreshed): void {
  leaveUntouched(res.req);
  res.setHeader("ETag", tag);
  if (res.req.headers["if-none-match"] === tag) res.status(304).end();
  else sendBytes(res, 200, bytes);
}

interface Refreshed {
  tag: string;
  bytes: Buffer;
}

/** Hundreds of pages ask for the same text within a second: it is read and encoded once. */
const lately = new Map<string, Refreshed>();
const MOST_LATELY = 20;

function refreshed(html: string): Refreshed {
  const known = lately.get(html);
  if (known) return known;
  const tag = `"${hash("sha256", html.replace(FORM_KEYS, "").replace(NOW, ""), "base64url").slice(0, 22)}"`;
  const made = { tag, bytes: encoded(html) };
  keepLately(lately, html, made);
  return made;
}

function keepLately(kept: Map<string, Refreshed>, name: string, made: Refreshed): void {
  kept.delete(name);
  kept.set(name, made);
  if (kept.size > MOST_LATELY) kept.delete(kept.keys().next().value!);
}

/**
 * One answer of HTML; Express would hash each for an ETag, which no-store makes useless. Encoded here: a long text handed
 * to the socket is encoded by a slower way, into three times the room.
 */
function send(res: Response, status: number, html: string): void {
  sendBytes(res, status, encoded(html));
}

function sendBytes(res: Response, status: number, bytes: Buffer): void {
  res.status(status).setHeader("Content-Type", "text/html; charset=utf-8");
  res.end(bytes);
}

/** Where pages are encoded before they are copied: `Buffer.from` would read the text once more, to know its size. */
const ROOM = Buffer.allocUnsafeSlow(768 * 1024);
const MOST_BYTES_EACH = 3;

function encoded(html: string): Buffer {
  if (html.length * MOST_BYTES_EACH > ROOM.length) return Buffer.from(html);
  return Buffer.copyBytesFrom(ROOM, 0, ROOM.write(html));
}
