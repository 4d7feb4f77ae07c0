import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contrast, type Hex, hex } from "./colour.ts";

/**
 * The colours of public/css/tokens.css as data, and the pairs that must stay readable. The sheet stays the only place
 * where a colour is written; this reads it once.
 */

export type Theme = "light" | "dark";
export const THEMES: readonly Theme[] = ["light", "dark"];
export type Colours = ReadonlyMap<string, Hex>;

const SHEET = join(import.meta.dirname, "../../public/css/tokens.css");

const ROOT_BLOCK = /:root\s*\{([\s\S]*?)\n {2}\}/u.exec(readFileSync(SHEET, "utf8"))?.[1] ?? "";
type Written = { alias: string } | Record<Theme, Hex>;
const WRITTEN: ReadonlyMap<string, Written> = new Map(
  [...ROOT_BLOCK.matchAll(/--([\w-]+):\s*(?:var\(--([\w-]+)\)|light-dark\((#\w+), (#\w+)\));/gu)].map(
    ([, name, alias, light, dark]) => [name!, alias ? { alias } : { light: hex(light!)!, dark: hex(dark!)! }],
  ),
);

/** The palette name a meaning ends on. */
function source(name: string): string {
  const written = WRITTEN.get(name);
  return written && "alias" in written ? source(written.alias) : name;
}

/** Palette and meanings of both themes, each name with its colour; `palette` replaces some of the first floor. */
export function tokensWith(palette: Readonly<Record<string, Record<Theme, Hex>>> = {}): Record<Theme, Colours> {
  const colours = (theme: Theme): Colours =>
    new Map(
      [...WRITTEN.keys()].flatMap((name) => {
        const from = source(name);
        const pair = palette[from] ?? WRITTEN.get(from);
        return pair && theme in pair ? [[name, (pair as Record<Theme, Hex>)[theme]] as const] : [];
      }),
    );
  return { light: colours("light"), dark: colours("dark") };
}

export const TOKENS = tokensWith();

export interface Pair {
  over: string;
  under: string;
  least: number;
}

const pairs = (least: number, overs: string[], unders: string[]): Pair[] =>
  overs.flatMap((over) => unders.map((under) => ({ over, under, least })));

const TONES = ["neutral", "primary", "running", "success", "warning", "danger", "complete", "muted"];
const GROUNDS = ["paper", "card", "sunken"];

/** What the meanings promise each other: prose 7, other text 4.5, rules, marks, icons and focus 3 (ui.md, UIX-2, UIX-5). */
export const PAIRS: readonly Pair[] = [
  ...pairs(7, ["ink"], [...GROUNDS, "accent-field"]),
  ...pairs(
    7,
    ["ink"],
    TONES.map((tone) => `${tone}-field`),
  ),
  ...pairs(7, ["on-block"], ["block"]),
  ...pairs(4.5, ["ink-soft", "link", "danger-text"], GROUNDS),
  ...pairs(4.5, ["ink-soft", "link"], ["accent-field"]),
  ...pairs(4.5, ["on-accent"], ["accent", "accent-strong"]),
  ...TONES.flatMap((tone) => [
    ...pairs(4.5, [`${tone}-on`], [`${tone}-solid`]),
    ...pairs(4.5, [`${tone}-text`], [`${tone}-field`]),
  ]),
  ...pairs(4.5, ["warning-solid"], ["on-yellow"]),
  ...pairs(3, ["rule", "rule-input"], ["paper", "card"]),
  ...pairs(3, ["accent", "focus", "accent-strong"], GROUNDS),
  ...pairs(3, ["focus"], ["focus-gap", "accent-field"]),
  ...pairs(3, ["accent"], ["accent-field"]),
  ...pairs(3, ["focus-on-block", "here"], ["block"]),
  ...pairs(3, ["danger-solid", "rule-input"], ["card", "sunken"]),
  ...pairs(3, ["neutral-solid", "running-solid", "success-solid", "danger-solid", "complete-solid"], ["paper", "card"]),
];

/** The pairs an organisation's accent can break. */
export const ACCENT_PAIRS = PAIRS.filter(({ over, under }) =>
  [over, under].some((name) => source(name).startsWith("accent-")),
);

export interface Broken extends Pair {
  theme: Theme;
  ratio: number;
}

/** Pairs that fall short with these colours, worst first. */
export function brokenPairs(tokens: Record<Theme, Colours>, checked: readonly Pair[] = PAIRS): Broken[] {
  const broken = THEMES.flatMap((theme) =>
    checked.map((pair) => {
      const [over, under] = [tokens[theme].get(pair.over), tokens[theme].get(pair.under)];
      if (!over || !under) throw new Error(`No colour for ${pair.over} or ${pair.under} in tokens.css`);
      return { ...pair, theme, ratio: contrast(over, under) };
    }),
  ).filter((pair) => pair.ratio < pair.least);
  return broken.sort((a, b) => a.ratio / a.least - b.ratio / b.least);
}
