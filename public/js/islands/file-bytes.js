// @ts-check
// A file beside a form that can also be pasted into: its bytes travel as they are, since only the server can tell how
// they were written. Without script the control stays hidden and the lines are pasted.
class FileBytes extends HTMLElement {
  connectedCallback() {
    this.hidden = false;
    this.querySelector("[type=file]")?.addEventListener("change", (event) => this.take(/** @type {Event} */ (event)));
  }

  /** @param {Event} event */
  async take({ target }) {
    const sent = /** @type {HTMLInputElement | null} */ (this.querySelector("[type=hidden]"));
    const file = /** @type {HTMLInputElement} */ (target).files?.[0];
    if (!sent) return;
    const bytes = file ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array();
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    sent.value = btoa(text);
  }
}
customElements.define("file-bytes", FileBytes);
