// @ts-check
// Around a filter form: sends it when a choice changes. The button marked data-fallback serves without script.

const PAUSE_MS = 500;

class AutoSubmit extends HTMLElement {
  connectedCallback() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll("[data-fallback]")))
      button.hidden = true;
    this.addEventListener("change", this);
    this.addEventListener("input", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const typed = field.matches("input:not([type=checkbox], [type=radio], [type=date]), textarea");
    // Typing refreshes a fragment in place; it never reloads the whole page under the fingers.
    if (event.type === "input" && !(typed && field.form?.hasAttribute("hx-get"))) return;
    if (event.type === "change" && typed && field.form?.hasAttribute("hx-get")) return;
    clearTimeout(this.wait);
    this.wait = setTimeout(() => field.form?.requestSubmit(), event.type === "input" ? PAUSE_MS : 0);
  }
}
customElements.define("auto-submit", AutoSubmit);
