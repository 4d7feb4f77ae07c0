/** The programs the tests drive and npm does not bring. Missing ones are installed, or named: never skipped. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const TOOLS = [
  {
    package: "chromium",
    programs: ["chromium", "chromium-browser", "google-chrome"],
    why: "les écrans dans un vrai navigateur",
  },
  { package: "redis-server", programs: ["redis-server"], why: "les sessions et le cache partagés" },
  { package: "clamav-daemon", programs: ["clamd"], why: "les fichiers examinés par un vrai antivirus" },
  { package: "default-jre-headless", programs: ["java"], why: "le vérificateur HTML de la Nu HTML Checker" },
];

/** The same Chromium without a window, at half the cost: taken where it can be had (test/screens/browser.ts). */
const SHELL = "chromium-headless-shell";

export function ensureTools(fail: (message: string) => never): void {
  const missing = TOOLS.filter(({ programs }) => !programs.some(isInstalled));
  if (missing.length > 0) installAll(missing, fail);
  if (!isInstalled(SHELL) && mayInstall()) aptInstall([SHELL]);
}

const mayInstall = () => process.getuid?.() === 0 && isInstalled("apt-get");

function installAll(missing: typeof TOOLS, fail: (message: string) => never): void {
  const packages = missing.map((tool) => tool.package);
  const reasons = missing.map((tool) => `  - ${tool.package} : ${tool.why}`).join("\n");
  if (!mayInstall()) {
    fail(
      `Il manque de quoi tester :\n${reasons}\nInstallez, puis relancez :\n  sudo apt-get install -y ${packages.join(" ")}`,
    );
  }
  console.log(`Installation de ce qui manque aux tests :\n${reasons}`);
  const result = aptInstall(packages);
  if (result.status !== 0) {
    fail(
      `apt-get n’a pas pu installer ${packages.join(", ")} :\n${result.stderr}\nÀ la main : apt-get update && apt-get install -y ${packages.join(" ")}`,
    );
  }
}

function aptInstall(packages: string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["-o", "DPkg::Lock::Timeout=600", "install", "-y", "-qq", "--no-install-recommends", ...packages];
  const attempt = () => spawnSync("apt-get", install, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const result = attempt();
  if (result.status === 0) return result;
  // The lists of packages are missing or stale on a fresh machine.
  spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=600", "-qq", "update"], { env, stdio: "ignore" });
  return attempt();
}

function isInstalled(program: string): boolean {
  // Daemons are where an ordinary account does not look.
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin"];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}
