/** The public face of files: the only file other modules import. */

export { startScanning } from "./scan.ts";
