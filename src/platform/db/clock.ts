/** Where the present comes from: verbs take `now`, the process reads it here, tests replace it. */
export interface Clock {
  now(): Date;
}

/** That of this machine, for scripts. */
export const systemClock: Clock = { now: () => new Date() };

const ASK_EVERY_MS = 30_000;
/** A machine whose clock moved by more than this since the last time asked: somebody set it, or it slept. */
const JUMP_MS = 1_000;
/** Nearer than this, two clocks are the same: a question takes longer. */
const SAME_MS = 50;

interface ClockParts {
  /** The time of the database. */
  ask(): Promise<Date>;
  onError(error: unknown): void;
  /** The time of this machine, which may jump, and a count that never does. */
  wall?(): number;
  steady?(): number;
}

/**
 * The time of the database, which all processes share: asked now and then, counted by this machine in between, whatever
 * somebody does to its clock. Locks, links and schedules last as long for each process (F14).
 */
export async function databaseClock({
  ask,
  onError,
  wall = Date.now,
  steady = () => performance.now(),
}: ClockParts): Promise<Clock & { measure(): Promise<void> }> {
  let base = { at: wall(), wall: wall(), steady: steady() };
  let asking: Promise<void> | undefined;
  const askOnce = async () => {
    const from = steady();
    const told = (await ask()).getTime();
    const to = steady();
    const at = told + (to - from) / 2;
    base = { at: Math.abs(at - wall()) < SAME_MS ? wall() : at, wall: wall(), steady: to };
  };
  const measure = () => {
    asking ??= askOnce().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  await measure();
  setInterval(() => measure().catch(onError), ASK_EVERY_MS).unref();
  return {
    measure,
    now() {
      const passed = steady() - base.steady;
      if (Math.abs(wall() - base.wall - passed) > JUMP_MS) measure().catch(onError);
      return new Date(base.at + passed);
    },
  };
}
