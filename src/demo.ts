import { randomInt } from "node:crypto";
import { type Person, seedWorld, signInPeople } from "../fixtures/world.ts";
import { hashPassword, roleLabel } from "./accounts/index.ts";
import type { Database } from "./platform/db/index.ts";

/** Whether this base holds the demo, and whether it holds anything at all. */
export async function describeBase(db: Database): Promise<{ empty: boolean; demo: boolean }> {
  const tenants = await db.lookup<{ demo: boolean }>("tenants");
  return { empty: tenants.length === 0, demo: tenants.some(({ demo }) => demo) };
}

/** Fills an empty base with the demo world [INS-3]; returns the accounts with passwords that exist nowhere else. */
export async function enterDemo(db: Database, { now }: { now: Date }): Promise<string[]> {
  const people = signInPeople();
  const passwords = new Map(people.map(({ person }) => [person.email, drawPassword()]));
  const hashes = new Map(
    await Promise.all(
      people.map(async ({ person }) => [person.email, await hashPassword(passwords.get(person.email)!)] as const),
    ),
  );
  const goneHash = await hashPassword(drawPassword());
  await seedWorld(db, { now, passwordHash: ({ email }: Person) => hashes.get(email) ?? goneHash, withCampaigns: true });
  const width = Math.max(...people.map(({ person }) => person.email.length));
  return people.map(
    ({ person, organisation }) =>
      `  ${person.email.padEnd(width)}  ${passwords.get(person.email)}  ${person.roles.map(roleLabel).join(", ")}, ${organisation.name}`,
  );
}

const CONSONANTS = "bcdfghjklmnprstvz";
const VOWELS = "aeiou";
const draw = (letters: string) => letters[randomInt(letters.length)]!;

/** Sayable and typable, 60 bits: four groups of two syllables. */
function drawPassword(): string {
  const syllable = () => draw(CONSONANTS) + draw(VOWELS);
  return Array.from({ length: 5 }, () => syllable() + syllable()).join("-");
}
