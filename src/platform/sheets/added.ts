/** What a file adds besides its rows, named before it is made: what a check notices of it, and what the run goes on from. */

export interface Added {
  /** The one it was given to be told apart; that of the row it becomes may be another. */
  id: string;
  name: string;
}

/** The notice of one of this kind, a word [IMP-28]. */
export const addedNotice = (kind: string, { id, name }: Added): string => `${kind} ${id} ${name}`;

/** Those of a kind among notices, by name. */
export function addedAmong(notices: Record<string, number> | undefined, kind: string): Added[] {
  const all = Object.keys(notices ?? {}).flatMap((notice): Added[] => {
    const [word, id = ""] = notice.split(" ", 2);
    return word === kind ? [{ id, name: notice.slice(kind.length + id.length + 2) }] : [];
  });
  return all.toSorted((one, other) => one.name.localeCompare(other.name, "fr"));
}
