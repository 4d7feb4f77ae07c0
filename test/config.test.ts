import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { ConfigRefused, readConfig, trusts } from "../src/config.ts";
import { loadSecrets } from "../src/secrets.ts";

const folder = mkdtempSync(path.join(tmpdir(), "opstracker-config-"));
after(() => rm(folder, { recursive: true }));

const DRAWN = "q7Wm2ZkP0xVt9LrB4nHs8YcJ5dFg3AeU";
const APP = "postgres://opstracker_app:kXv93hRt0pLw@db/opstracker";
const OWNER = "postgres://opstracker_owner:Zq81mTbN5sYc@db/opstracker";
const PRODUCTION = {
  NODE_ENV: "production",
  PUBLIC_URL: "https://operations.ville.fr",
  SECRET: DRAWN,
  DATABASE_URL: APP,
  DATABASE_OWNER_URL: OWNER,
};

function refusals(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigRefused);
    return error.refusals;
  }
}

test("sans rien : cette machine seule, le port 3000, var/, une démonstration si la base est vide", () => {
  const config = readConfig({});
  const { host, port, publicUrl, varDir, demo, databaseUrl, secure, logLevel } = config;
  assert.deepEqual(
    { host, port, publicUrl, demo, databaseUrl, secure, logLevel },
    {
      host: "127.0.0.1",
      port: 3000,
      publicUrl: "http://localhost:3000",
      demo: "auto",
      databaseUrl: undefined,
      secure: false,
      logLevel: "info",
    },
  );
  assert.equal(varDir, path.resolve("var"));
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.trustProxy));
});

test("une valeur vide vaut absente, pour chaque réglage", () => {
  const names = ["NODE_ENV", "HOST", "PORT", "PUBLIC_URL", "VAR_DIR", "DATABASE_URL", "DATABASE_OWNER_URL", "DEMO"];
  const more = [
    "SECRET",
    "TRUST_PROXY",
    "ALLOW_HTTP",
    "LOG_LEVEL",
    "CONTACT",
    "SMTP_URL",
    "MAIL_FROM",
    "MAIL_REPLY_TO",
  ];
  assert.deepEqual(readConfig(Object.fromEntries([...names, ...more].map((name) => [name, " "]))), readConfig({}));
});

test("l’adresse publique suit le port, et https rend les cookies sûrs", () => {
  assert.equal(readConfig({ PORT: "3101" }).publicUrl, "http://localhost:3101");
  const config = readConfig(PRODUCTION);
  assert.deepEqual([config.publicUrl, config.secure], ["https://operations.ville.fr", true]);
});

test("la démonstration d’office s’efface en production et sur le réseau", () => {
  assert.equal(readConfig(PRODUCTION).demo, "non");
  assert.equal(readConfig({ HOST: "0.0.0.0" }).demo, "non");
  assert.equal(readConfig({ DEMO: "oui", HOST: "::1" }).demo, "oui");
});

const REFUSED: [string, Record<string, string>, RegExp][] = [
  ["SMTP_URL sans protocole", { SMTP_URL: "mail.ville.fr", MAIL_FROM: "a@ville.fr" }, /SMTP_URL.+smtp:\/\//],
  ["SMTP_URL sans expéditeur", { SMTP_URL: "smtp://mail.ville.fr" }, /sans MAIL_FROM/],
  ["MAIL_FROM sans serveur", { MAIL_FROM: "a@ville.fr" }, /sans SMTP_URL/],
  ["MAIL_FROM à deux lignes", { SMTP_URL: "smtp://m.fr", MAIL_FROM: "a@ville.fr\nBcc: x@y.fr" }, /MAIL_FROM/],
  ["NODE_ENV inconnu", { NODE_ENV: "prod" }, /NODE_ENV vaut development, test ou production/],
  ["HOST qui n’est pas une adresse", { HOST: "partout" }, /HOST n’est pas une adresse.+0\.0\.0\.0/],
  ["PORT en lettres", { PORT: "trois-mille" }, /PORT n’est pas un nombre/],
  ["PORT à virgule", { PORT: "3000.5" }, /PORT n’est pas un nombre/],
  ["PORT nul", { PORT: "0" }, /PORT va de 1 à 65535/],
  ["PORT trop grand", { PORT: "70000" }, /PORT va de 1 à 65535/],
  ["PUBLIC_URL avec un chemin", { PUBLIC_URL: "https://ville.fr/ops" }, /PUBLIC_URL.+sans chemin/],
  ["PUBLIC_URL sans protocole", { PUBLIC_URL: "operations.ville.fr" }, /PUBLIC_URL/],
  ["PUBLIC_URL avec un mot de passe", { PUBLIC_URL: "https://a:b@ville.fr" }, /PUBLIC_URL/],
  ["PUBLIC_URL en http sur le réseau", { PUBLIC_URL: "http://ville.fr" }, /ALLOW_HTTP=oui/],
  ["autre chose que PostgreSQL", { DATABASE_URL: "mysql://a:b@c/d", DATABASE_OWNER_URL: OWNER }, /postgres:\/\/compte/],
  ["l’application sans propriétaire", { DATABASE_URL: APP }, /sans DATABASE_OWNER_URL/],
  ["le propriétaire sans l’application", { DATABASE_OWNER_URL: OWNER }, /sans DATABASE_URL/],
  ["un seul compte pour les deux", { DATABASE_URL: OWNER, DATABASE_OWNER_URL: OWNER }, /même compte/],
  ["ROLE mal dit", { ROLE: "worker" }, /ROLE vaut web, jobs ou all/],
  ["ROLE=jobs sur la base fournie", { ROLE: "jobs" }, /ROLE sépare les pages et les tâches.+DATABASE_URL/],
  ["DEMO mal dit", { DEMO: "true" }, /DEMO vaut auto, oui ou non/],
  ["une démonstration ouverte au réseau", { DEMO: "oui", HOST: "0.0.0.0" }, /DEMO=oui.+HOST=127\.0\.0\.1/],
  ["un secret court", { SECRET: "trop-court" }, /32 octets.+openssl rand/],
  ["TRUST_PROXY sans adresse", { TRUST_PROXY: "nginx" }, /TRUST_PROXY/],
  ["TRUST_PROXY trop large d’écriture", { TRUST_PROXY: "10.0.0.0/33" }, /TRUST_PROXY/],
  ["ALLOW_HTTP mal dit", { ALLOW_HTTP: "1" }, /ALLOW_HTTP vaut oui ou non/],
  ["LOG_LEVEL inconnu", { LOG_LEVEL: "verbose" }, /LOG_LEVEL vaut/],
  ["CONTACT qui n’en est pas un", { CONTACT: "le service" }, /CONTACT/],
  [
    "en production, un secret d’exemple",
    { ...PRODUCTION, SECRET: "changez-moi-changez-moi-changez-moi-1234" },
    /exemple/,
  ],
  ["en production, un secret répété", { ...PRODUCTION, SECRET: "a1b2c3d4e5f6".repeat(4) }, /se répète/],
  ["en production, un secret d’une lettre", { ...PRODUCTION, SECRET: "x".repeat(64) }, /se répète/],
  [
    "en production, un mot de passe de base d’exemple",
    { ...PRODUCTION, DATABASE_URL: APP.replace("kXv93hRt0pLw", "changez-moi") },
    /mot de passe de DATABASE_URL/,
  ],
  [
    "en production sur le réseau, sans adresse publique",
    { ...PRODUCTION, PUBLIC_URL: "", HOST: "0.0.0.0" },
    /PUBLIC_URL manque/,
  ],
];
for (const [title, env, expected] of REFUSED) {
  test(`refus : ${title}`, () => {
    const found = refusals(env);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", expected);
    assert.match(found[0] ?? "", /\.$/);
  });
}

test("tous les refus sont donnés ensemble, un par réglage", () => {
  assert.equal(refusals({ PORT: "x", HOST: "y", DEMO: "z", LOG_LEVEL: "w", SECRET: "v", PUBLIC_URL: "u" }).length, 6);
});

test("P22 : le fichier .env.example, tel quel, est refusé en production", () => {
  const lines = readFileSync(new URL("../.env.example", import.meta.url), "utf8").split("\n");
  const pairs = lines.flatMap((line) => (/^[A-Z_]+=/.test(line) ? [line.split(/=(.*)/s).slice(0, 2)] : []));
  const env = Object.fromEntries(pairs) as Record<string, string>;
  const found = refusals({ ...env, NODE_ENV: "production" }).join("\n");
  for (const name of ["SECRET", "DATABASE_URL", "DATABASE_OWNER_URL"]) {
    assert.ok(env[name], `${name} manque dans .env.example`);
    assert.match(found, new RegExp(name));
  }
});

test("les relais de confiance : adresses et réseaux, IPv4 dans IPv6 compris", () => {
  const trusted = trusts(readConfig({ TRUST_PROXY: "127.0.0.1, 10.1.0.0/16 fd00::/8" }));
  assert.deepEqual(
    ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fd00::1", "10.2.0.1", "192.0.2.1", "", "n’importe quoi"].map(
      trusted,
    ),
    [true, true, true, true, false, false, false, false],
  );
});

test("les secrets sont tirés une fois, gardés en 0600, différents d’une instance à l’autre", async () => {
  const config = { varDir: path.join(folder, "a"), secret: undefined };
  // Two first starts at once must agree.
  const [first, second] = await Promise.all([loadSecrets(config), loadSecrets(config)]);
  assert.deepEqual(first, second);
  assert.deepEqual(await loadSecrets(config), first);
  assert.equal(statSync(path.join(config.varDir, "secrets.json")).mode & 0o777, 0o600);
  assert.ok(Buffer.byteLength(first.secret) >= 32);
  assert.match(first.historyKey.privateKey, /BEGIN PRIVATE KEY/);
  assert.notEqual((await loadSecrets({ ...config, varDir: path.join(folder, "b") })).secret, first.secret);
  assert.equal((await loadSecrets({ ...config, secret: DRAWN })).secret, DRAWN);
});
