/** `npm run check`: all that needs no database — style, types, templates. Says every failure, not the first one. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { Eta } from "eta";

const failures: string[] = [];
step("Style et règles (biome)", () => command("biome", ["check", "--error-on-warnings"]));
step("Types (tsc)", () => command("tsc", ["-p", ".", "--noEmit"]) && command("tsc", ["-p", "test", "--noEmit"]));
step("Gabarits (eta)", compileTemplates);

if (failures.length > 0) {
  console.error(`\nÀ corriger : ${failures.join(", ")}. « npm run fix » règle ce qui peut l’être seul.`);
  process.exit(1);
}
console.log("\nTout est en ordre.");

function step(title: string, work: () => boolean): void {
  console.log(`\n${title}`);
  if (!work()) failures.push(title);
}

function command(program: string, args: string[]): boolean {
  const { status, error } = spawnSync(program, args, { stdio: "inherit" });
  if (error) console.error(`${program} ne se lance pas (${error.message}) : installez avec « npm ci ».`);
  return status === 0;
}

/** A template is a program: one that does not compile would only be seen by the person who opens that page. */
function compileTemplates(): boolean {
  const eta = new Eta();
  let sound = true;
  for (const file of globSync("views/**/*.eta").sort()) {
    try {
      eta.compile(readFileSync(file, "utf8"));
    } catch (error) {
      sound = false;
      console.error(`${file} : ${(error as Error).message}`);
    }
  }
  return sound;
}
