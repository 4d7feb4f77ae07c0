// @ts-check

/**
 * Says something in the polite region, or in the pressing one when `alarm`; shown as a toast unless `quiet`.
 * @param {string} text
 * @param {{ tone?: string, alarm?: boolean, quiet?: boolean, retry?: () => void }} [how]
 */
export function say(text, { tone = "neutral", alarm = false, quiet = false, retry } = {}) {
  const region = document.getElementById(alarm ? "alertes" : "annonces");
  if (!region) return;
  const toast = document.createElement("div");
  toast.className = quiet ? "visually-hidden" : `toast tone-${tone}`;
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  if (retry) toast.append(button("Réessayer", retry));
  // What is only heard never takes the place of what is read.
  for (const one of [...region.children]) if (!quiet || one.className === toast.className) one.remove();
  region.append(toast);
}

/**
 * Puts a copy of a <template> of the page in the pressing region.
 * @param {HTMLTemplateElement} template
 */
export function show(template) {
  document.getElementById("alertes")?.replaceChildren(template.content.cloneNode(true));
}

/**
 * @param {string} label
 * @param {() => void} act
 */
function button(label, act) {
  const made = Object.assign(document.createElement("button"), {
    type: "button",
    className: "button",
    textContent: label,
  });
  made.addEventListener("click", () => {
    close(made);
    act();
  });
  return made;
}

/** @param {Element} inside */
function close(inside) {
  const held = inside.closest(".toast")?.contains(document.activeElement);
  inside.closest(".toast")?.remove();
  if (held) document.getElementById("contenu")?.focus({ preventScroll: true });
}

// No message leaves by itself (people read at their own pace): each gets a way to be put away, ours and the server's.
new MutationObserver(() => {
  for (const toast of document.querySelectorAll(".live .toast:not(:has([data-close]))")) {
    const away = button("Fermer", () => {});
    away.dataset.close = "";
    toast.append(away);
  }
}).observe(document.body, { childList: true, subtree: true });

/** A notice brought by a whole page is seen, not heard: regions speak only when they change. */
export function sayNotice() {
  const notice = document.getElementById("notice");
  if (notice) setTimeout(() => say(notice.innerText.trim(), { quiet: true }), 300);
}
sayNotice();
