// @ts-check
// What htmx leaves to us: where focus goes, what is heard, and that nothing fails in silence.
import { say } from "./announce.js";

const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden], [disabled]), select, textarea, summary";
const SLOW_MS = 1000;

/** @param {any} ctx */
const isFragment = (ctx) => ctx.request.headers["HX-Request-Type"] === "partial";
/** @param {any} ctx */
const isWholePage = (ctx) => /^\s*(<!doctype|<html)/i.test(ctx.text ?? "");

/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return;
  if (!element.matches(`${FOCUSABLE}, [tabindex]`)) element.tabIndex = -1;
  element.focus();
}

/**
 * Says what the server or the network did, and offers to try again with the same gesture.
 * @param {any} ctx
 */
function fail(ctx) {
  const page = new DOMParser().parseFromString(ctx.text ?? "", "text/html");
  const told = page.getElementById("failure-sentence")?.textContent?.trim();
  const reference = page.querySelector(".ref")?.textContent?.trim() ?? "";
  const { sourceElement: source, sourceEvent: event } = ctx;
  const retry = () => (source instanceof HTMLFormElement ? source.requestSubmit(event?.submitter) : source.click());
  say(told ? `${told} ${reference}` : "Le serveur n’a pas répondu. Votre saisie est toujours là.", {
    tone: "danger",
    alarm: true,
    retry: source?.isConnected ? retry : undefined,
  });
}

document.addEventListener("htmx:before:request", (/** @type {any} */ { detail: { ctx } }) => {
  ctx.waiting = setTimeout(() => {
    ctx.target?.setAttribute("aria-busy", "true");
    say("Chargement en cours…", { quiet: true });
  }, SLOW_MS);
});

document.addEventListener("htmx:finally:request", (/** @type {any} */ { detail: { ctx } }) => {
  clearTimeout(ctx.waiting);
  ctx.target?.removeAttribute("aria-busy");
});

document.addEventListener("htmx:response:error", (/** @type {any} */ { detail: { ctx } }) => {
  if (ctx.response.status >= 500) fail(ctx);
});
document.addEventListener("htmx:error", (/** @type {any} */ { detail: { ctx } }) => ctx && fail(ctx));

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = /** @type {any} */ (event).detail;
  if (isFragment(ctx) && isWholePage(ctx)) {
    event.preventDefault();
    if (ctx.response.status < 400) location.assign(ctx.response.raw.url);
    else if (ctx.response.status < 500) fail(ctx);
    return;
  }
  const held = document.activeElement;
  const row = held?.closest("tr, li");
  ctx.heldId = held?.id;
  ctx.heldName = held?.getAttribute("name");
  ctx.neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
  ctx.heading = held?.closest("section")?.querySelector("h2, h3") ?? document.querySelector("h1");
});

document.addEventListener("htmx:after:swap", (/** @type {any} */ { detail: { ctx } }) => {
  if (!isFragment(ctx)) return focus(document.querySelector(".errors") ?? document.querySelector("h1"));
  const target = ctx.target?.isConnected ? ctx.target : document.getElementById(ctx.target?.id);
  const heard = target?.matches("[data-announce]") ? target : target?.querySelector("[data-announce]");
  if (heard) say(heard.textContent.trim(), { quiet: true });
  if (document.activeElement && document.activeElement !== document.body) return;
  const same =
    (ctx.heldId && document.getElementById(ctx.heldId)) ||
    (ctx.heldName && target?.querySelector(`[name="${CSS.escape(ctx.heldName)}"]`));
  focus(same || (ctx.neighbour?.isConnected ? ctx.neighbour.querySelector(FOCUSABLE) : null) || target || ctx.heading);
});
