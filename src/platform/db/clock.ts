/** Where the present comes from: verbs take `now`, the process reads it here, tests replace it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
