import { existsSync } from "node:fs";
import "./needs-node-24.mjs";

if (existsSync(".env")) process.loadEnvFile(".env"); // what the environment already says wins
await import("./main.ts");
