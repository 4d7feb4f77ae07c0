// @ts-check

class PrintPage extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (button) button.hidden = false;
    button?.addEventListener("click", () => print());
  }
}
customElements.define("print-page", PrintPage);
