// @ts-check
// Brings a fragment up to date in place. What the person holds is never replaced: the focused node stays, and a row being
// edited says that it changed, with a way to take the new one.

const ROW = "tr, li";
const FIELD = "input:not([type=hidden]), textarea, select";

/** @type {WeakMap<Element, Element | null>} */
const waiting = new WeakMap();

/** @param {Element} row */
function isEdited(row) {
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
function mark(row, fresh) {
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

/** @param {ChildNode} node */
function drop(node) {
  const held = node instanceof Element && (isEdited(node) || node.contains(document.activeElement));
  if (held && node.matches(ROW)) mark(node, null);
  else if (!held) node.remove();
}

/** @param {ChildNode} old @param {ChildNode} fresh */
export function repaint(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (!(old instanceof Element) || !(fresh instanceof Element)) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.matches(ROW) && isEdited(old)) return mark(old, fresh);
  const held = old.contains(document.activeElement);
  if (!held && (old.localName !== fresh.localName || !old.querySelector(ROW))) return old.replaceWith(fresh);
  if (old.localName !== fresh.localName) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  children(old, fresh);
}

/** @param {Node} node */
const idOf = (node) => (node instanceof Element ? node.id : "");

/** @param {Element} old @param {Element} fresh */
function children(old, fresh) {
  const kept = new Map([...old.children].filter(idOf).map((child) => [child.id, child]));
  const coming = new Set([...fresh.children].map(idOf));
  /** @type {ChildNode | null} */
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const id = idOf(next);
    const like = at && !idOf(at) && at.nodeName === next.nodeName ? at : null;
    const same = id ? kept.get(id) : like;
    if (!same) {
      old.insertBefore(next, at);
      continue;
    }
    while (at && at !== same && !coming.has(idOf(at) || "\0")) {
      const gone = at;
      at = at.nextSibling;
      drop(gone);
    }
    if (at !== same && !same.contains(document.activeElement)) old.insertBefore(same, at);
    if (at === same) at = same.nextSibling;
    repaint(same, next);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    drop(gone);
  }
}
