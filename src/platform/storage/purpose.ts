import type { EntityManager } from "@mikro-orm/postgresql";
import type { Reads } from "./archive.ts";
import type { Picture } from "./image.ts";
import type { KindName } from "./kinds.ts";

/** What files of one use must be, and which column points to them; declared in the manifest of the module that shows them. */
export interface FilePurpose {
  /** `noun.use`: "user.picture". */
  purpose: string;
  /** French, what its form calls it. */
  label: string;
  /** Bytes, as sent. */
  most: number;
  kinds: readonly KindName[];
  /** Says by its content what such a file is, in place of the kinds: its type. Throws RuleBroken (IMP-2). */
  establish?(reads: Reads, size: number): Promise<string>;
  /** Drawn again at this size; only its pixels are kept. Without it, the bytes stay those that were sent. */
  picture?: Picture;
  /** A file nothing points to leaves once the acts that showed it can no longer be undone. */
  table: string;
  column: string;
  /** The object that shows this file, for history and for whoever must be told; by default it is its sender's own affair. */
  shownBy?(em: EntityManager, fileId: string): Promise<{ type: string; id: string; path: string } | null>;
}
