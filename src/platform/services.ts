import type { Clock } from "./db/clock.ts";
import type { Database } from "./db/index.ts";

/** What a job may use: opened once by the process, handed to each run. */
export interface Services {
  db: Database;
  clock: Clock;
  /** The folder of what the instance keeps outside its database. */
  varDir: string;
  /** PEM of the Ed25519 key that signs the heads of history. */
  historyKey: string;
}
