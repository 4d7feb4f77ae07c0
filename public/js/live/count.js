// @ts-check
// What came, said once in thirty seconds at most (LIV-5): how many rows, or what a part says of itself now.
import { say } from "../announce.js";

const SAID_MS = 30_000;

export class LiveCount {
  /** @type {Map<string, { count: number, one: string, many: string } | string>} */ untold = new Map();
  saidAt = Number.NEGATIVE_INFINITY;

  /** @param {HTMLElement} part @param {Element} fresh */
  add(part, fresh) {
    const { liveOne: one, liveMany: many, liveSaid: said } = part.dataset;
    const now = fresh instanceof HTMLElement ? fresh.dataset.liveSaid : undefined;
    if (now !== undefined && now !== said) this.untold.set(part.id, now);
    if (one && many) {
      const rows = [...fresh.querySelectorAll("tr[id], li[id]")].filter(({ id }) => !document.getElementById(id));
      const before = this.untold.get(part.id);
      const count = rows.length + (typeof before === "object" ? before.count : 0);
      if (rows.length > 0) this.untold.set(part.id, { count, one, many });
    }
    if (this.untold.size === 0) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell(), Math.max(0, this.saidAt + SAID_MS - performance.now()));
  }

  tell() {
    const told = [...this.untold.values()].map((what) =>
      typeof what === "string" ? what : `${what.count} ${what.count > 1 ? what.many : what.one}`,
    );
    this.untold.clear();
    this.saidAt = performance.now();
    say(told.join(", "), { quiet: true });
  }
}
