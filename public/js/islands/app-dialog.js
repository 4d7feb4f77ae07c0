// @ts-check
// Around a native <dialog>. A link with data-dialog keeps its address for those without script; focus comes back to it
// by itself, as the platform does.

class AppDialog extends HTMLElement {
  connectedCallback() {
    const dialog = this.querySelector("dialog");
    if (!dialog?.open) return;
    // Sent open by the server (a refused form): made modal, so that focus stays inside.
    dialog.close();
    dialog.showModal();
    /** @type {HTMLElement | null} */ (dialog.querySelector("[autofocus]"))?.focus();
  }
}
customElements.define("app-dialog", AppDialog);

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = /** @type {Element} */ (event.target).closest("[data-dialog]");
  const dialog = document.getElementById(link?.getAttribute("data-dialog") ?? "");
  if (!(dialog instanceof HTMLDialogElement)) return;
  event.preventDefault();
  dialog.showModal();
});
