// @ts-check
// Around a form with one file: sends it by pieces, stops when asked and goes on where it was, even after a reload and the
// same file chosen again. Then the form itself leaves, with the name of what has arrived.
import { say } from "../announce.js";
import { Refused, sendPieces } from "../upload/pieces.js";

class FileUpload extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    const file = /** @type {HTMLInputElement | null} */ (this.querySelector("input[type=file]"))?.files?.[0];
    // Nothing to send by pieces: the browser sends the form as it stands, and the server says what is missing.
    if (!file || file.size === 0 || file.size > Number(this.getAttribute("most")) || !crypto.subtle) return;
    event.preventDefault();
    if (this.querySelector("progress")) return;
    this.send(/** @type {HTMLFormElement} */ (event.target), file).catch((error) => this.fail(error));
  }

  /** @param {HTMLFormElement} form @param {File} file */
  async send(form, file) {
    const { box, heard, signal } = this.draw(file);
    try {
      const token = /** @type {HTMLInputElement} */ (form.elements.namedItem("_csrf")).value;
      const value = await sendPieces(file, this.getAttribute("purpose") ?? "", { token, signal, heard });
      form.enctype = "application/x-www-form-urlencoded";
      // On what leaves, not on the form: whoever stays on the page after all finds it as it was.
      form.onformdata = ({ formData }) => {
        form.onformdata = null;
        formData.delete(this.querySelector("input[type=file]")?.getAttribute("name") ?? "");
        formData.set("upload", value);
      };
      form.submit();
    } finally {
      box.remove();
    }
  }

  /** @param {File} file */
  draw(file) {
    const stopper = new AbortController();
    const label = `Envoi de ${file.name}`;
    const box = this.place("uploading");
    const words = box.querySelector("[data-done]");
    const meter = box.querySelector("progress");
    const stop = box.querySelector("button");
    box.querySelector("strong")?.replaceChildren(label);
    meter?.setAttribute("aria-label", label);
    stop?.addEventListener("click", () => stopper.abort());
    say(label, { quiet: true });
    let told = 0;
    const heard = (/** @type {number} */ received) => {
      const percent = Math.floor((received / file.size) * 100);
      if (meter) meter.value = percent;
      if (words) words.textContent = `${percent} %`;
      if (percent >= told + 25) say(`${label}, ${percent} %`, { quiet: true });
      if (percent >= told + 25) told = percent;
    };
    return { box, heard, signal: stopper.signal };
  }

  /** @param {Error} error */
  fail(error) {
    const box = this.place(error.name === "AbortError" ? "stopped" : "failed");
    if (error instanceof Refused) box.querySelector("p")?.replaceChildren(error.message);
    /** @type {HTMLElement | null} */ (this.querySelector("input[type=file]"))?.focus();
  }

  /** The words are the page's own. @param {string} when */
  place(when) {
    const template = /** @type {HTMLTemplateElement} */ (this.querySelector(`template[data-when=${when}]`));
    const box = /** @type {HTMLElement} */ (template.content.cloneNode(true).firstChild);
    this.querySelector("[data-state]")?.remove();
    this.querySelector(".buttons")?.before(box);
    return box;
  }
}
customElements.define("file-upload", FileUpload);
