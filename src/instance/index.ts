/** The public face of instance. */
export { startDeathWatch } from "./deaths.ts";
