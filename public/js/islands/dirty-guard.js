// @ts-check
// Around a form: leaving with something typed and not sent asks first. A form refused by the server is marked `dirty`,
// since its typed values came back as the values of the page.

class DirtyGuard extends HTMLElement {
  connectedCallback() {
    addEventListener("beforeunload", this);
    this.addEventListener("submit", this);
  }

  disconnectedCallback() {
    removeEventListener("beforeunload", this);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "submit") this.toggleAttribute("sent", true);
    else if (!this.hasAttribute("sent") && (this.hasAttribute("dirty") || this.changed())) event.preventDefault();
  }

  changed() {
    const fields = /** @type {Iterable<any>} */ (
      this.querySelectorAll("input:not([type=hidden], [type=submit]), textarea, select")
    );
    return [...fields].some((field) => {
      if (field instanceof HTMLSelectElement)
        return [...field.options].some(
          (option, rank) =>
            option.selected !== (option.defaultSelected || (rank === 0 && !field.querySelector("[selected]"))),
        );
      return field.matches("[type=checkbox], [type=radio]")
        ? field.checked !== field.defaultChecked
        : field.value !== this.drawn(field);
    });
  }

  /** What it holds untouched: of its page's value, what such a field keeps. @param {any} field */
  drawn(field) {
    return Object.assign(field.cloneNode(), { value: field.defaultValue }).value;
  }
}
customElements.define("dirty-guard", DirtyGuard);
