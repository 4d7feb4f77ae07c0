// @ts-check
// When an address is asked anew: one question at a time, no sooner than its rest; and again by itself until the last answer is
// there, less and less often while it fails, a second later while the server says that a newer one is being made.

const BEHIND_S = 1;
const LONGEST_S = 30;

export class Asking {
  at = Number.NEGATIVE_INFINITY;
  failures = 0;
  isBehind = false;
  isAsking = false;
  isAwaited = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;

  /**
   * `rest` is in seconds; `refresh` gives whether its answer is behind, and fails without one.
   * @param {{ isResting: () => boolean, rest: () => number, refresh: () => Promise<boolean> }} of
   */
  constructor(of) {
    this.of = of;
  }

  /** Now, or once what is under way is over: what has just changed may not be in it. */
  ask() {
    if (this.timer || this.of.isResting()) return;
    const pause = this.failures > 0 ? Math.min(2 ** (this.failures - 1), LONGEST_S) : this.isBehind ? BEHIND_S : 0;
    const wait = this.at + Math.max(pause, this.of.rest()) * 1_000 - performance.now();
    if (this.isAsking) this.isAwaited = true;
    else if (wait > 0) this.timer = setTimeout(() => this.wake(), wait);
    else void this.refresh();
  }

  wake() {
    this.timer = undefined;
    this.ask();
  }

  async refresh() {
    Object.assign(this, { isAsking: true, isAwaited: false, at: performance.now() });
    try {
      this.isBehind = await this.of.refresh();
      this.failures = 0;
    } catch {
      this.failures += 1;
      this.at = performance.now();
    }
    this.isAsking = false;
    if (this.isAwaited || this.isBehind || this.failures > 0) this.ask();
  }
}
