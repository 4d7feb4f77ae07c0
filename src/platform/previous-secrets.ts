/** Secrets of before, by the secret in force: what they signed or closed is still read, nothing new is made with them. */
const previous = new Map<string, readonly string[]>();

/** While a SECRET is being changed: what the former ones made stays good for this process. */
export function alsoAccept(secret: string, former: readonly string[]): void {
  previous.set(
    secret,
    former.filter((one) => one !== secret),
  );
}

/** The secret in force first, then those of before. */
export const acceptedWith = (secret: string): string[] => [secret, ...(previous.get(secret) ?? [])];
