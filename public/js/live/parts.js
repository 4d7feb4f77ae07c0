// @ts-check
// The fragments marked data-live: each is asked again at its data-live-src when what it shows has changed; one without
// an address only reveals its [data-live-stale].

import { LiveCount } from "./count.js";
import { repaint } from "./repaint.js";

export class LiveParts {
  /** @type {WeakMap<Element, string>} */ tags = new WeakMap();
  /** @type {WeakSet<Element>} */ asking = new WeakSet();
  told = new LiveCount();

  /** @param {{ isResting: () => boolean, stop: () => void }} page */
  constructor(page) {
    this.page = page;
  }

  /** @param {Set<string> | null} topics null for all of them */
  changed(topics) {
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-live]"))) {
      const words = (part.dataset.live ?? "").split(" ");
      if (!topics || words.some((word) => topics.has(word))) void this.refresh(part, topics !== null);
    }
  }

  /** @param {HTMLElement} part @param {boolean} told */
  async refresh(part, told) {
    const address = part.dataset.liveSrc;
    if (!address) {
      const stale = /** @type {HTMLElement | null} */ (part.querySelector("[data-live-stale]"));
      if (stale && told) stale.hidden = false;
      return;
    }
    if (this.asking.has(part)) return;
    this.asking.add(part);
    try {
      const answer = await fetch(address, {
        headers: {
          "HX-Request": "true",
          "HX-Request-Type": "partial",
          "Live-Refresh": "1",
          "If-None-Match": this.tags.get(part) ?? "",
        },
        cache: "no-store",
      });
      // The session or the right is gone: the page keeps what it shows, and asks no more.
      if (answer.status === 401) return this.page.stop();
      if (answer.status === 403 || answer.status === 404) delete part.dataset.liveSrc;
      if (answer.status !== 200) return;
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
      // Suspended, or filtered otherwise, while the answer was coming.
      if (!fresh || this.page.isResting() || !part.isConnected || part.dataset.liveSrc !== address) return;
      this.tags.set(part, answer.headers.get("etag") ?? "");
      this.told.add(part, fresh);
      repaint(part, document.adoptNode(fresh));
    } catch {
      // The next event or poll asks again.
    } finally {
      this.asking.delete(part);
    }
  }
}
