import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hash } from "@node-rs/argon2";
import {
  checkPassword,
  DUMMY_HASH,
  hashPassword,
  isCommon,
  needsRehash,
  type PasswordPreset,
  passwordHint,
  verifyPassword,
  wordsAbout,
} from "../../src/accounts/password.ts";

const words = wordsAbout({
  names: ["Amina", "Benali"],
  email: "amina.benali@loire-habitat.fr",
  tenant: "Loire Habitat",
});
const check = (password: string, preset: PasswordPreset = "robustesse") => checkPassword(password, { preset, words });
const codes = async (password: string, preset?: PasswordPreset) =>
  (await check(password, preset)).problems.map((problem) => problem.code).join(" ");

// Password → the codes that must be among the refusals; none when it is accepted.
const ROBUSTESSE: [string, string][] = [
  ["correct cheval pile agrafe", ""],
  ["Toulouse-Matabiau-1998", ""],
  ["quatre girafes mangent du tofu", ""],
  ["tR7#kLp9!vQz", ""],
  ["vélo rouge sous l’averse", ""],
  ["6wq8-jx2m-v5td", ""],
  ["le phare avale trois nuages", ""],
  ["Zanzibar?grenouille&4trombones", ""],
  ["ἀλήθεια σοφία λόγος", ""],
  ["пять синих кораблей", ""],
  ["😀🦊🌵🎻🚲🍋🪁🧭🎩🐙🥁🪴", ""],
  ["tableau violon escargot mardi", ""],
  ["", "short"],
  ["azerty", "short common"],
  ["Bonjour1!", "short common"],
  ["onzecaract.", "short"],
  ["123456789012", "common guessable"],
  ["1234567890123456", "common guessable"],
  ["aaaaaaaaaaaa", "guessable"],
  ["abcabcabcabc", "guessable"],
  ["azertyuiop123", "common guessable"],
  ["azertyuiopqsdfghjklm", "common guessable"],
  ["poiuytrezaqsdf", "guessable"],
  ["1a2z3e4r5t6y", "common"],
  ["motdepasse2026", "common"],
  ["MotDePasse2026!", "common"],
  ["M0td3p@sse2026", "common"],
  ["mot-de-passe-2026", "common"],
  ["motdepassemotdepasse", "common"],
  ["Préfecture2026!", "common"],
  ["préfecture-2026-", "common"],
  ["Conseil départemental", "common"],
  ["MairieDeNantes44", "common"],
  ["RépubliqueFrançaise", "common"],
  ["Printemps2026", "common"],
  ["Automne-Automne", "common"],
  ["Bienvenue2026!", "common"],
  ["Administrateur1", "common"],
  ["password12345", "common"],
  ["P@$$w0rd2026", "common"],
  ["Marseille13013!", "common"],
  ["nathalie101275", "common"],
  ["31-12-1998--", "guessable"],
  ["aminabenali2026", "personal"],
  ["Amina.Benali.75", "personal"],
  ["B3nali-4m1na-26", "personal"],
  ["amina.benali@loire-habitat.fr", "personal"],
  ["LoireHabitat2026", "personal"],
  ["OpsTracker-2026!", "personal"],
  ["x".repeat(129), "long"],
];

test("robustesse : une table de mots de passe, chacun accepté ou refusé pour sa raison", async () => {
  for (const [password, expected] of ROBUSTESSE) {
    const { ok, problems, score } = await check(password);
    const found = problems.map((problem) => problem.code);
    for (const code of expected.split(" ").filter(Boolean))
      assert.ok(found.includes(code as never), `${password} devrait être refusé (${code}), trouvé : ${found}`);
    assert.equal(ok, expected === "", `${password} : ${found} (${score})`);
    if (ok) assert.ok(score != null && score >= 3, password);
  }
  assert.ok(ROBUSTESSE.length >= 40);
});

test("composition : une phrase par critère manquant, rien de plus", async () => {
  for (const [password, expected] of [
    ["Vélo-rouge7", ""],
    ["Ex4mple!", ""],
    ["Été-7jours", ""],
    ["", "short capital digit special"],
    ["abc", "short capital digit special"],
    ["velorouge", "capital digit special"],
    ["Velorouge", "digit special"],
    ["Velorouge7", "special"],
    ["velo-rouge7", "capital"],
    ["Vélo rouge7", "special"],
    ["Bonjour1!", "common"],
    ["Azerty123!", "common"],
    ["P@ssw0rd", "common"],
    ["A1!", "short"],
  ] as const)
    assert.equal(await codes(password, "composition"), expected, password);
});

test("la longueur se compte en caractères, pas en octets ni en moitiés d’émoji", async () => {
  assert.match(await codes("😀🦊🌵🎻🚲🍋🪁🧭🎩🐙🥁"), /short/);
  assert.equal(await codes("é".normalize("NFD").repeat(128)), "guessable");
  assert.equal(await codes(`${"vélo rouge, averse ! ".repeat(6)}ab`), "");
  assert.equal(await codes("x".repeat(129)), "long");
});

test("les messages disent quoi faire, en français", async () => {
  const said = async (password: string) => (await check(password)).problems.map((one) => one.message).join(" | ");
  assert.match(await said("onzecaract."), /Ajoutez 1 caractère : il en faut au moins 12\./);
  assert.match(await said("x".repeat(130)), /Retirez 2 caractères : 128 au maximum\./);
  assert.match(await said("aminabenali2026"), /Votre nom, votre adresse et le nom de l’organisation/);
  assert.match(await said("123456789012"), /trop courant/);
  assert.match(await said("abcabcabcabc"), /se devine trop facilement\. .+/);
  assert.doesNotMatch(await said("abcabcabcabc"), /'/);
  assert.match(passwordHint("robustesse"), /12 à 128/);
  assert.match(passwordHint("composition"), /majuscule/);
});

test("la liste embarquée est longue, triée, sans doublon, et écrite comme on la lit", () => {
  const list = readFileSync(new URL("../../src/accounts/passwords/blocklist.txt", import.meta.url), "utf8")
    .trim()
    .split("\n")
    .filter((line) => !line.startsWith("# "));
  assert.ok(list.length >= 2_000, String(list.length));
  assert.deepEqual(list, [...new Set(list)].sort());
  for (const entry of list) assert.match(entry, /^[!-~]{3,}$/);
  for (const entry of ["prefecture", "azertyuiop", "motdepasse", "123456789012"]) assert.ok(isCommon(entry), entry);
});

test("argon2id, 19 Mio, deux passes, une voie : deux hachages du même mot de passe diffèrent", async () => {
  const [one, two] = [await hashPassword("vélo rouge sous l’averse"), await hashPassword("vélo rouge sous l’averse")];
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(one, two);
  assert.ok(await verifyPassword(one, "vélo rouge sous l’averse"));
  assert.ok(await verifyPassword(one, "vélo rouge sous l’averse".normalize("NFD")));
  assert.ok(!(await verifyPassword(one, "velo rouge sous l’averse")));
  assert.ok(!(await verifyPassword(one, "vélo rouge sous l’averse ")));
  assert.ok(!(await verifyPassword("pas un hachage", "vélo rouge sous l’averse")));
});

test("128 caractères qui ne diffèrent que par le dernier sont deux mots de passe", async () => {
  const start = "é".repeat(127);
  const stored = await hashPassword(`${start}a`);
  assert.ok(await verifyPassword(stored, `${start}a`));
  assert.ok(!(await verifyPassword(stored, `${start}b`)));
});

test("un hachage d’un coût passé est à refaire, un hachage d’aujourd’hui non", async () => {
  assert.ok(!needsRehash(await hashPassword("vélo rouge")));
  assert.ok(needsRehash(await hash("vélo rouge", { algorithm: 2, memoryCost: 8_192, timeCost: 2, parallelism: 1 })));
  assert.ok(needsRehash(await hash("vélo rouge", { algorithm: 1, memoryCost: 19_456, timeCost: 2, parallelism: 1 })));
  assert.ok(needsRehash("pas un hachage"));
  assert.ok(!needsRehash(DUMMY_HASH), "le leurre coûte autant qu’un vrai");
});
