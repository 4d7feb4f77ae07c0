import { readFileSync } from "node:fs";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import type { ZxcvbnFactory } from "@zxcvbn-ts/core";

export type PasswordPreset = "robustesse" | "composition";

export interface PasswordProblem {
  code: "short" | "long" | "capital" | "digit" | "special" | "common" | "personal" | "guessable";
  message: string;
}
export interface PasswordVerdict {
  ok: boolean;
  /** One for each criterion that is missing. */
  problems: PasswordProblem[];
  /** zxcvbn's, 0 to 4; null where the preset does not ask for it. */
  score: number | null;
}

const SHORTEST: Record<PasswordPreset, number> = { robustesse: 12, composition: 8 };
const LONGEST = 128;
const LOWEST_SCORE = 3;
// Dates and signs around a known word add nothing; more characters than this are something else than a decoration.
const MOST_DECORATION = 10;
const PRODUCT = "OpsTracker";

/** The criteria in words, shown before the person types. */
export const passwordHint = (preset: PasswordPreset): string =>
  preset === "robustesse"
    ? "De 12 à 128 caractères, difficile à deviner : quelques mots sans rapport entre eux font très bien. Évitez votre nom et celui de l’organisation."
    : "Au moins 8 caractères, avec une majuscule, un chiffre et un caractère spécial, et pas un mot de passe courant.";

// é typed as one character or as e and an accent is one password: it is counted and hashed in one form.
const oneForm = (password: string) => password.normalize("NFC");

const plain = (text: string) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

/** What a password may not rest on: names, e-mail parts, organisation, product, each word alone and all together. */
export function wordsAbout(about: { names?: readonly string[]; email?: string; tenant?: string }): string[] {
  const words = (text: string, shortest: number) => {
    const parts = plain(text).split(/[^\p{L}\p{N}]+/u);
    return [...parts, parts.join("")].filter((word) => [...word].length >= shortest);
  };
  const names = about.names ?? [];
  return [
    ...new Set([
      ...names.flatMap((name) => words(name, 3)),
      ...words(names.join(" "), 3),
      ...words(names.toReversed().join(" "), 3),
      // Without the last label of the address, which is ".fr" or ".org" for everybody.
      ...words((about.email ?? "").replace(/\.[^.@]*$/, ""), 3),
      // "des" or "les" in the name of the organisation says nothing about it.
      ...words(about.tenant ?? "", 4),
      ...words(PRODUCT, 4),
    ]),
  ];
}

const LEET: Record<string, string> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
  "@": "a",
  $: "s",
  "!": "i",
  "€": "e",
  "£": "l",
};
const unleet = (text: string) => text.replace(/[013457@$!€£]/g, (sign) => LEET[sign]!);

const trimmed = (text: string) => text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
const lettersOnly = (text: string) => text.replace(/[^\p{L}]/gu, "");
const withoutSigns = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, "");

/** "motdepassemotdepasse" is "motdepasse". */
const unit = (text: string) => /^(.+?)\1+$/.exec(text)?.[1] ?? text;

let blocked: Set<string> | undefined;
function blocklist(): Set<string> {
  blocked ??= new Set(
    readFileSync(new URL("./passwords/blocklist.txt", import.meta.url), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("# ")),
  );
  return blocked;
}

/** Whether it is a common password once case, accents, look-alike signs, years and repetition are taken off. */
export function isCommon(password: string): boolean {
  const whole = plain(password);
  const forms = [whole, trimmed(whole), lettersOnly(whole), withoutSigns(whole)].filter(
    (form) => [...whole].length - [...form].length <= MOST_DECORATION,
  );
  const read = [...forms, ...forms.map(unleet), trimmed(unleet(whole))];
  return read.some((form) => blocklist().has(form) || blocklist().has(unit(form)));
}

/** The length left when each word about the person counts for one character. */
function lengthBeside(password: string, words: readonly string[]): number {
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  const rest = (text: string) => [...longestFirst.reduce((left, word) => left.replaceAll(word, "\u0000"), text)].length;
  const whole = plain(password);
  return Math.min(rest(whole), rest(unleet(whole)));
}

let estimator: Promise<ZxcvbnFactory> | undefined;

// 44 MB and 0.2 s: paid by the first password chosen, not by each start of the process.
function loadEstimator(): Promise<ZxcvbnFactory> {
  estimator ??= Promise.all([
    import("@zxcvbn-ts/core"),
    import("@zxcvbn-ts/language-common"),
    import("@zxcvbn-ts/language-fr"),
  ]).then(
    ([{ ZxcvbnFactory }, common, french]) =>
      new ZxcvbnFactory({
        dictionary: { ...common.dictionary, ...french.dictionary },
        graphs: common.adjacencyGraphs,
        translations: french.translations,
        // With the library's own limits 128 hostile characters hold the process for 1.5 s. A start that scores 3 is
        // enough: what follows it only makes the whole harder to guess.
        maxLength: 64,
        l33tMaxSubstitutions: 10,
      }),
  );
  return estimator;
}

// The package's French uses straight quotes and forgets some full stops.
const tidy = (sentence: string) => `${sentence.replaceAll("'", "’").replace(/\.$/, "")}.`;

/**
 * Says what is missing to this password, one sentence a criterion, whatever the place where it is chosen [ACC-5].
 * `words` come from `wordsAbout`. Length is counted in code points, nothing is cut.
 */
export async function checkPassword(
  typed: string,
  { preset, words }: { preset: PasswordPreset; words: readonly string[] },
): Promise<PasswordVerdict> {
  const password = oneForm(typed);
  const length = [...password].length;
  const shortest = SHORTEST[preset];
  const problems: PasswordProblem[] = [];
  const missing = (code: PasswordProblem["code"], message: string) => problems.push({ code, message });

  if (length > LONGEST) {
    // Nothing else is said of it: reading a very long text costs, and it must be shortened first anyway.
    missing("long", `Retirez ${length - LONGEST} caractère${length - LONGEST > 1 ? "s" : ""} : 128 au maximum.`);
    return { ok: false, problems, score: null };
  }
  if (length < shortest) {
    const lacking = shortest - length;
    missing("short", `Ajoutez ${lacking} caractère${lacking > 1 ? "s" : ""} : il en faut au moins ${shortest}.`);
  }
  if (preset === "composition") {
    if (!/\p{Lu}/u.test(password)) missing("capital", "Ajoutez une lettre majuscule.");
    if (!/\p{Nd}/u.test(password)) missing("digit", "Ajoutez un chiffre.");
    if (!/[^\p{L}\p{M}\p{N}\s]/u.test(password)) missing("special", "Ajoutez un caractère spécial, par exemple - ou ?");
  }
  if (password !== "" && isCommon(password)) {
    missing("common", "Ce mot de passe est trop courant, même avec des chiffres autour. Choisissez-en un autre.");
  }

  if (preset === "composition" || password === "") return { ok: problems.length === 0, problems, score: null };

  if (length >= shortest && lengthBeside(password, words) < shortest) {
    missing(
      "personal",
      "Votre nom, votre adresse et le nom de l’organisation se devinent : chacun ne compte que pour un caractère. Ajoutez des mots sans rapport.",
    );
  }
  const { score, feedback } = (await loadEstimator()).check(password, [...words]);
  if (score < LOWEST_SCORE) {
    const why = [feedback.warning, feedback.suggestions[0]].filter((text) => text != null).map(tidy);
    missing("guessable", ["Ce mot de passe se devine trop facilement.", ...why].join(" "));
  }
  return { ok: problems.length === 0, problems, score };
}

// OWASP's first choice for argon2id; the number is Algorithm.Argon2id, a const enum that stripped types cannot import.
const COST = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hash of a random secret thrown away: verified when the account is unknown, so that the answer takes as long [ACC-2]. */
export const DUMMY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$Q2zfX7QOFAhCi7x1xxqTkg$48KQxQMn/c00ibAuQNSFkSCTG0QX8IPt/ueQqaYB/aA";

export const hashPassword = (password: string): Promise<string> => hash(oneForm(password), COST);

/** False, never an error, when the stored text is not a hash. */
export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  try {
    return await verify(stored, oneForm(password));
  } catch {
    return false;
  }
}

/** Whether to hash again at the next sign-in, because the cost has risen since [ACC-6]. */
export function needsRehash(stored: string): boolean {
  try {
    const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(stored);
    return (
      algorithm !== COST.algorithm ||
      memoryCost !== COST.memoryCost ||
      timeCost !== COST.timeCost ||
      parallelism !== COST.parallelism
    );
  } catch {
    return true;
  }
}
