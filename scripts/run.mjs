// `npm run NAME -- …` → scripts/NAME.ts or scripts/NAME/index.ts, once Node is known to read TypeScript.
import { existsSync } from "node:fs";
import "../src/needs-node-24.mjs";

const [name] = process.argv.splice(2, 1);
const file = [`./${name}.ts`, `./${name}/index.ts`].find((candidate) =>
  existsSync(new URL(candidate, import.meta.url)),
);
if (!name || !file) {
  process.stderr.write(`Aucun script « ${name ?? ""} » : « npm run » seul en donne la liste.\n`);
  process.exit(1);
}
if (existsSync(".env")) process.loadEnvFile(".env"); // as `npm start` does
await import(file);
