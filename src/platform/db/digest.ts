import { createHash, type Hash } from "node:crypto";

const NULL_PART = Buffer.from("ffffffff", "hex");

/**
 * Adds one part to a digest: its length, then its bytes, so that no two lists of texts give the same run of bytes; null
 * differs from the empty text. Kept in step with `history_part` in the migration of history.
 */
export function addPart(hash: Hash, text: string | null): Hash {
  if (text === null) return hash.update(NULL_PART);
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(text, "utf8"));
  return hash.update(length).update(text, "utf8");
}

/** The digest of personal texts under their salt: erasing texts and salt keeps the chain valid (HIS-6). */
export function saltedDigest(salt: string, texts: (string | null)[]): Buffer {
  const hash = createHash("sha256").update(Buffer.from(salt.replaceAll("-", ""), "hex"));
  for (const text of texts) addPart(hash, text);
  return hash.digest();
}
