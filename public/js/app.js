// @ts-check
// The one entry. Islands are custom elements: they start by themselves when htmx swaps them in.
import "./announce.js";
import "./cells.js";
import "./menus.js";
import "./swaps.js";
import "./islands/app-dialog.js";
import "./islands/auto-submit.js";
import "./islands/cell-edit.js";
import "./islands/check-all.js";
import "./islands/copy-text.js";
import "./islands/dirty-guard.js";
import "./islands/file-bytes.js";
import "./islands/file-upload.js";
import "./islands/live-page.js";
import "./islands/password-reveal.js";
import "./islands/print-page.js";
import "./islands/session-watch.js";
