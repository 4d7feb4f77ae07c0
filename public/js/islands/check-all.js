// @ts-check
// Around a table with boxes: the box marked data-all drives those of .pick, and the count is told in <output>.
// A box ticked with Shift held takes those between it and the last one ticked with it.
// Enter on a box leads to what is done with those ticked, which dozens of cells stand before.
// Needs data-one and data-many, the words after the number ("compte choisi", "comptes choisis").

class CheckAll extends HTMLElement {
  connectedCallback() {
    const all = this.all();
    if (all?.closest("label")) /** @type {HTMLElement} */ (all.closest("label")).hidden = false;
    this.addEventListener("change", this);
    this.addEventListener("click", this);
    this.addEventListener("keydown", this);
    this.tell();
  }

  all() {
    return /** @type {HTMLInputElement | null} */ (this.querySelector("[data-all]"));
  }

  boxes() {
    return /** @type {HTMLInputElement[]} */ ([
      ...this.querySelectorAll(".pick input[type=checkbox]:not([data-all], :disabled)"),
    ]);
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "keydown") return this.act(/** @type {KeyboardEvent} */ (event));
    if (event.type === "click") return this.range(/** @type {MouseEvent} */ (event));
    const all = this.all();
    if (all && event.target === all) for (const box of this.boxes()) box.checked = all.checked;
    this.tell();
  }

  /** @param {KeyboardEvent} event */
  act(event) {
    const { key, target } = event;
    if (key !== "Enter" || !(target instanceof HTMLInputElement) || !target.closest(".pick")) return;
    const first = /** @type {HTMLElement | null} */ (this.querySelector(".bulk select, .bulk button"));
    if (!first?.checkVisibility()) return;
    event.preventDefault();
    first.focus();
  }

  /** @type {HTMLInputElement | null} */ last = null;

  // A box answers the keyboard by a click too, which says whether Shift is held.
  /** @param {MouseEvent} event */
  range({ target, shiftKey }) {
    const boxes = this.boxes();
    const box = boxes.find((one) => one === target);
    if (!box) return;
    const [from, to] = [boxes.indexOf(this.last ?? box), boxes.indexOf(box)].sort((a, b) => a - b);
    if (shiftKey && from >= 0) for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
    this.last = box;
  }

  tell() {
    const boxes = this.boxes();
    const ticked = boxes.filter((box) => box.checked).length;
    const all = this.all();
    if (all) {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    const words = ticked < 2 ? this.dataset.one : this.dataset.many;
    for (const output of this.querySelectorAll("output"))
      output.value = `${ticked.toLocaleString("fr")} ${words ?? ""}`;
  }
}
customElements.define("check-all", CheckAll);
