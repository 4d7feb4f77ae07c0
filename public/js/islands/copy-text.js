// @ts-check
import { say } from "../announce.js";

// Around a read-only field and a button hidden without script: the field can always be selected by hand.
class CopyText extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (button) button.hidden = false;
    button?.addEventListener("click", () => this.copy());
  }

  async copy() {
    const field = this.querySelector("input, textarea");
    if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      say("Copié dans le presse-papiers.", { tone: "success" });
    } catch {
      say("Le navigateur refuse la copie : le texte est sélectionné, faites Ctrl+C.", { tone: "warning", alarm: true });
    }
  }
}
customElements.define("copy-text", CopyText);
