import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATH = "/usr/bin/chromium";
/** The same without a window to draw, at half the cost. */
const SHELL = "/usr/bin/chromium-headless-shell";
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function openBrowser(): Promise<Browser> {
  if (existsSync(SHELL)) return chromium.launch({ executablePath: SHELL, args: ARGS });
  if (!existsSync(PATH)) {
    try {
      execFileSync("apt-get", ["update"], { stdio: "ignore" });
      execFileSync("apt-get", ["install", "-y", "chromium"], { stdio: "ignore" });
    } catch {
      throw new Error("Chromium is missing: apt-get update && apt-get install -y chromium");
    }
  }
  return chromium.launch({ executablePath: PATH, args: [...ARGS, "--headless"] });
}
