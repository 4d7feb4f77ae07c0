// @ts-check
// Follows the stream of the page, and asks again for the fragments marked data-live when what they show has changed.
// The address of each is its data-live-src; one without it only reveals its [data-live-stale].
import { say } from "../announce.js";
import { repaint } from "../repaint.js";

const SILENCE_MS = 40_000;
const POLL_MS = 30_000;
const SAID_MS = 30_000;

class LivePage extends HTMLElement {
  /** @type {EventSource | undefined} */ source;
  last = "";
  paused = false;
  /** @type {WeakMap<Element, string>} */ tags = new WeakMap();
  /** @type {WeakSet<Element>} */ asking = new WeakSet();
  /** @type {Map<string, { count: number, one: string, many: string }>} */ untold = new Map();
  saidAt = Number.NEGATIVE_INFINITY;

  connectedCallback() {
    this.paused = this.hasAttribute("paused");
    const form = this.form();
    if (form) form.hidden = false;
    form?.addEventListener("submit", this);
    document.addEventListener("visibilitychange", this);
    this.follow();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    this.rest();
  }

  form() {
    return /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-live-pause]"));
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "submit") {
      event.preventDefault();
      void this.toggle(/** @type {HTMLFormElement} */ (event.target));
    } else if (document.hidden) this.rest();
    else this.follow();
  }

  rest() {
    this.source?.close();
    clearTimeout(this.silence);
    clearTimeout(this.again);
  }

  follow() {
    this.rest();
    if (this.paused || document.hidden) return;
    const address = new URL(this.getAttribute("src") ?? "", location.href);
    if (this.last) address.searchParams.set("dernier", this.last);
    else address.searchParams.set("depuis", this.getAttribute("since") ?? "");
    const source = new EventSource(address);
    this.source = source;
    const heard = () => {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => this.poll(), SILENCE_MS);
    };
    heard();
    source.addEventListener("open", heard);
    source.addEventListener("beat", heard);
    source.addEventListener("message", ({ data, lastEventId }) => {
      heard();
      this.last = lastEventId;
      this.changed(new Set(JSON.parse(data).topics));
    });
    // Refused for good (a sixth stream, a server that stops): the browser will not try again by itself.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.wait();
    });
  }

  wait() {
    this.rest();
    this.again = setTimeout(() => this.poll(), POLL_MS);
  }

  /** Without a stream everything is asked, by version; then the stream is tried again. */
  poll() {
    this.changed(null);
    this.follow();
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
      if (answer.status === 401) return this.stop();
      if (answer.status === 403 || answer.status === 404) delete part.dataset.liveSrc;
      if (answer.status !== 200) return;
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
      // Suspended, or filtered otherwise, while the answer was coming.
      if (!fresh || this.paused || !part.isConnected || part.dataset.liveSrc !== address) return;
      this.tags.set(part, answer.headers.get("etag") ?? "");
      this.count(part, fresh);
      repaint(part, document.adoptNode(fresh));
    } catch {
      // The next event or poll asks again.
    } finally {
      this.asking.delete(part);
    }
  }

  stop() {
    this.paused = true;
    this.rest();
  }

  /** @param {HTMLElement} part @param {Element} fresh */
  count(part, fresh) {
    const { liveOne: one, liveMany: many } = part.dataset;
    if (!one || !many) return;
    const rows = [...fresh.querySelectorAll("tr[id], li[id]")].filter(({ id }) => !document.getElementById(id));
    if (rows.length === 0) return;
    const before = this.untold.get(part.id)?.count ?? 0;
    this.untold.set(part.id, { count: before + rows.length, one, many });
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell(), Math.max(0, this.saidAt + SAID_MS - performance.now()));
  }

  tell() {
    const told = [...this.untold.values()].map(({ count, one, many }) => `${count} ${count > 1 ? many : one}`);
    this.untold.clear();
    this.saidAt = performance.now();
    say(told.join(", "), { quiet: true });
  }

  /** @param {HTMLFormElement} form */
  async toggle(form) {
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) body.set(name, String(value));
    // Each click is an act of its own: the key of the page serves once.
    body.set("_key", crypto.randomUUID());
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.type !== "opaqueredirect") {
      say("Votre choix n’a pas pu être enregistré. Rechargez la page, puis essayez de nouveau.", {
        tone: "danger",
        alarm: true,
      });
      return;
    }
    this.paused = !this.paused;
    const choice = /** @type {HTMLInputElement} */ (form.elements.namedItem("live"));
    choice.value = this.paused ? "oui" : "non";
    for (const word of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-when]"))) {
      word.hidden = (word.dataset.when === "paused") !== this.paused;
    }
    say(this.paused ? "L’actualisation est suspendue." : "L’actualisation reprend.", { quiet: true });
    if (this.paused) this.rest();
    else this.poll();
  }
}
customElements.define("live-page", LivePage);
