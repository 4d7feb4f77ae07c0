import { fr } from "../platform/text/index.ts";
import { fromLch, type Hex, hex, lch } from "./colour.ts";
import { ACCENT_PAIRS, type Broken, brokenPairs, THEMES, type Theme, tokensWith } from "./tokens.ts";

/**
 * An organisation's accent: one colour is chosen, the four of the palette follow in both themes, and it is taken only
 * if every pair of the screens stays readable. Pure: nothing is kept here.
 */

type AccentPalette = Record<"accent-1" | "accent-3" | "accent-4" | "accent-5", Record<Theme, Hex>>;

const STEP = 0.004;
const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

/** By day the chosen colour is used as it is; the pale field, the links, the pressed state and the night follow its hue. */
export function accentPalette(chosen: Hex): AccentPalette {
  const { l, c, h } = lch(chosen);
  const at = (lightness: number, chroma: number): Hex => fromLch({ l: lightness, c: Math.min(c, chroma), h });
  return {
    "accent-1": { light: at(0.91, 0.035), dark: at(0.3, 0.08) },
    "accent-3": { light: chosen, dark: at(clamp(l, 0.76, 0.86), 0.13) },
    "accent-4": { light: at(Math.min(l, 0.42), 0.2), dark: at(0.82, 0.1) },
    "accent-5": { light: at(clamp(l - 0.1, 0, 0.36), 0.2), dark: at(0.89, 0.06) },
  };
}

const brokenBy = (chosen: Hex): Broken[] => brokenPairs(tokensWith(accentPalette(chosen)), ACCENT_PAIRS);

/** The nearest colour of the same hue, lighter or darker, that breaks no pair. */
function nearest(chosen: Hex): Hex {
  const { l, c, h } = lch(chosen);
  for (let gap = STEP; gap <= 1; gap += STEP) {
    for (const lightness of [l - gap, l + gap]) {
      if (lightness < 0 || lightness > 1) continue;
      const candidate = fromLch({ l: lightness, c, h });
      if (brokenBy(candidate).length === 0) return candidate;
    }
  }
  throw new Error(`No accent holds for ${chosen}: the neutral tokens themselves break a pair`);
}

export type AccentVerdict =
  | { accepted: true; accent: Hex }
  | { accepted: false; proposal: Hex | null; broken: Broken[]; sentence: string };

/** Whether an organisation may take this colour; otherwise the French sentence that says why, and the nearest that holds. */
export function judgeAccent(text: string): AccentVerdict {
  const accent = hex(text);
  if (!accent) {
    const sentence = "Écrivez la couleur avec un dièse et six signes, par exemple #1c43b4.";
    return { accepted: false, proposal: null, broken: [], sentence };
  }
  const broken = brokenBy(accent);
  const worst = broken[0];
  if (!worst) return { accepted: true, accent };
  const proposal = nearest(accent);
  const theme = worst.theme === "light" ? "clair" : "sombre";
  const sentence = `Cette couleur se lirait mal en thème ${theme} : contraste de ${fr.number(worst.ratio)} là où il faut ${fr.number(worst.least)}. La plus proche qui convient est ${proposal}.`;
  return { accepted: false, proposal, broken, sentence };
}

/** The sheet served at /organisation/accent.css. It stands in no layer, so it wins over the tokens it redefines. */
export function accentStylesheet(text: string): string {
  const accent = hex(text);
  if (!accent) return "";
  const lines = Object.entries(accentPalette(accent)).map(
    ([name, colours]) => `  --${name}: light-dark(${THEMES.map((theme) => colours[theme]).join(", ")});`,
  );
  return `:root {\n${lines.join("\n")}\n}\n`;
}
