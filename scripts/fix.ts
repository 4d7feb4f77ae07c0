/** `npm run fix`: puts in the project's style what a program can. */
import { spawnSync } from "node:child_process";

const { status } = spawnSync("biome", ["check", "--write", ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
