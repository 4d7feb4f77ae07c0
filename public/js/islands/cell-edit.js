// @ts-check
// Around the form of a cell edited where it stands: Escape gives up, Enter saves, focus comes back to the cell.

class CellEdit extends HTMLElement {
  connectedCallback() {
    if (!this.closest("[data-cell]")) return;
    this.at = this.dataset.cellAt ?? "";
    this.addEventListener("keydown", this);
    if (!this.contains(document.activeElement)) {
      /** @type {HTMLElement | null} */ (
        this.querySelector("[autofocus], [aria-invalid], input:not([type=hidden]), select, textarea, button, a")
      )?.focus();
    }
    // Before the page's own rule for focus, which knows rows but not cells.
    document.addEventListener("htmx:after:swap", this, true);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "htmx:after:swap") return this.leave();
    const { key, target } = /** @type {KeyboardEvent} */ (event);
    const field = /** @type {HTMLElement} */ (target);
    if (key === "Escape") {
      event.preventDefault();
      /** @type {HTMLElement | null} */ (this.querySelector("[data-give-up]"))?.click();
    }
    if (key === "Enter" && field.matches("select, input[type=radio], input[type=checkbox]")) {
      event.preventDefault();
      this.querySelector("form")?.requestSubmit();
    }
  }

  leave() {
    if (this.isConnected) return;
    document.removeEventListener("htmx:after:swap", this, true);
    if (document.querySelector("[data-cell] cell-edit")) return;
    /** @type {HTMLElement | null} */ (document.querySelector(`[data-cell] > a[href="${this.at}"]`))?.focus();
  }
}
customElements.define("cell-edit", CellEdit);
