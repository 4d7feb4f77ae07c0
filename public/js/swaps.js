// @ts-check
// What htmx leaves to us: where focus goes after a swap, and what is heard meanwhile.
import { say, sayNotice } from "./announce.js";
import { fail, isRefusal, isWholePage } from "./failures.js";

const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden], [disabled]), select, textarea, summary";
const SLOW_MS = 1000;

/** @param {any} ctx */
const isFragment = (ctx) => ctx.request.headers["HX-Request-Type"] === "partial" && ctx.hx?.retarget !== "body";
/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return;
  if (!element.matches(`${FOCUSABLE}, [tabindex]`)) element.tabIndex = -1;
  element.focus();
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

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = /** @type {any} */ (event).detail;
  if (isFragment(ctx) && (isWholePage(ctx) || isRefusal(ctx))) {
    event.preventDefault();
    if (ctx.response.status < 400) location.assign(ctx.response.raw.url);
    else fail(ctx);
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
  if (!isFragment(ctx)) {
    sayNotice();
    return focus(document.querySelector(".errors") ?? document.querySelector("h1"));
  }
  const target = ctx.target?.isConnected ? ctx.target : document.getElementById(ctx.target?.id);
  const heard = target?.matches("[data-announce]") ? target : target?.querySelector("[data-announce]");
  if (heard) say(heard.textContent.trim(), { quiet: true });
  if (document.activeElement && document.activeElement !== document.body) return;
  const same =
    (ctx.heldId && document.getElementById(ctx.heldId)) ||
    (ctx.heldName && target?.querySelector(`[name="${CSS.escape(ctx.heldName)}"]`));
  focus(same || (ctx.neighbour?.isConnected ? ctx.neighbour.querySelector(FOCUSABLE) : null) || target || ctx.heading);
});
