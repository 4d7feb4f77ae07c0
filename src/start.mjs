import { existsSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import "./needs-node-24.mjs";

if (existsSync(".env")) process.loadEnvFile(".env"); // what the environment already says wins
// Whoever relaunches it has died: nobody could stop it any more.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
// On a large machine V8 lets a heap grow several times over before it collects: an import of 100 000 lines held twice what
// it needs. The other half is --max-semi-space-size, which only a command line can say (src/relaunch.mjs, Dockerfile, deploy).
setFlagsFromString("--heap-growing-percent=25");
// Compiled modules, kept beside the packages, where only who installs writes; elsewhere they are compiled each time.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/opstracker", import.meta.url)));
await import("./main.ts");
flushCompileCache();
process.send?.("ready");
process.channel?.unref();
