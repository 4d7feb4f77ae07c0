const SPACES = /(?:\s|\u200b|\u200c|\u200d|\u2060)+/g;

/** Trimmed of spaces of any width, those within made one [IMP-8, IMP-13]. */
export const tidied = (text: string): string => text.normalize("NFC").replace(SPACES, " ").trim();

/** As names are compared: without case, accents, nor outer and repeated spaces [IMP-8]. */
export const folded = (text: string): string =>
  tidied(text)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/œ/g, "oe")
    .replace(/æ/g, "ae")
    .replace(/[’‘`´]/g, "'");

/** The names of so many columns: an empty one becomes "Colonne 7", a second "Nom" becomes "Nom (2)" [IMP-8]. */
export function columnNames(cells: readonly string[], count: number): string[] {
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, place) => {
    const said = tidied((cells[place] ?? "").replaceAll("\0", "␀")) || `Colonne ${place + 1}`;
    let name = said;
    for (let rank = 2; taken.has(folded(name)); rank++) name = `${said} (${rank})`;
    taken.add(folded(name));
    return name;
  });
}
