import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { acceptedWith } from "../previous-secrets.ts";

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

/** Compares in constant time; a signature of before the secret was changed is good while that one is accepted. */
export function isSigned(secret: string, use: string, value: string, signature: string): boolean {
  const given = Buffer.from(signature);
  return acceptedWith(secret).some((one) => {
    const expected = Buffer.from(sign(one, use, value));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}
