// @ts-check
// Disclosure menus close as people expect: Escape, a click elsewhere, or focus gone.

const opened = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu[open]"));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of opened()) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
    menu.open = false;
  }
});

for (const type of ["click", "focusin"]) {
  document.addEventListener(type, (event) => {
    for (const menu of opened()) if (!menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
  });
}
