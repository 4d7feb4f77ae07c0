// @ts-check
// Follows what others do on the page: its stream, its fragments, and the choice to suspend both.
import { say } from "../announce.js";
import { LiveParts } from "../live/parts.js";
import { LiveStream } from "../live/stream.js";

class LivePage extends HTMLElement {
  paused = false;
  parts = new LiveParts({
    isResting: () => this.paused,
    isTold: () => this.stream?.source?.readyState === EventSource.OPEN,
    stop: () => this.stop(),
  });
  /** @type {LiveStream | undefined} */ stream;

  connectedCallback() {
    this.paused = this.hasAttribute("paused");
    this.stream = new LiveStream({
      src: this.getAttribute("src") ?? "",
      since: this.getAttribute("since") ?? "",
      isResting: () => this.paused,
      changed: (topics) => this.parts.changed(topics),
    });
    const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-live-pause]"));
    if (form) form.hidden = false;
    form?.addEventListener("submit", this);
    document.addEventListener("visibilitychange", this);
    this.stream.follow();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this);
    this.stream?.rest();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "submit") {
      event.preventDefault();
      void this.toggle(/** @type {HTMLFormElement} */ (event.target));
    } else if (document.hidden) this.stream?.rest();
    else this.stream?.follow();
  }

  /** The session is over: what is shown is of before, and nothing resumes it. */
  stop() {
    this.paused = true;
    this.stream?.rest();
    document.querySelector("form[data-live-pause]")?.setAttribute("hidden", "");
    say("Votre session est terminée\u00a0: cette page ne suit plus ce qui change. Reconnectez-vous.", {
      tone: "warning",
    });
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
    if (this.paused) this.stream?.rest();
    else this.stream?.poll();
  }
}
customElements.define("live-page", LivePage);
