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

export function ensureTools(fail: (message: string) => never): void {
  const missing = TOOLS.filter(({ programs }) => !programs.some(isInstalled));
  if (missing.length === 0) return;

  const packages = missing.map((tool) => tool.package);
  const reasons = missing.map((tool) => `  - ${tool.package} : ${tool.why}`).join("\n");
  if (process.getuid?.() !== 0 || !isInstalled("apt-get")) {
    fail(
      `Il manque de quoi tester :\n${reasons}\nInstallez, puis relancez :\n  sudo apt-get install -y ${packages.join(" ")}`,
    );
  }
  console.log(`Installation de ce qui manque aux tests :\n${reasons}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["-o", "DPkg::Lock::Timeout=600", "install", "-y", "-qq", "--no-install-recommends", ...packages];
  const attempt = () => spawnSync("apt-get", install, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  let result = attempt();
  if (result.status !== 0) {
    // The lists of packages are missing or stale on a fresh machine.
    spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=600", "-qq", "update"], { env, stdio: "ignore" });
    result = attempt();
  }
  if (result.status !== 0) {
    fail(
      `apt-get n’a pas pu installer ${packages.join(", ")} :\n${result.stderr}\nÀ la main : apt-get update && apt-get install -y ${packages.join(" ")}`,
    );
  }
}

function isInstalled(program: string): boolean {
  // Daemons are where an ordinary account does not look.
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin"];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}
