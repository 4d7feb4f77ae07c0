/** The HTML of an answer as a small tree: what sweeps look at without starting a browser. */
import { createRequire } from "node:module";

export interface Tag {
  name: string;
  attributes: Record<string, string>;
  children: (Tag | string)[];
  parent: Tag | null;
}

interface Parser {
  write(html: string): void;
  end(): void;
}
interface Handlers {
  onopentag(name: string, attributes: Record<string, string>): void;
  ontext(text: string): void;
  onclosetag(): void;
}

// The parser the product's own sanitizer reads with: nothing more to install.
const requireFromSanitizer = createRequire(createRequire(import.meta.url).resolve("sanitize-html"));
const { Parser: HtmlParser } = requireFromSanitizer("htmlparser2") as {
  Parser: new (handlers: Handlers, options?: { decodeEntities?: boolean }) => Parser;
};

export function parseHtml(html: string): Tag {
  const root: Tag = { name: "#document", attributes: {}, children: [], parent: null };
  let here = root;
  const parser = new HtmlParser({
    onopentag(name, attributes) {
      const tag: Tag = { name, attributes: { ...attributes }, children: [], parent: here };
      here.children.push(tag);
      here = tag;
    },
    ontext: (text) => void here.children.push(text),
    onclosetag() {
      here = here.parent ?? root;
    },
  });
  parser.write(html);
  parser.end();
  return root;
}

/** Every tag under `from`, in the order of the document. */
export function* tagsOf(from: Tag): Generator<Tag> {
  for (const child of from.children) {
    if (typeof child === "string") continue;
    yield child;
    yield* tagsOf(child);
  }
}

export const findAll = (from: Tag, ...names: string[]): Tag[] =>
  [...tagsOf(from)].filter(({ name }) => names.includes(name));

export const textOf = (from: Tag): string =>
  from.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");

const NOT_READ = new Set("script style template textarea title code kbd pre samp".split(" "));
const INLINE = new Set("a abbr b bdi code em i kbd label mark q s small span strong sub sup time var".split(" "));

/** The pieces of French text a person reads or hears, words of controls included; a block ends a piece. */
export function readTexts(from: Tag): string[] {
  const pieces: string[] = [];
  let piece = "";
  const cut = () => {
    const text = piece.replace(/[ \t\n\r]+/g, " ").trim();
    if (text) pieces.push(text);
    piece = "";
  };
  const visit = (tag: Tag) => {
    if (NOT_READ.has(tag.name) || (tag.attributes.lang ?? "fr") !== "fr") return;
    const block = !INLINE.has(tag.name);
    if (block) cut();
    for (const said of ["aria-label", "title", "alt", "placeholder"]) {
      if (tag.attributes[said]) pieces.push(tag.attributes[said]);
    }
    if (tag.name === "input" && ["submit", "button"].includes(tag.attributes.type ?? "")) {
      pieces.push(tag.attributes.value ?? "");
    }
    for (const child of tag.children) {
      if (typeof child === "string") piece += child;
      else visit(child);
    }
    if (block) cut();
  };
  visit(from);
  cut();
  return pieces;
}

export interface FormField {
  name: string;
  /** The `type` of an input, or "textarea", "select". */
  type: string;
  /** What a browser would send untouched; several for ticked boxes. */
  values: string[];
  /** What a choice offers. */
  options: string[];
}

export interface FoundForm {
  action: string;
  method: string;
  fields: FormField[];
}

/** The forms of a page with what each would send untouched. */
export function formsOf(page: Tag, address: string): FoundForm[] {
  return findAll(page, "form").map((form) => {
    const fields = new Map<string, FormField>();
    const field = (name: string, type: string) => {
      const known = fields.get(name);
      if (known) return known;
      const made: FormField = { name, type, values: [], options: [] };
      fields.set(name, made);
      return made;
    };
    for (const control of findAll(form, "input", "textarea", "select")) {
      const { name, type = "text", value } = control.attributes;
      if (!name || control.attributes.disabled !== undefined) continue;
      if (control.name === "textarea") {
        field(name, "textarea").values.push(textOf(control).replace(/^\n/, ""));
      } else if (control.name === "select") {
        const options = findAll(control, "option").map((option) => ({
          value: option.attributes.value ?? textOf(option).trim(),
          chosen: option.attributes.selected !== undefined,
        }));
        const one = field(name, "select");
        one.options.push(...options.map((option) => option.value));
        const chosen = options.find((option) => option.chosen) ?? options[0];
        if (chosen) one.values.push(chosen.value);
      } else if (type === "checkbox" || type === "radio") {
        const one = field(name, type);
        one.options.push(value ?? "on");
        if (control.attributes.checked !== undefined) one.values.push(value ?? "on");
      } else if (type !== "submit" && type !== "button") {
        field(name, type).values.push(value ?? "");
      }
    }
    const { action, method = "get" } = form.attributes;
    return { action: (action ?? address).split("#")[0]!, method: method.toLowerCase(), fields: [...fields.values()] };
  });
}

/** The addresses a page leads to, inside the product, without their fragment. */
export const linksOf = (page: Tag): string[] =>
  findAll(page, "a")
    .map(({ attributes }) => (attributes.href ?? "").split("#")[0]!)
    .filter((href) => href.startsWith("/") && !href.startsWith("//"));
