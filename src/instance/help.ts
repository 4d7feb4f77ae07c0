import { readdirSync, readFileSync } from "node:fs";
import { typo } from "../platform/text/index.ts";
import { plainText, renderMarkdown } from "../platform/text/markdown.ts";

export const HELP_SECTIONS = ["Commencer", "Campagnes", "Utiliser le service", "Administration"] as const;

export interface HelpPage {
  slug: string;
  title: string;
  summary: string;
  section: (typeof HELP_SECTIONS)[number];
  order: number;
  /** Screens it explains, as routes declare their addresses; `/*` takes the address and all below it. */
  paths: string[];
  body: string;
}

const FOLDER = new URL("./help/", import.meta.url);

function readPage(file: string): HelpPage {
  const source = readFileSync(new URL(file, FOLDER), "utf8");
  const [, head, body] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/.exec(source) ?? [];
  if (head === undefined || body === undefined) throw new Error(`help/${file} does not start with its --- head.`);
  const facts = Object.fromEntries(
    head.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const section = HELP_SECTIONS.find((one) => one === facts.section);
  if (!section || !facts.title || !facts.summary)
    throw new Error(`help/${file}: title, summary or section is missing.`);
  return {
    slug: file.replace(/\.md$/, ""),
    title: typo(facts.title),
    summary: typo(facts.summary),
    section,
    order: Number(facts.order ?? 100),
    paths: (facts.paths ?? "").split(/\s+/).filter(Boolean),
    body: body.trim(),
  };
}

let pages: HelpPage[] | undefined;

/** The help pages, section by section; read from the disk once. */
export function helpPages(): HelpPage[] {
  pages ??= readdirSync(FOLDER)
    .filter((file) => file.endsWith(".md"))
    .map(readPage)
    .sort((a, b) => HELP_SECTIONS.indexOf(a.section) - HELP_SECTIONS.indexOf(b.section) || a.order - b.order);
  return pages;
}

export const findHelp = (slug: string): HelpPage | undefined => helpPages().find((page) => page.slug === slug);

const explained = new Map<string, HelpPage | null>();

/** The page of help of a screen, by the address its route declares: the nearest that names it, or null (UIX-12). */
export function helpFor(screen: string): HelpPage | null {
  const known = explained.get(screen);
  if (known !== undefined) return known;
  const near = helpPages()
    .flatMap((page) => page.paths.filter((path) => covers(path, screen)).map((path) => ({ page, path })))
    .sort((a, b) => b.path.length - a.path.length);
  const page = near[0]?.page ?? null;
  explained.set(screen, page);
  return page;
}

/** True when this line of a page's head names this screen. */
export function covers(path: string, screen: string): boolean {
  const start = path.endsWith("/*") ? path.slice(0, -2) : null;
  return path === screen || (start !== null && (screen === start || screen.startsWith(`${start}/`)));
}

const rendered = new Map<string, string>();

/** The page as HTML, safe to print raw. */
export function helpHtml(page: HelpPage): string {
  const known = rendered.get(page.slug);
  if (known !== undefined) return known;
  const html = renderMarkdown(page.body);
  rendered.set(page.slug, html);
  return html;
}

/** The same inside another page: under the title of its panel, and without ids that this page may have. */
export const helpPart = (page: HelpPage): string =>
  helpHtml(page)
    .replace(/<(\/?)h([23])\b/g, (_, end: string, depth: string) => `<${end}h${Number(depth) + 1}`)
    .replace(/(<h\d) id="[^"]*"/g, "$1");

const plain = (text: string) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("œ", "oe");

const SNIPPET = 140;

export interface Found {
  page: HelpPage;
  /** A piece of the text around the first word found, or the summary. */
  excerpt: string;
}

/** Pages that hold every word typed, whatever accents and capitals; those whose title holds one come first. */
export function searchHelp(typed: string): Found[] {
  const words = plain(typed)
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1);
  if (words.length === 0) return [];
  return helpPages()
    .map((page) => {
      const text = plainText(page.body);
      const title = plain(page.title);
      const all = plain(`${page.title} ${page.summary} ${text}`);
      const score = words.filter((word) => title.includes(word)).length * 10 + words.length;
      return { page, text, score, found: words.every((word) => all.includes(word)) };
    })
    .filter(({ found }) => found)
    .sort((a, b) => b.score - a.score)
    .map(({ page, text }) => ({ page, excerpt: excerpt(text, words) ?? page.summary }));
}

function excerpt(text: string, words: readonly string[]): string | null {
  // Accents are removed sign by sign, so that a place in the plain text is the same place in the true one.
  const same = [...text].map((sign) => plain(sign)[0] ?? sign).join("");
  const at = words.map((word) => same.indexOf(word)).find((place) => place >= 0);
  if (at === undefined) return null;
  const from = Math.max(0, text.lastIndexOf(" ", Math.max(0, at - SNIPPET / 3)) + 1);
  const end = text.indexOf(" ", from + SNIPPET);
  const piece = text.slice(from, end === -1 ? undefined : end);
  return `${from > 0 ? "… " : ""}${piece}${end === -1 ? "" : " …"}`;
}
