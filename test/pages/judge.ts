/** What is asked of every HTML answer, page or fragment, whoever reads it. */
import { findAll, parseHtml, readTexts, type Tag, tagsOf, textOf } from "../support/html.ts";
import type { Answer } from "../support/world.ts";

const SUFFIX = " – OpsTracker";

/** Words no French screen has: what a library, a browser or haste would leave there. */
const ENGLISH =
  /(?<![\p{L}\p{N}@./_-])(?:Submit|Cancel|Error|Loading|Save|Delete|Remove|Password|Sign (?:in|out|up)|Log ?(?:in|out)|Next|Previous|Search|Settings|Home|Back|Close|Edit|Update|View|Show|Hide|Users?|Yes|Warning|Success|Failed|Invalid|Required|Expected|Unknown|Untitled|Today|Yesterday|Tomorrow|Welcome|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|April|June|July|August|September|October|November|December|ago|must|received|not found|too (?:small|big|long)|characters? long)(?![\p{L}\p{N}@./_-])/u;
/** A value nobody formatted. */
const UNFORMATTED = /undefined|\bNaN\b|\[object|\bnull\b|Invalid Date|\bfunction\s*\(|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/;
const PLAIN_SPACE_BEFORE = /\S [;!?:](?=\s|$)|« | »/;
const STRAIGHT_APOSTROPHE = /\p{L}'\p{L}/u;

const quoted = (text: string) => `« ${text.slice(0, 140)} »`;

/** The faults of a piece of HTML, each a sentence. */
export function faultsOf(root: Tag): string[] {
  const faults: string[] = [];
  for (const text of readTexts(root)) {
    if (UNFORMATTED.test(text)) faults.push(`une valeur sans forme : ${quoted(text)}`);
    const english = ENGLISH.exec(text);
    if (english) faults.push(`« ${english[0]} » n’est pas français : ${quoted(text)}`);
    if (PLAIN_SPACE_BEFORE.test(text))
      faults.push(`une espace sécable devant un signe double ou dans des guillemets : ${quoted(text)}`);
    if (STRAIGHT_APOSTROPHE.test(text)) faults.push(`une apostrophe droite : ${quoted(text)}`);
  }
  const ids = new Set<string>();
  for (const { name, attributes, children } of tagsOf(root)) {
    for (const [attribute, value] of Object.entries(attributes)) {
      if (attribute === "style" || attribute.startsWith("on")) faults.push(`<${name} ${attribute}="${value}">`);
      if (/^hx-on|^data-hx-/.test(attribute)) faults.push(`<${name} ${attribute}>`);
      if (/^\s*(?:javascript|vbscript):/i.test(value)) faults.push(`<${name} ${attribute}="${value}">`);
      if (attributes.type !== "hidden" && /undefined|\bNaN\b|\[object/.test(value))
        faults.push(`<${name} ${attribute}="${value}">`);
      if (attribute === "id") {
        if (ids.has(value)) faults.push(`l’identifiant « ${value} » est donné deux fois`);
        ids.add(value);
      }
    }
    if (name === "style" || (name === "script" && (!attributes.src || children.length > 0)))
      faults.push(`<${name}> dans la page`);
    const leaving = ["src", "srcset", "poster", "action", "formaction", "hx-get", "hx-post", "data"].map(
      (one) => attributes[one],
    );
    if (name === "link" || name === "use" || name === "image") leaving.push(attributes.href);
    for (const address of leaving) {
      if (address && !/^\/(?!\/)|^#|^data:image\//.test(address))
        faults.push(`<${name}> va chercher « ${address} » hors d’ici`);
    }
  }
  return [...new Set(faults)];
}

export interface JudgedPage {
  faults: string[];
  title: string;
  root: Tag;
}

/** A whole page: what a fragment owes, and the frame around it. */
export function judgePage(text: string): JudgedPage {
  const root = parseHtml(text);
  const faults = faultsOf(root);
  const [html] = findAll(root, "html");
  if (html?.attributes.lang !== "fr") faults.push('<html> sans lang="fr"');
  const headings = findAll(root, "h1");
  if (headings.length !== 1) faults.push(`${headings.length} titres h1 au lieu d’un`);
  else if (textOf(headings[0]!).trim() === "") faults.push("un h1 vide");
  const [head] = findAll(root, "head");
  const title = head
    ? textOf(findAll(head, "title")[0] ?? { name: "", attributes: {}, children: [], parent: null })
    : "";
  if (!title.endsWith(SUFFIX) || title.length <= SUFFIX.length)
    faults.push(`<title> « ${title} » : « Nom de la page${SUFFIX} » attendu`);
  for (const landmark of ["main", "header", "footer"]) {
    if (findAll(root, landmark).length === 0) faults.push(`pas de <${landmark}>`);
  }
  for (const region of ["status", "alert"]) {
    const found = [...tagsOf(root)].filter(({ attributes }) => attributes.role === region && attributes.id);
    if (found.length === 0) faults.push(`pas de région role="${region}" dans le premier HTML`);
  }
  return { faults, title, root };
}

const HEADERS: Record<string, RegExp> = {
  "content-security-policy":
    /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'/,
  "x-content-type-options": /^nosniff$/,
  "referrer-policy": /^(?:same-origin|no-referrer)$/,
  "cross-origin-opener-policy": /^same-origin$/,
  "cross-origin-resource-policy": /^same-origin$/,
  "permissions-policy": /camera=\(\)/,
  "cache-control": /no-store/,
};
const NEVER = ["x-powered-by", "x-xss-protection", "server", "access-control-allow-origin", "etag"];

/** The headers every answer has, and those none may have (P29, P30). */
export function headerFaults({ headers }: Pick<Answer, "headers">): string[] {
  const faults = Object.entries(HEADERS)
    .filter(([name, form]) => !form.test(headers.get(name) ?? ""))
    .map(([name]) => `en-tête ${name} : « ${headers.get(name) ?? "absent"} »`);
  if (/unsafe-|\*/.test(headers.get("content-security-policy") ?? ""))
    faults.push("la politique de contenu admet trop");
  // A mark helps whoever may keep the answer: of a file, never of a page.
  const isKept = /^private, max-age/.test(headers.get("cache-control") ?? "");
  const never = NEVER.filter((name) => headers.has(name) && !(name === "etag" && isKept));
  return [...faults, ...never.map((name) => `en-tête ${name} de trop`)];
}
