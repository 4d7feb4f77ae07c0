/**
 * What many readers of one thing ask at the same time, worked out once for all of them and never older than the question of
 * any of them (STA-2, LIV-1): readers of a dashboard come back together at each change.
 */

let last = 0;
/** The order in which things happen in this process: a clock gives the same instant twice. */
const nextInstant = (): number => ++last;

/** Things told apart at most; the oldest asked goes first. */
const MOST_WATCHED = 2_000;
const MOST_KEPT = 100;

/**
 * Since when each thing is what it is. A mark says how far its history went; what it becomes after a mark, the base alone
 * knows and is asked at each question: other processes write too.
 */
export class Changes<Mark> {
  #known = new Map<string, { mark: Mark; since: number }>();

  /** Called before the base is asked whether `id` changed since `before`; null when it was never asked. */
  asking(id: string): { before: Mark | null; told(answer: { mark: Mark; isChanged: boolean }): number } {
    const asked = nextInstant();
    const known = this.#known.get(id);
    return {
      before: known?.mark ?? null,
      /** Takes its answer, and gives the instant from which work begun has all that the question could see. */
      told: ({ mark, isChanged }) => {
        const isSame = known !== undefined && !isChanged;
        // Whoever asked at the same time may have been answered first: two marks are in no order, so theirs stays.
        if (this.#known.get(id) === known) {
          this.#known.delete(id);
          this.#known.set(id, { mark, since: isSame ? known.since : nextInstant() });
          if (this.#known.size > MOST_WATCHED) this.#known.delete(this.#known.keys().next().value!);
        }
        // Begun after the question, work has all that was there when it was asked; sooner is enough where nothing moved.
        return isSame ? known.since : asked;
      },
    };
  }
}

interface Work<T> {
  begun: number;
  /** By a clock, in milliseconds: when it was over, and how long it took. */
  over: number;
  took: number;
  answer: Promise<T>;
}
interface Slot<T> {
  done?: Work<T> | undefined;
  running?: Work<T> | undefined;
  /** Begins once the one that runs is over, for all who came too late for it. */
  next?: Promise<T> | undefined;
  /** A renewal that readers of an older answer were promised. */
  promised?: true | undefined;
}

const isAtRest = ({ running, next, promised }: Slot<unknown>) => !running && !next && !promised;

/** An answer this little old begins a burst: readers who will ask again make do with it; a change alone is waited for (LIV-1, LIV-5). */
const BURST_MS = 400;
/** Within a burst an answer is renewed once in so long, since pages repaint no oftener (LIV-5). */
const EVERY_MS = 1_000;

/** Answers by key. One work runs at a time for a key, and at most one waits: readers add none. */
export class Shared<T> {
  #slots = new Map<string, Slot<T>>();

  /** The answer of a work begun at `since` or later; `work` is done anew when there is none. */
  get(key: string, since: number, work: () => Promise<T>): Promise<T> {
    const slot = this.#slotOf(key);
    const { done, running } = slot;
    if (done && done.begun >= since) return done.answer;
    if (!running) return slot.next ?? this.#begin(slot, work);
    if (running.begun >= since) return running.answer;
    const after = () => this.#beginNext(slot, work);
    slot.next ??= running.answer.then(after, after);
    return slot.next;
  }

  /**
   * The same for a reader who asks again by themself for as long as they are behind: while changes follow one another, the
   * last answer; never by more than a second and twice what it took.
   */
  async recent(key: string, since: number, work: () => Promise<T>): Promise<{ answer: T; isBehind: boolean }> {
    const slot = this.#slots.get(key);
    const done = slot?.done;
    const isBurst = done && (slot.promised || performance.now() - done.over < BURST_MS);
    if (!isBurst || done.begun >= since) return { answer: await this.get(key, since, work), isBehind: false };
    if (!slot.promised) {
      slot.promised = true;
      const kept = () => {
        slot.promised = undefined;
      };
      // One that took long leaves as long to the rest, but a load that made it long does not make all wait for more.
      const rest = Math.min(EVERY_MS, Math.max(EVERY_MS - done.took, done.took));
      // One that fails is told to nobody: whoever is behind asks again, begins it anew and is told why.
      const renew = () => this.get(key, nextInstant(), work).then(kept, kept);
      setTimeout(renew, Math.max(0, done.over + rest - performance.now())).unref();
    }
    return { answer: await done.answer, isBehind: true };
  }

  /** The answer of a work begun from now on: those who ask while one runs, or at the same time, share the next. */
  fresh(key: string, work: () => Promise<T>): Promise<T> {
    const slot = this.#slotOf(key);
    const free = slot.running?.answer ?? Promise.resolve();
    // What the network brought at the same time is heard first.
    const heard = () => new Promise((then) => setImmediate(then));
    slot.next ??= free.then(heard, heard).then(() => this.#beginNext(slot, work));
    return slot.next;
  }

  /** Now the last asked for. Beyond the most kept the first leave, except those somebody waits for: asked again, they would be worked out twice at a time. */
  #slotOf(key: string): Slot<T> {
    const slot = this.#slots.get(key) ?? {};
    this.#slots.delete(key);
    for (const [other, one] of this.#slots) {
      if (this.#slots.size < MOST_KEPT) break;
      if (isAtRest(one)) this.#slots.delete(other);
    }
    this.#slots.set(key, slot);
    return slot;
  }

  #beginNext(slot: Slot<T>, work: () => Promise<T>): Promise<T> {
    slot.next = undefined;
    return this.#begin(slot, work);
  }

  #begin(slot: Slot<T>, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const running: Work<T> = { begun: nextInstant(), over: 0, took: 0, answer: work() };
    slot.running = running;
    const over = () => {
      if (slot.running === running) slot.running = undefined;
    };
    running.answer.then(() => {
      over();
      const now = performance.now();
      slot.done = Object.assign(running, { over: now, took: now - start });
    }, over);
    return running.answer;
  }
}
