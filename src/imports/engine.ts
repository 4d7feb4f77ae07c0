import type { Services } from "../platform/services.ts";
import type { Engine } from "./prepared.ts";

/** What of the process carries imports out. */
export const engineOf = ({ db, files, clock, imports = new Map() }: Services): Engine => ({
  db,
  files,
  clock,
  profiles: imports,
});
