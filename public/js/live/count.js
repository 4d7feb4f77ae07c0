// @ts-check
// How many rows came, said once in thirty seconds at most (LIV-5).
import { say } from "../announce.js";

const SAID_MS = 30_000;

export class LiveCount {
  /** @type {Map<string, { count: number, one: string, many: string }>} */ untold = new Map();
  saidAt = Number.NEGATIVE_INFINITY;

  /** @param {HTMLElement} part @param {Element} fresh */
  add(part, fresh) {
    const { liveOne: one, liveMany: many } = part.dataset;
    if (!one || !many) return;
    const rows = [...fresh.querySelectorAll("tr[id], li[id]")].filter(({ id }) => !document.getElementById(id));
    if (rows.length === 0) return;
    const before = this.untold.get(part.id)?.count ?? 0;
    this.untold.set(part.id, { count: before + rows.length, one, many });
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell(), Math.max(0, this.saidAt + SAID_MS - performance.now()));
  }

  tell() {
    const told = [...this.untold.values()].map(({ count, one, many }) => `${count} ${count > 1 ? many : one}`);
    this.untold.clear();
    this.saidAt = performance.now();
    say(told.join(", "), { quiet: true });
  }
}
