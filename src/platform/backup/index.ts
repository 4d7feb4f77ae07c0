export { type Manifest, openBackup } from "./manifest.ts";
export { BackupRefused } from "./parts.ts";
export { restoreBackup } from "./restore.ts";
export { writeBackup } from "./write.ts";
