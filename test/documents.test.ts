import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { modules } from "../src/modules.ts";

const root = new URL("..", import.meta.url).pathname;
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "THREAT_MODEL.md", "CHANGELOG.md", "src/README.md"];

/** First cells of the table that follows a heading. */
function table(text: string, heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  return rows.slice(2).map((row) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim()));
}

test("P60 : chaque promesse de SECURITY.md nomme un test qui existe", () => {
  const promises = table(read("SECURITY.md"), "Ce qui est promis, et le test qui le montre");
  assert.ok(promises.length > 10);
  for (const [promise, file = "", title = ""] of promises) {
    assert.ok(existsSync(path.join(root, file)), `${promise} : ${file} n’existe pas.`);
    assert.ok(read(file).includes(`"${title}"`), `${promise} : aucun test ne s’appelle ainsi dans ${file}.`);
  }
});

test("chaque lien des documents mène à un fichier du dépôt", () => {
  for (const document of DOCUMENTS) {
    for (const [, target = ""] of read(document).matchAll(/\]\(([^)#\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      assert.ok(existsSync(path.join(root, path.dirname(document), target)), `${document} : ${target} n’existe pas.`);
    }
  }
});

test("le README décrit chaque verbe de package.json, et aucun autre", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const told = table(read("README.md"), "Les verbes").map(([verb = ""]) => /`(?:run )?([a-z-]+)/.exec(verb)?.[1] ?? "");
  assert.deepEqual(told.toSorted(), Object.keys(scripts).toSorted());
});

test("chaque verbe a son script", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const command of Object.values(scripts)) {
    const name = /^node scripts\/run\.mjs (\S+)$/.exec(command)?.[1];
    const files = name ? [`scripts/${name}.ts`, `scripts/${name}/index.ts`] : [command.split(" ").at(-1) ?? ""];
    assert.ok(
      files.some((file) => existsSync(path.join(root, file))),
      `« ${command} » ne mène à rien.`,
    );
  }
});

test("le README décrit chaque réglage lu par src/config.ts, et aucun autre", () => {
  const schema = read("src/config.ts").split("const Environment = z.object({")[1]?.split("\n});")[0] ?? "";
  const known = [...schema.matchAll(/^ {2}([A-Z0-9_]+):/gm)].map(([, name]) => name);
  const told = table(read("README.md"), "Réglages").map(([name = ""]) => name.replaceAll("`", ""));
  assert.deepEqual(told.toSorted(), known.toSorted());
});

test("les conteneurs ne donnent que des réglages connus, et les rôles de la base viennent du même fichier", () => {
  const compose = read("docker-compose.yml");
  const app = compose.split("\n  app:\n")[1]?.split("\n  postgres:\n")[0] ?? "";
  const given = [...(app.split("environment:\n")[1] ?? "").matchAll(/^ {6}([A-Z0-9_]+):/gm)].map(([, name]) => name);
  const told = table(read("README.md"), "Réglages").map(([name = ""]) => name.replaceAll("`", ""));
  assert.ok(given.length > 5);
  assert.deepEqual(
    given.filter((name) => !told.includes(name ?? "")),
    [],
  );
  // Those the containers settle themselves; any other missing would be a setting that changes nothing there.
  const settled = ["DEMO", "ROLE", "VAR_DIR"];
  assert.deepEqual(
    told.filter((name) => !given.includes(name) && !settled.includes(name)),
    [],
  );
  assert.match(compose, /\.\/deploy\/postgres:\/docker-entrypoint-initdb\.d:ro/);
  assert.ok(existsSync(path.join(root, "deploy/postgres/01-roles.sql")));
});

test("le relais d’exemple ne garde l’adresse d’aucun lien secret, et ferme les mesures (P49)", () => {
  const relay = read("deploy/nginx.conf");
  const [, unlogged = ""] = /location ~\* (\S+) \{\s+access_log off;/.exec(relay) ?? [];
  const pattern = new RegExp(unlogged, "i");
  const secret = modules.flatMap(({ routes = [] }) => routes).filter(({ options }) => options.secretPath);
  assert.ok(unlogged && secret.length >= 6);
  for (const { path: address } of secret) assert.match(address, pattern);
  assert.match(relay, /location = \/metrics \{\s+return 404;/);
});

test("la licence est annoncée partout la même", () => {
  assert.match(read("LICENSE"), /^EUROPEAN UNION PUBLIC LICENCE v\. 1\.2/);
  assert.equal(JSON.parse(read("package.json")).license, "EUPL-1.2");
  assert.match(read("publiccode.yml"), /license: EUPL-1\.2/);
});
