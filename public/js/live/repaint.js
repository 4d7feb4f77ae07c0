// @ts-check
// Brings a fragment up to date in place. What the person holds is never replaced: the focused node stays, and a row being
// edited is left to them.

import { isEdited, mark, ROW } from "./edited-row.js";

/** @param {ChildNode} node */
function drop(node) {
  const held = node instanceof Element && (isEdited(node) || node.contains(document.activeElement));
  if (held && node.matches(ROW)) mark(node, null);
  else if (!held) node.remove();
}

/** @param {ChildNode} old @param {ChildNode} fresh */
export function repaint(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  // The place of a part that is asked elsewhere: what stands there stays.
  if (fresh instanceof Element && fresh.hasAttribute("data-live-place")) return;
  if (!(old instanceof Element) || !(fresh instanceof Element)) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  if (old.matches(ROW) && isEdited(old)) return mark(old, fresh);
  // What somebody unfolded stays so.
  const held = old.contains(document.activeElement) || old.querySelector("details[open]") !== null;
  if (!held && (old.localName !== fresh.localName || !old.querySelector(ROW))) return old.replaceWith(fresh);
  if (old.localName !== fresh.localName) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.localName === "details")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  children(old, fresh);
}

/** @param {Node} node */
const idOf = (node) => (node instanceof Element ? (node.getAttribute("data-live-place") ?? node.id) : "");

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
