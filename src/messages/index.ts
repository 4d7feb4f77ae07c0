/** The public face of messages: the only file others import. */
export { type FailureTeller, tellFailures } from "./failures.ts";
