// @ts-check
// The fragments marked data-live: those of one address are asked together when what they show has changed, at most every
// data-live-rest seconds; one without an address only reveals its [data-live-stale].
import { say } from "../announce.js";
import { Asking } from "./asking.js";
import { LiveCount } from "./count.js";
import { repaint } from "./repaint.js";

const CLOSED = "Cette page, ou une partie, ne suit plus ce qui change. Rechargez-la pour la voir à jour.";

const partsOf = (more = "") => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-live]${more}`)]);
const partsAt = (/** @type {string} */ address) => partsOf().filter(({ dataset }) => dataset.liveSrc === address);

export class LiveParts {
  /** @type {WeakMap<Element, string>} */ tags = new WeakMap();
  /** @type {Map<string, Asking>} */ asked = new Map();
  told = new LiveCount();

  /** @param {{ isResting: () => boolean, isTold: () => boolean, stop: () => void }} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {Set<string> | null} topics null for all of them */
  changed(topics) {
    const parts = partsOf().filter(({ dataset }) => !topics || dataset.live?.split(" ").some((one) => topics.has(one)));
    for (const address of new Set(parts.flatMap(({ dataset }) => dataset.liveSrc || []))) this.ask(address);
    for (const part of parts.filter(({ dataset }) => topics && !dataset.liveSrc)) {
      part.querySelector("[data-live-stale]")?.removeAttribute("hidden");
    }
  }

  /** @param {string} address */
  ask(address) {
    const { isResting } = this.page;
    const rest = () => Math.max(0, ...partsAt(address).map(({ dataset }) => Number(dataset.liveRest ?? 0)));
    const asking = this.asked.get(address) ?? new Asking({ isResting, rest, refresh: () => this.refresh(address) });
    this.asked.set(address, asking);
    asking.ask();
  }

  /** Gives whether a newer answer is being made. @param {string} address */
  async refresh(address) {
    const [tag, ...others] = new Set(partsAt(address).map((part) => this.tags.get(part) ?? ""));
    if (tag === undefined) return false;
    const version = { "Live-Refresh": this.page.isTold() ? "1" : "poll", "If-None-Match": others.length ? "" : tag };
    const headers = { "HX-Request": "true", "HX-Request-Type": "partial", ...version };
    const answer = await fetch(address, { headers, cache: "no-store" });
    const { ok, status } = answer;
    if ([401, 403, 404].includes(status)) this.lose(address, status);
    else if (!ok && status !== 304) throw new Error(`${address}: ${status}`);
    if (status === 200) this.show(address, await answer.text(), answer.headers.get("etag") ?? "");
    return answer.headers.has("live-behind");
  }

  /** The session or the right is gone: the page keeps what it shows, says so, and asks no more. @param {string} address @param {number} status */
  lose(address, status) {
    if (this.page.isResting()) return;
    if (status === 401) return this.page.stop();
    for (const { dataset } of partsAt(address)) delete dataset.liveSrc;
    say(CLOSED, { tone: "warning" });
  }

  /** Suspended, or filtered otherwise, while it was coming: nothing is shown. @param {string} address @param {string} text @param {string} tag */
  show(address, text, tag) {
    const answer = new DOMParser().parseFromString(text, "text/html");
    for (const { id } of this.page.isResting() ? [] : partsAt(address)) {
      const part = document.getElementById(id);
      const fresh = answer.getElementById(id);
      if (!part || !fresh) continue;
      this.told.add(part, fresh);
      repaint(part, document.adoptNode(fresh));
      this.tags.set(document.getElementById(id) ?? part, tag);
    }
    for (const place of partsOf("[data-live-place]:not([id])")) {
      place.id = place.dataset.livePlace ?? "";
      this.ask(place.dataset.liveSrc ?? "");
    }
  }
}
