// @ts-check
import { show } from "../announce.js";

// Tells 2 minutes before the session ends, and prolongs it without leaving the page: what was typed stays. The words
// are templates of the layout. The server's clock counts, not the reader's: `now` came with the page.

const NOTICE_MS = 2 * 60_000;
// A timer cannot wait longer, and fires at once instead; a session of 30 days outlives any page.
const LONGEST_MS = 2 ** 31 - 1;

class SessionWatch extends HTMLElement {
  connectedCallback() {
    const left = Date.parse(this.getAttribute("ends-at") ?? "") - Date.parse(this.getAttribute("now") ?? "");
    if (Number.isNaN(left)) return;
    this.start(left);
    document.getElementById("alertes")?.addEventListener("submit", this);
  }

  disconnectedCallback() {
    this.stop();
    document.getElementById("alertes")?.removeEventListener("submit", this);
  }

  /** @param {number} leftMs */
  start(leftMs) {
    this.stop();
    if (leftMs > LONGEST_MS) return;
    this.soon = setTimeout(() => this.tell("soon"), Math.max(0, leftMs - NOTICE_MS));
    this.over = setTimeout(() => this.tell("ended"), Math.max(0, leftMs));
  }

  stop() {
    clearTimeout(this.soon);
    clearTimeout(this.over);
  }

  /** @param {string} when */
  tell(when) {
    const template = this.querySelector(`template[data-when="${when}"]`);
    if (template instanceof HTMLTemplateElement) show(template);
  }

  /** @param {Event} event */
  async handleEvent(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) body.set(name, String(value));
    // Each extension is an act of its own: the key of the page has served for the first.
    if (body.has("_key")) body.set("_key", crypto.randomUUID());
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { accept: "application/json" },
        redirect: "error",
      });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { endsAt, now } = await answer.json();
      this.start(Date.parse(endsAt) - Date.parse(now));
      this.tell("extended");
    } catch {
      this.tell("failed");
    }
  }
}
customElements.define("session-watch", SessionWatch);
