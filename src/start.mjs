import { existsSync } from "node:fs";
import "./needs-node-24.mjs";

if (existsSync(".env")) process.loadEnvFile(".env"); // what the environment already says wins
// Whoever relaunches it has died: nobody could stop it any more.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
await import("./main.ts");
process.send?.("ready");
process.channel?.unref();
