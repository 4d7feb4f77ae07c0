/** `npm run faults`: the faults of test/faults in their long form, as many minutes as they ask; a file may be named. */
process.env.FAULTS = "long";
if (!process.argv.slice(2).some((word) => !word.startsWith("-"))) process.argv.push("test/faults");
process.argv.push("--test-timeout=3600000");
await import("./test.ts");
