import { Marked } from "marked";
import sanitize from "sanitize-html";
import { typo } from "./index.ts";

const anchor = (text: string) =>
  text
    .replace(/<[^>]*>/g, "")
    .toLowerCase()
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

const marked = new Marked({
  gfm: true,
  async: false,
  walkTokens(token) {
    // The page has its own h1: a text starts at h2 whatever the person typed, and never goes deeper than h4.
    if (token.type === "heading") token.depth = Math.min(Math.max(token.depth, 2), 4);
    // Leaves only, so that addresses and code stay as typed; a sign may stand alone after a link or a bold word.
    if (token.type === "text" && !("tokens" in token && token.tokens)) {
      token.text = typo(token.text.replace(/^ (?=[;!?])/, "\u202f").replace(/^ (?=:(\s|$))/, "\u00a0"));
    }
  },
  renderer: {
    heading({ tokens, depth, text }) {
      return `<h${depth} id="${anchor(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
  },
});

const RULES: sanitize.IOptions = {
  allowedTags: "h2 h3 h4 p a ul ol li strong em code pre blockquote hr br table thead tbody tr th td kbd".split(" "),
  allowedAttributes: { a: ["href"], h2: ["id"], h3: ["id"], h4: ["id"], th: ["scope"] },
  allowedSchemes: ["https", "http", "mailto", "tel"],
  allowProtocolRelative: false,
  disallowedTagsMode: "discard",
  transformTags: {
    h1: "h2",
    // A column is what a Markdown table heads; the reader of cells needs to hear it (RGAA 5.7).
    th: sanitize.simpleTransform("th", { scope: "col" }, false),
  },
  // Ids come from headings alone, and a typed id may not take the place of one of the page's own.
  exclusiveFilter: ({ tag, attribs }) => tag === "a" && !attribs.href,
};

/** HTML that is safe to print raw: what people or help files wrote, with headings from h2 and French typography. */
export function renderMarkdown(source: string): string {
  const seen = new Map<string, number>();
  let under = "";
  let tables = 0;
  return sanitize(marked.parse(source) as string, RULES)
    .replace(/<h([234]) id="([^"]*)">/g, (_, depth: string, id: string) => {
      const times = (seen.get(id) ?? 0) + 1;
      seen.set(id, times);
      return `<h${depth} id="texte-${id}${times > 1 ? `-${times}` : ""}">`;
    })
    .replace(/<h[234] [^>]*>(.*?)<\/h|<table>|<\/table>/gs, (piece, heading?: string) => {
      if (heading !== undefined) under = heading.replace(/<[^>]*>/g, "").replaceAll('"', "&quot;");
      if (piece === "</table>") return "</table></div>";
      // A table scrolls inside its own box (UIX-7) and takes the name of the heading it stands under.
      return piece === "<table>"
        ? `<div class="table-scroll" role="region" aria-label="Tableau ${++tables}, défilant" tabindex="0"><table><caption class="visually-hidden">${under || `Tableau ${tables}`}</caption>`
        : piece;
    });
}

/** The text alone, for search and excerpts. */
export function plainText(source: string): string {
  const text = sanitize(marked.parse(source) as string, { allowedTags: [], allowedAttributes: {} });
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ")
    .trim();
}
