/** The public face of imports: the only file other modules import. */

export { IMPORT_FILE } from "./file-purpose.ts";
export { type ImportLine, listImports } from "./queries/followed.ts";
