import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { acceptedWith } from "./previous-secrets.ts";

/** A text no copy of the database can read; `keyId` says which secret closed it, for the day that secret changes. */
export interface Closed {
  keyId: string;
  bytes: Buffer;
}

/** The secret that closed this text is not the one of this process, or the bytes were moved or altered. */
export class CannotOpen extends Error {
  override name = "CannotOpen";
}

const ALGORITHM = "aes-256-gcm";
const IV = 12;
const TAG = 16;

const derive = (secret: string, use: string, length: number) =>
  Buffer.from(hkdfSync("sha256", secret, "", `opstracker/at-rest/${use}`, length));

/** The short name of a secret, which tells nothing of it. */
export const keyIdOf = (secret: string): string => derive(secret, "key-id", 6).toString("base64url");

/** AES-256-GCM under a key derived from SECRET for one use, bound to the row it stands on: elsewhere it does not open [P57]. */
export function close(secret: string, use: string, text: string, boundTo: string): Closed {
  const iv = randomBytes(IV);
  const cipher = createCipheriv(ALGORITHM, derive(secret, use, 32), iv).setAAD(Buffer.from(boundTo));
  const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return { keyId: keyIdOf(secret), bytes: Buffer.concat([iv, cipher.getAuthTag(), body]) };
}

/** Gives the text back, or throws CannotOpen. */
export function open(secret: string, use: string, { keyId, bytes }: Closed, boundTo: string): string {
  const closedWith = acceptedWith(secret).find((one) => keyIdOf(one) === keyId);
  if (closedWith === undefined) throw new CannotOpen(`Closed with another SECRET (${keyId}).`);
  try {
    const decipher = createDecipheriv(ALGORITHM, derive(closedWith, use, 32), bytes.subarray(0, IV))
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(bytes.subarray(IV, IV + TAG));
    return decipher.update(bytes.subarray(IV + TAG), undefined, "utf8") + decipher.final("utf8");
  } catch {
    throw new CannotOpen(`Not closed for this ${use}, or altered.`);
  }
}
