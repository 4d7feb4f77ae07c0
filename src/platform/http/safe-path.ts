/** Letters, digits and marks that no browser, proxy or decoder reads in two ways. */
const PATH = /^\/(?:[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*)?$/;
const DOTS_ONLY = /\/\.+(?:\/|$)/;
const REST = /^[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*$/;

/** True of the only spelling an address of this product has: no `//`, no final slash, no `%`, no `;`, no dot segment. */
export const isPlainPath = (path: string): boolean => PATH.test(path) && !DOTS_ONLY.test(path);

/** A path of this origin that one may be sent to, or `fallback`: never another host, whatever was given (P31). */
export function safePath(value: unknown, fallback = "/"): string {
  if (typeof value !== "string" || value.length > 2000) return fallback;
  const cut = value.search(/[?#]/);
  const path = cut === -1 ? value : value.slice(0, cut);
  const rest = cut === -1 ? "" : value.slice(cut);
  if (!isPlainPath(path) || !REST.test(rest.replace("#", ""))) return fallback;
  return value;
}

/** The path of an address of this origin, as `Referer` gives it, or null. */
export function ownPath(address: string | undefined, origins: string[]): string | null {
  if (!address || !URL.canParse(address)) return null;
  const { origin, pathname, search } = new URL(address);
  return origins.includes(origin) ? safePath(pathname + search, "") || null : null;
}
