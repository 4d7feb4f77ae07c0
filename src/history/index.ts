export { type Verdict, verifyHistory } from "./chain.ts";
export { Heads } from "./heads.ts";
export { liveSeals } from "./live.ts";
export { openHeads } from "./module.ts";
export { findAct } from "./queries.ts";
export { type Sealer, startSealer } from "./sealer.ts";
export { latestActs, type ShownAct } from "./web/lines.ts";
