// @ts-check
// Shows what is being typed, and hides it again before it is sent, so that no browser keeps it as plain text.

class PasswordReveal extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (button) button.hidden = false;
    button?.addEventListener("click", () => this.reveal(button.getAttribute("aria-pressed") !== "true"));
    this.closest("form")?.addEventListener("submit", () => this.reveal(false));
  }

  /** @param {boolean} visible */
  reveal(visible) {
    this.querySelector("input")?.setAttribute("type", visible ? "text" : "password");
    this.querySelector("button")?.setAttribute("aria-pressed", String(visible));
  }
}
customElements.define("password-reveal", PasswordReveal);
