// @ts-check
// What carries data-shortcut answers Ctrl (or Cmd) and that sign: a field takes the caret, anything else is pressed. A page
// of somebody who turned shortcuts off carries none. The page of help « Accessibilité et clavier » lists them.

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !event.key) return;
  const sign = CSS.escape(event.key.toLowerCase());
  const all = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-shortcut="${sign}"]`));
  const at = [...all].find((one) => one.checkVisibility());
  if (!at) return;
  event.preventDefault();
  if (at instanceof HTMLInputElement) at.select();
  at.matches("input") ? at.focus() : at.click();
});
