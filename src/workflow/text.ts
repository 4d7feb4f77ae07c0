/** What two spellings of one label share: neither case, nor accents, nor repeated spaces. */
export const bare = (text: string): string =>
  text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/\s+/gu, " ").trim().toLowerCase();
