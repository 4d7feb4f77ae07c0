import { join } from "node:path";
import { Eta } from "eta";

/** Renders a template of `views/` by its name ("/accounts/users/index") with what the handler gives. */
export interface Views {
  render(name: string, data: object): string;
}

const ROOT = join(import.meta.dirname, "../../../views");

/** As Eta 4.6 writes it; a version that writes otherwise stops here instead of letting partials see too much. */
const INCLUDE = "let include = (__eta_t, __eta_d) => this.render(__eta_t, {...it, ...(__eta_d ?? {})}, options);";

/**
 * A partial sees what it was given, plus `page` and `fr`, and nothing of its caller: with Eta's own merge a forgotten
 * `value` would silently take the caller's. Without data it is a fragment and takes the page's `it`.
 */
const NARROW_INCLUDE =
  "let include = (__eta_t, __eta_d) => this.render(__eta_t, __eta_d ? { page: it.page, fr: it.fr, ...__eta_d } : it, options);";

class FrenchViews extends Eta {
  /** What a tag prints: a forgotten value, or one whose text would be English or noise, names its template. */
  printed(value: unknown, file: string | undefined, expression: string): unknown {
    if (value === null) return "";
    if (typeof value === "string" || typeof value === "boolean" || typeof value === "bigint") return value;
    if (typeof value === "number" && !Number.isNaN(value)) return value;
    const where = file?.startsWith(ROOT) ? file.slice(ROOT.length) : (file ?? "template");
    const what = value === undefined ? "is missing" : `cannot be printed (${Object.prototype.toString.call(value)})`;
    throw new TypeError(`${where}: <%= ${expression} %> ${what}`);
  }
}

/**
 * `debug` adds the line of the template to an error and costs a little at each tag; `cache` keeps compiled templates.
 * Everything printed is escaped; only `<%~ %>` is raw, for includes, captured parts and the layout's body.
 */
export function createViews({ debug, cache }: { debug: boolean; cache: boolean }): Views {
  return new FrenchViews({
    views: ROOT,
    cache,
    debug,
    functionHeader: "const __print = (value, expression) => this.printed(value, options?.filepath, expression);",
    plugins: [
      {
        processAST: (parts) =>
          parts.map((part) =>
            typeof part === "object" && (part.t === "i" || part.t === "r")
              ? { ...part, val: `__print(${part.val}, ${JSON.stringify(part.val.trim())})` }
              : part,
          ),
        processFnString: (source) => {
          if (!source.includes(INCLUDE))
            throw new Error("Eta writes include() differently: see NARROW_INCLUDE in views.ts");
          return source.replace(INCLUDE, () => NARROW_INCLUDE);
        },
      },
    ],
  });
}
