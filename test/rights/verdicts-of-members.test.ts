import { PERSONAS, startSweep } from "../support/sweep.ts";
import { judgeAll } from "../support/verdicts.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const sweep = await startSweep(world);

/** Those who govern nothing, in a process of their own: it is the longest of the sweeps. */
const members = ["karim", "martine", "aicha", "helene"];
judgeAll(
  sweep,
  "portelune",
  PERSONAS.filter(({ who }) => members.includes(who)),
);
