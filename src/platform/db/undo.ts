import type { EntityManager } from "@mikro-orm/postgresql";

/**
 * How the changes of one table are taken back, as its manifest says it (HIS-12, HIS-13, rulings 11). SQL given here is
 * over `w`, the row as it would be again, `t`, the row as it is now, `p`, whose `kind` is what the act did to it ("create",
 * "update" or "delete"), and `who`, whose `id` is the account that undoes.
 */
export interface Undo {
  /** The right that making such a change by hand takes today. */
  right: string;
  /** SQL: true of a change that its own person may take back without that right. */
  unless?: string;
  /** What undoing a creation does: the row goes, or takes these values, or it cannot be, for this reason. */
  created: "delete" | { set: (now: Date) => Record<string, unknown>; emptied?: EmptiedColumn } | { never: string };
  /** Rules of today, in SQL: where `when` is true the row cannot be restored, and `why` says so in French. */
  rules?: { when: string; why: string }[];
  /** A rule SQL cannot tell, for changes of these columns: the reason to refuse these values, or null. */
  judge?: { columns: string[]; why: (values: Record<string, unknown>) => string | null };
  /**
   * What is told of all rows at once: those that cannot be restored, and why, by id. Once `isApplied`, the tables the act
   * changed later are restored already, and it may make room for what `except` does not leave as it is.
   */
  refuses?: (
    em: EntityManager,
    about: { actId: string; isApplied: boolean; except: string[] },
  ) => Promise<Record<string, string>>;
  /**
   * Columns of a row in conflict that may come back without the others, those of a group together; each key of a keyed
   * column may alone [IMP-42]. A column of no group only comes back with its whole row.
   */
  cells?: readonly { label: string; columns: readonly string[] }[];
  /** Makes other writers under the same rules wait, before anything is read; `columns` are those the act changed. */
  hold?: (em: EntityManager, undoing: Undoing, of: { actId: string; columns: readonly string[] }) => Promise<unknown>;
  /** What follows in the same transaction for rows where one of these columns came back; may refuse it all by throwing. */
  applied?: {
    columns: string[];
    /** Rows that were changed, by their ids alone: neither what came back nor what went, of which there may be many. */
    isOfUpdates?: true;
    run: (em: EntityManager, rows: UndoneRow[], undoing: Undoing) => Promise<void> | void;
  };
}

/** A column that a row made by an act is also left without, where what it names was made by that act and may go too. */
export interface EmptiedColumn {
  column: string;
  /** Table of what it names. */
  table: string;
}

/** A table whose changes are beyond undo, and why, in French (HIS-15). */
export interface BeyondUndo {
  never: string;
}

/** Who undoes, from where, with which rights. */
export interface Undoing {
  by: { id: string };
  tenantId: string;
  now: Date;
  may: (right: string) => boolean;
  /** Whether they may take back what others did to this object, whatever their roles alone say [PRM-25]. */
  governs?: (em: EntityManager, about: { subjectType: string | null; subjectId: string | null }) => Promise<boolean>;
  explain: (right: string) => string;
  from: { ip?: string | undefined; headers: { "user-agent"?: string | undefined } };
}

/** A row as it was before the undo and as it is after, by column; null where it did not exist. */
export interface UndoneRow {
  id: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}
