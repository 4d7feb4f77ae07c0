/** What tests of accounts share: the front door as people use it, and the log it leaves. */
import { generate } from "otplib";
import { WORLD } from "../../fixtures/world.ts";
import { createUser, hashPassword, setPassword } from "../../src/accounts/index.ts";
import { TEST_PASSWORD as PASSWORD } from "../support/cluster.ts";
import { actOf } from "../support/database.ts";
import type { Answer, Browser, World } from "../support/world.ts";

export { PASSWORD };

/** Through the page, with its own token. */
export async function signIn(
  world: World,
  who: string | { email: string; password: string },
  browser: Browser = world.anonymous(),
  more: Record<string, string> = {},
): Promise<{ browser: Browser; answer: Answer }> {
  const identity = typeof who === "string" ? { email: (await world.userOf(who)).email, password: PASSWORD } : who;
  await browser.get("/connexion");
  return { browser, answer: await browser.post("/connexion", { retour: "/", ...identity, ...more }) };
}

export const FACTOR = "/compte/double-authentification/activation";

/** The value of a hidden field of a page. */
export const fieldOf = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]+)"`).exec(text)?.[1] ?? "";

/** What the telephone that has this key shows now, or a little before or after. */
export const codeNow = (world: World, key: string, shiftMs = 0): Promise<string> =>
  generate({ secret: key, epoch: Math.floor((world.clock.now().getTime() + shiftMs) / 1000) });

/** Enrols a telephone through the page, without looking at the recovery codes. Gives its key. */
export async function enrol(world: World, browser: Browser): Promise<string> {
  const { text } = await browser.get(FACTOR);
  const key = keyOn(text);
  const fields = { ticket: fieldOf(text, "ticket"), code: await codeNow(world, key) };
  const { status } = await browser.post(FACTOR, fields);
  if (status !== 200) throw new Error(`Enrolment refused: ${status}`);
  return key;
}

/** The key written in full on the page of enrolment. */
export const keyOn = (text: string): string => (/id="key"[^>]*>([^<]+)</.exec(text)?.[1] ?? "").replaceAll(" ", "");

export interface Line {
  kind: string;
  detail: Record<string, unknown>;
}

/** What the security log says of this account, newest first. */
export async function securityLines(world: World, who: string, limit = 50): Promise<Line[]> {
  const { id, tenantId } = await world.userOf(who);
  return world.db.read(tenantId, (em) =>
    em.execute<Line[]>("select kind, detail from security_event where user_id = ? order by id desc limit ?", [
      id,
      limit,
    ]),
  );
}

/** The same person in another organisation, with the same password, of the day before yesterday. */
export async function addTwin(world: World, who: string, organisation: string): Promise<void> {
  const host = WORLD.find(({ key }) => key === organisation)!.people[0]!;
  const { tenantId } = await world.userOf(host.key);
  const { email } = await world.userOf(who);
  const passwordHash = await hashPassword(PASSWORD);
  const identity = { email, givenName: "Jumelle", familyName: "Ailleurs", roles: ["viewer"] };
  await world.db.act(actOf(tenantId), async (em) => {
    const user = await createUser(em, identity, { tenantId, by: null, now: new Date() });
    await setPassword(em, user, passwordHash, { now: new Date(Date.now() - 2 * 86_400_000) });
  });
}
