/** `npm run faults`: every fault in its long form, as many minutes as it asks; a file may be named. */
process.env.FAULTS = "long";
// Those of one part alone are tested beside it.
const PLACES = ["test/faults", "test/platform/mail", "test/platform/jobs", "test/platform/db/clock.test.ts"];
if (!process.argv.slice(2).some((word) => !word.startsWith("-"))) process.argv.push(...PLACES);
process.argv.push("--test-timeout=3600000");
await import("./test.ts");
