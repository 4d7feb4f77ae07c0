// @ts-check
// A row somebody is editing is never replaced under the cursor: it says that it changed, with a way to take the new one (LIV-4).

export const ROW = "tr, li";
const FIELD = "input:not([type=hidden]), textarea, select";

/** @type {WeakMap<Element, Element | null>} */
const waiting = new WeakMap();

/** @param {Element} row */
export function isEdited(row) {
  if (row.querySelector("[data-editing]")) return true;
  const fields = [...row.querySelectorAll(FIELD)].filter((field) => !field.closest(".pick"));
  return fields.some((field) => {
    if (field === document.activeElement) return true;
    if (field instanceof HTMLSelectElement)
      return [...field.options].some((option) => option.selected !== option.defaultSelected);
    const input = /** @type {HTMLInputElement} */ (field);
    return input.value !== input.defaultValue || input.checked !== input.defaultChecked;
  });
}

/**
 * @param {Element} row
 * @param {Element | null} fresh null when the row is gone
 */
export function mark(row, fresh) {
  waiting.set(row, fresh);
  if (row.querySelector("[data-live-mark]")) return;
  const by = fresh instanceof HTMLElement ? fresh.dataset.by : undefined;
  const said = fresh ? (by ? `modifiée par ${by}` : "modifiée entre-temps") : "retirée entre-temps";
  const note = Object.assign(document.createElement("p"), { className: "second", textContent: `${said} – ` });
  note.dataset.liveMark = "";
  const button = Object.assign(document.createElement("button"), {
    type: "button",
    className: "button plain",
    textContent: "recharger",
  });
  button.addEventListener("click", () => {
    const next = waiting.get(row);
    const near = next ?? row.nextElementSibling ?? row.previousElementSibling;
    if (next) row.replaceWith(next);
    else row.remove();
    const place = /** @type {HTMLElement | null} */ (near?.querySelector(`a[href], button, ${FIELD}`) ?? near);
    place?.focus();
  });
  note.append(button);
  (row.querySelector(":scope > th, :scope > td") ?? row).append(note);
}
