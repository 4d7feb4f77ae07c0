// @ts-check
// A cell that can be edited is a link: with JavaScript its form comes where it stands. One listener for all of them, since
// a list has hundreds, each of which would carry the same four attributes.

document.addEventListener("click", (event) => {
  const { defaultPrevented, button, ctrlKey, metaKey, shiftKey, altKey } = event;
  if (defaultPrevented || button !== 0 || ctrlKey || metaKey || shiftKey || altKey) return;
  const link = /** @type {Element} */ (event.target).closest("[data-cell] > a.edit");
  const htmx = /** @type {any} */ (window).htmx;
  if (!link || !htmx) return;
  event.preventDefault();
  htmx.ajax("GET", link.getAttribute("href"), { source: link, target: link.parentElement });
});
