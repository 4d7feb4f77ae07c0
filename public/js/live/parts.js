// @ts-check
// The fragments marked data-live: those of one address are asked together when what they show has changed, at most every
// data-live-rest seconds; one without an address only reveals its [data-live-stale].
import { LiveCount } from "./count.js";
import { repaint } from "./repaint.js";

/** @typedef {{ isAsking?: boolean, isAwaited?: boolean, at: number, rest?: ReturnType<typeof setTimeout> | undefined }} Asked */

const partsOf = (more = "") => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-live]${more}`)]);
const partsAt = (/** @type {string} */ address) => partsOf().filter(({ dataset }) => dataset.liveSrc === address);

export class LiveParts {
  /** @type {WeakMap<Element, string>} */ tags = new WeakMap();
  /** @type {Map<string, Asked>} */ asked = new Map();
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

  /** Now, or once what is under way is over: what has just changed may not be in it. @param {string} address */
  ask(address) {
    const one = this.asked.get(address) ?? { at: Number.NEGATIVE_INFINITY };
    this.asked.set(address, one);
    if (one.rest || this.page.isResting()) return;
    const rest = Math.max(0, ...partsAt(address).map(({ dataset }) => Number(dataset.liveRest ?? 0) * 1_000));
    const wait = one.at + rest - performance.now();
    if (one.isAsking) one.isAwaited = true;
    else if (wait > 0) one.rest = setTimeout(() => delete one.rest && this.ask(address), wait);
    else void this.refresh(address, one);
  }

  /** @param {string} address @param {Asked} one */
  async refresh(address, one) {
    Object.assign(one, { isAsking: true, isAwaited: false, at: performance.now() });
    const [tag = "", ...others] = new Set(partsAt(address).map((part) => this.tags.get(part) ?? ""));
    const version = { "Live-Refresh": this.page.isTold() ? "1" : "poll", "If-None-Match": others.length ? "" : tag };
    const headers = { "HX-Request": "true", "HX-Request-Type": "partial", ...version };
    try {
      const answer = await fetch(address, { headers, cache: "no-store" });
      // The session or the right is gone: the page keeps what it shows, and asks no more.
      if (answer.status === 401) return this.page.stop();
      const gone = answer.status === 403 || answer.status === 404 ? partsAt(address) : [];
      for (const { dataset } of gone) delete dataset.liveSrc;
      if (answer.status === 200) this.show(address, await answer.text(), answer.headers.get("etag") ?? "");
    } catch {
      // The next event or poll asks again.
    } finally {
      one.isAsking = false;
      if (one.isAwaited) this.ask(address);
    }
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
