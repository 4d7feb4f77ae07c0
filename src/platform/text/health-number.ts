/** A French social security number with a key that holds, however it is spaced: no product of ours keeps one [IMP-27, GEN-12]. */
export function looksLikeHealthNumber(text: string): boolean {
  const signs = text.replace(/[\s\u00a0\u202f.-]/g, "").toUpperCase();
  const parts = /^([1-478]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d{2}|2[AB])\d{6})(\d{2})$/.exec(signs);
  if (!parts) return false;
  // Corsica: its letters stand for 19 and 18, as the key is reckoned.
  const digits = Number(parts[1]!.replace("2A", "19").replace("2B", "18"));
  return 97 - (digits % 97) === Number(parts[2]);
}
