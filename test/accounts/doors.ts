/** What tests of accounts share: the front door as people use it, and the log it leaves. */
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
