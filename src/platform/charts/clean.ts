/**
 * What ECharts writes, made fit for a page under our policy: known elements, presentation attributes, nothing else. Its
 * style attributes become attributes, its ids are numbered anew so that equal data give an equal drawing (rulings 25).
 */

const ELEMENTS = new Set([
  "svg",
  "g",
  "path",
  "rect",
  "circle",
  "line",
  "polyline",
  "polygon",
  "text",
  "tspan",
  "defs",
  "clipPath",
  "pattern",
]);

const ATTRIBUTES = new Set(
  "viewBox width height x y dx dy x1 y1 x2 y2 cx cy r rx ry d points transform id clip-path fill fill-opacity fill-rule stroke stroke-width stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity opacity text-anchor dominant-baseline font-size font-weight patternUnits patternContentUnits patternTransform".split(
    " ",
  ),
);

const TAG = /<(\/?)([A-Za-z]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g;
const ATTRIBUTE = /\s+([\w:-]+)="([^"]*)"/g;
/** An element we do not draw, with all it holds. */
const FOREIGN = /<(style|script|title|desc|foreignObject|image|metadata)\b[^>]*?(?:\/>|>[\s\S]*?<\/\1>)/g;

/** The drawing alone, safe to print raw: `id` tells two drawings of a page apart. Throws on what it does not know. */
export function cleanSvg(raw: string, id: string): string {
  const ids = new Map<string, string>();
  const named = (old: string) => {
    const known = ids.get(old) ?? `${id}-${ids.size + 1}`;
    ids.set(old, known);
    return known;
  };
  const clean = raw.replace(FOREIGN, "").replace(TAG, (_, end: string, name: string, given: string, empty: string) => {
    if (!ELEMENTS.has(name)) throw new Error(`A chart holds <${name}>, which clean.ts does not know.`);
    if (end) return `</${name}>`;
    const attributes = attributesOf(given).map(
      ([key, value]) =>
        ` ${key}="${key === "id" ? named(value) : value.replace(/url\(#([^)]+)\)/g, (_all, old: string) => `url(#${named(old)})`)}"`,
    );
    return `<${name}${attributes.join("")}${empty}>`;
  });
  if (/[<>]/.test(clean.replace(TAG, ""))) throw new Error("A chart holds what clean.ts could not read.");
  return clean;
}

/** Presentation attributes, each once; what a style said goes over what an attribute did, as in a browser. */
function attributesOf(given: string): [string, string][] {
  const kept = new Map<string, string>();
  for (const [, key = "", value = ""] of given.matchAll(ATTRIBUTE)) {
    if (key !== "style" && ATTRIBUTES.has(key)) kept.set(key, value);
  }
  const style = /\sstyle="([^"]*)"/.exec(given)?.[1] ?? "";
  for (const line of style.split(";")) {
    const [key = "", ...rest] = line.split(":");
    const value = rest.join(":").trim();
    if (ATTRIBUTES.has(key.trim()) && value) kept.set(key.trim(), value);
  }
  for (const [key, value] of kept) {
    if (/:|url\((?!#)/.test(value)) throw new Error(`A chart refers to what is not of it: ${key}="${value}".`);
  }
  // The black zrender gives to what nobody fills, such as the strokes of a legend.
  if (kept.get("fill") === "#000") kept.set("fill", "none");
  return [...kept].map(([key, value]) => [key, key === "font-size" ? value.replace(/px$/, "") : value]);
}
