// @ts-check
// The help of a page, beside it: nothing typed there is lost. Without script the link leads to the page of help.
// Where there is room both are used together; elsewhere the panel stands over the page, and keeps focus.

const LINKS = "[data-help], #aide-panneau a[href^='/aide']:not([data-whole])";

class HelpPanel extends HTMLElement {
  connectedCallback() {
    document.addEventListener("click", this);
    this.addEventListener("keydown", this);
  }

  disconnectedCallback() {
    document.removeEventListener("click", this);
  }

  get dialog() {
    return /** @type {HTMLDialogElement} */ (this.querySelector("dialog"));
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event instanceof KeyboardEvent) {
      // A modal dialog closes by itself.
      if (event.key === "Escape" && !this.dialog.matches(":modal")) this.dialog.close();
    } else this.follow(/** @type {MouseEvent} */ (event));
  }

  /** @param {MouseEvent} event */
  follow(event) {
    const { defaultPrevented, button, ctrlKey, metaKey, shiftKey, altKey } = event;
    if (defaultPrevented || button !== 0 || ctrlKey || metaKey || shiftKey || altKey) return;
    const link = /** @type {Element} */ (event.target).closest(LINKS);
    const htmx = /** @type {any} */ (window).htmx;
    if (!link || !htmx) return;
    event.preventDefault();
    if (link.matches("[data-help]") && this.dialog.open) this.dialog.close();
    else htmx.ajax("GET", link.getAttribute("href"), { source: link, target: this.dialog }).then(() => this.open());
  }

  open() {
    const title = /** @type {HTMLElement | null} */ (this.dialog.querySelector("h2"));
    // Nothing came: the failure has been said.
    if (!title) return;
    if (!this.dialog.open) {
      if (this.closest(".shell") && matchMedia("(min-width: 80rem)").matches) this.dialog.show();
      else this.dialog.showModal();
    }
    this.dialog.scrollTop = 0;
    title.focus({ preventScroll: true });
  }
}
customElements.define("help-panel", HelpPanel);
