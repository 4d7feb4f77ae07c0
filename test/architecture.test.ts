import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

/** Floors of src/README.md: a module may import floors below its own, and the arrows named here (architecture §2). */
const FLOOR: Record<string, number> = {
  platform: 0,
  accounts: 1,
  history: 1,
  instance: 2,
  files: 2,
  documents: 2,
  notifications: 2,
  messages: 2,
  search: 2,
  imports: 2,
  exports: 2,
  webhooks: 2,
  fields: 2,
  workflow: 2,
  checklists: 2,
  directory: 3,
  campaigns: 3,
  booking: 3,
  reports: 4,
};
const ARROWS = new Set(["history→accounts", "campaigns→directory", "booking→campaigns", "booking→directory"]);
/** Files at the top of src/: they put the house together and may name everything. */
const ROOF = /^src\/[^/]+\.(ts|mjs)$/;

const files = globSync("src/**/*.ts");
const moduleOf = (file: string) => file.split("/")[1]!;
const imports = files.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => ({
    file,
    target: path.join(path.dirname(file), match[1]!),
  })),
);

test("chaque module de src/ a son étage dans le tableau", () => {
  const unknown = new Set(files.filter((file) => !ROOF.test(file)).map(moduleOf)).difference(
    new Set(Object.keys(FLOOR)),
  );
  assert.deepEqual([...unknown], [], "Donnez à ce dossier un étage, ici et dans src/README.md.");
});

test("un module n’importe que les étages du dessous et les flèches permises", () => {
  const wrong = imports.flatMap(({ file, target }) => {
    if (ROOF.test(file)) return [];
    const [from, to] = [moduleOf(file), moduleOf(target)];
    if (ROOF.test(target)) return `${file} importe ${target} : passez-lui ce dont il a besoin en argument.`;
    if (from === to || FLOOR[to]! < FLOOR[from]! || ARROWS.has(`${from}→${to}`)) return [];
    return `${file} importe ${to} : enregistrez un évènement et laissez ${to} y réagir, ou passez par le registre des manifestes.`;
  });
  assert.deepEqual(wrong, []);
});

test("d’un autre module, seul index.ts s’importe", () => {
  const wrong = imports.flatMap(({ file, target }) => {
    const [from, to] = [moduleOf(file), moduleOf(target)];
    if (ROOF.test(file) || from === to || to === "platform" || target === `src/${to}/index.ts`) return [];
    return `${file} importe ${target} : exportez ce qu’il lui faut par src/${to}/index.ts.`;
  });
  assert.deepEqual(wrong, []);
});

test("HTTP ne se nomme que dans web/ et platform/http", () => {
  const wrong = files.filter(
    (file) =>
      !/\/web\/|^src\/platform\/http\/|^src\/(app|main)\.ts$/.test(file) &&
      /from "(express|express-session|passport|csurf)"/.test(readFileSync(file, "utf8")),
  );
  assert.deepEqual(
    wrong,
    [],
    "Un nom ou un verbe ne connaît ni requête ni page : rendez une valeur, levez RuleBroken.",
  );
});

test("le SQL à la main ne vit que dans queries.ts, platform/db et ce qui scelle l’historique", () => {
  const allowed =
    /^src\/(platform\/|history\/(sealer|chain)\.ts|accounts\/(session-rows|sign-in-guard)\.ts)|\/queries(\.ts|\/)/;
  const wrong = files.filter(
    (file) => !allowed.test(file) && /\bsql(<[^`]*>)?`|\bem\.execute\b/.test(readFileSync(file, "utf8")),
  );
  assert.deepEqual(wrong, [], "Déplacez la requête dans le queries.ts du module, avec un mot sur ce qu’elle rend.");
});

test("un verbe ne lit pas l’heure : elle lui est donnée", () => {
  const wrong = files.filter(
    (file) =>
      !/^src\/(platform\/|main\.ts)/.test(file) && /new Date\(\)|Date\.now\(\)/.test(readFileSync(file, "utf8")),
  );
  assert.deepEqual(wrong, [], "Prenez `now` en argument, ou `req.now` dans un gestionnaire.");
});

test("aucun nom de dossier ou de fichier n’avoue une idée manquante", () => {
  const vague = files.filter((file) =>
    /\b(utils?|helpers?|common|manager|service|data|info)\b/.test(path.basename(file)),
  );
  assert.deepEqual(vague, [], "Trouvez le nom de l’idée.");
});

test("le tableau de src/README.md dit la même chose que ce test", () => {
  const readme = readFileSync("src/README.md", "utf8");
  const missing = [...new Set(files.filter((file) => !ROOF.test(file)).map(moduleOf))].filter(
    (name) => !new RegExp(`\\| ${FLOOR[name]} \\|[^\\n]*\\b${name}\\b`).test(readme),
  );
  assert.deepEqual(missing, [], "Ajoutez le module à la ligne de son étage dans src/README.md.");
});

test("un formulaire laisse parler notre sommaire d’erreurs, en français, plutôt que la bulle du navigateur", () => {
  const silent = globSync("views/**/*.eta").filter((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/<form\b[^>]*class="decision[^>]*>/g)].some(([tag]) => !tag.includes("novalidate"));
  });
  assert.deepEqual(silent, [], "Ajoutez novalidate : le serveur vérifie, et son sommaire est lu par tous.");
});
