export { type Drill, lastBackup, lastDrills, noteDrill } from "./drills.ts";
export { type Manifest, openBackup } from "./manifest.ts";
export { BackupRefused } from "./parts.ts";
export { restoreBackup } from "./restore.ts";
export { type BackupRequest, writeBackup } from "./write.ts";
