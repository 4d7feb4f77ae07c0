import type { BackupRequest } from "./backup/index.ts";
import type { Clock } from "./db/clock.ts";
import type { Database } from "./db/index.ts";
import type { Transport } from "./mail/transport.ts";
import type { RedisLink } from "./redis.ts";
import type { ExportProfile } from "./sheets/export.ts";
import type { ImportProfile } from "./sheets/profile.ts";
import type { Files } from "./storage/index.ts";

/** What a job may use: opened once by the process, handed to each run. */
export interface Services {
  db: Database;
  clock: Clock;
  files: Files;
  /** What a file of rows may bring in, by kind. */
  imports?: ReadonlyMap<string, ImportProfile>;
  /** What a file of rows may hold, by kind. */
  exports?: ReadonlyMap<string, ExportProfile>;
  /** The folder of what the instance keeps outside its database. */
  varDir: string;
  /** PEM of the Ed25519 key that signs the heads of history. */
  historyKey: string;
  /** Public keys of before, for the heads they signed. */
  pastHistoryKeys?: readonly string[];
  /** SECRET in force; absent where nothing is signed nor closed. */
  secret?: string;
  /** Absent: sessions and rates live in PostgreSQL. */
  redis?: RedisLink | undefined;
  /** What the nightly backup needs; absent, none is asked for. */
  backups?: (Omit<BackupRequest, "now"> & { at: string }) | undefined;
  /** The way to the mail server; null without one, or in a demo, where nothing leaves (MSG-14). */
  transport?: Transport | null;
  /** Bytes that should stay free where files are kept; absent, none. */
  diskFloor?: number;
}
