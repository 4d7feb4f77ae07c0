// @ts-check
// A request that fails is said, with what to do and a reference, and the same gesture can be made again.
import { say } from "./announce.js";

/** @param {any} ctx */
export const isWholePage = (ctx) => /^\s*(<!doctype|<html)/i.test(ctx.text ?? "");

/** The server answers a fragment that fails with words for the pressing region, and leaves the target as it is.
 * @param {any} ctx */
export const isRefusal = (ctx) => ctx.response?.status >= 400 && /^\s*<div id="alertes"/.test(ctx.text ?? "");

/** @param {any} ctx */
function words(ctx) {
  const page = new DOMParser().parseFromString(ctx.text ?? "", "text/html");
  const told = page.querySelectorAll("#alertes p, #failure-sentence, .failure .ref");
  return [...told].map((part) => part.textContent?.trim()).join(" ");
}

/** @param {any} ctx */
export function fail(ctx) {
  const { sourceElement: source, sourceEvent: event, response } = ctx;
  const again = () => (source instanceof HTMLFormElement ? source.requestSubmit(event?.submitter) : source.click());
  // Refused for good (no right, gone, changed meanwhile): the same gesture would fail the same way.
  const mayWork = !response || response.status >= 500 || response.status === 429;
  say(words(ctx) || "Le serveur n’a pas répondu. Votre saisie est toujours là.", {
    tone: "danger",
    alarm: true,
    retry: mayWork && source?.isConnected ? again : undefined,
  });
}

document.addEventListener("htmx:response:error", (/** @type {any} */ { detail: { ctx } }) => {
  if (ctx.response.status >= 500) fail(ctx);
});
document.addEventListener("htmx:error", (/** @type {any} */ { detail: { ctx } }) => ctx && fail(ctx));
