import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";

/** Each use signs with its own key, so that a value signed for one means nothing to another. */
const keys = new Map<string, KeyObject>();

function keyFor(secret: string, use: string): KeyObject {
  const name = `${use}\0${secret}`;
  const known = keys.get(name);
  if (known) return known;
  const key = createSecretKey(createHmac("sha256", secret).update(`opstracker/${use}`).digest());
  keys.set(name, key);
  return key;
}

/** A signature of `value`, good for this use only. */
export function sign(secret: string, use: string, value: string): string {
  return createHmac("sha256", keyFor(secret, use)).update(value).digest("base64url");
}

/** Compares in constant time. */
export function isSigned(secret: string, use: string, value: string, signature: string): boolean {
  const expected = Buffer.from(sign(secret, use, value));
  const given = Buffer.from(signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
