import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const IMPORT = /@import url\("([^"]+)"\);\n?/gu;
const ADDRESS = /url\("(?!data:|\/)([^"]+)"\)/gu;

/**
 * A sheet with its imports in place, so that a page asks for one file whose version covers all of them. Plain joining:
 * each imported sheet stands in its own @layer, and addresses are rewritten from the folder of the first.
 */
export function joinedStylesheet(file: string): string {
  const folder = dirname(file);
  return readFileSync(file, "utf8").replace(IMPORT, (_all, name: string) => {
    const part = join(folder, name);
    return readFileSync(part, "utf8").replace(
      ADDRESS,
      (_url, address: string) => `url("${relative(folder, join(dirname(part), address))}")`,
    );
  });
}
