import { CannotOpen, keyIdOf } from "../platform/cipher.ts";
import type { Database } from "../platform/db/index.ts";
import { closeKey, findKey, SecondFactor } from "./second-factor.ts";

/** How many keys of telephones another SECRET than this one closed: they open as long as it is in SECRET_PREVIOUS. */
export async function closedBefore(db: Database, secret: string): Promise<number> {
  let count = 0;
  for (const { id } of await db.lookup<{ id: string }>("tenants")) {
    count += await db.read(id, (em) => em.count(SecondFactor, { keyId: { $ne: keyIdOf(secret) } }));
  }
  return count;
}

/**
 * Closes again, under the SECRET in force, what one of before closed, organisation after organisation (P57). Gives how
 * many; one whose secret is lost stays as it is, for `closedBefore` to tell. Nobody's factor changes, so history has
 * nothing to say.
 */
export async function recloseKeys(db: Database, secret: string, { now }: { now: Date }): Promise<number> {
  let count = 0;
  for (const { id: tenantId } of await db.lookup<{ id: string }>("tenants")) {
    const act = {
      tenantId,
      actorId: null,
      channel: "job",
      code: "secrets.reclosed",
      label: "Clés refermées",
      now,
    } as const;
    await db.act(act, async (em) => {
      for (const factor of await em.find(SecondFactor, { keyId: { $ne: keyIdOf(secret) } })) {
        const account = { tenantId, userId: factor.id };
        const key = await findKey(em, account, secret).catch((error: unknown) => {
          if (error instanceof CannotOpen) return null;
          throw error;
        });
        if (key === null) continue;
        const { keyId, bytes } = closeKey(key, account, secret);
        Object.assign(factor, { keyId, seed: bytes });
        count += 1;
      }
    });
  }
  return count;
}
