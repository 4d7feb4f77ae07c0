/** Colour as the contrast rules need it: sRGB hex, relative luminance, and OKLCH to move lightness without changing hue. */

export type Hex = `#${string}`;
export interface Lch {
  l: number;
  c: number;
  h: number;
}

type Triple = readonly [number, number, number];

const linear = (byte: number): number => {
  const share = byte / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};
const gamma = (share: number): number => (share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055);

/** `#1c43b4`, `1C43B4` or `#14b` as a full lower-case hex, or undefined when it is no colour. */
export function hex(text: string): Hex | undefined {
  const digits = /^#?([0-9a-f]{6}|[0-9a-f]{3})$/iu.exec(text.trim())?.[1]?.toLowerCase();
  if (!digits) return undefined;
  return `#${digits.length === 3 ? [...digits].map((digit) => digit + digit).join("") : digits}`;
}

const channels = (colour: Hex): Triple =>
  [1, 3, 5].map((from) => linear(Number.parseInt(colour.slice(from, from + 2), 16))) as unknown as Triple;

function luminance(colour: Hex): number {
  const [r, g, b] = channels(colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The contrast of WCAG 2, from 1 to 21. */
export function contrast(one: Hex, other: Hex): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** OKLab, Björn Ottosson, 2020: https://bottosson.github.io/posts/oklab/ */
export function lch(colour: Hex): Lch {
  const [r, g, b] = channels(colour);
  const [long, medium, short] = [
    Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b),
    Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b),
    Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b),
  ] as const;
  const l = 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short;
  const greenRed = 1.9779984951 * long - 2.428592205 * medium + 0.4505937099 * short;
  const blueYellow = 0.0259040371 * long + 0.7827717662 * medium - 0.808675766 * short;
  return { l, c: Math.hypot(greenRed, blueYellow), h: Math.atan2(blueYellow, greenRed) };
}

function bytes({ l, c, h }: Lch): number[] {
  const [a, b] = [c * Math.cos(h), c * Math.sin(h)];
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ].map(gamma);
}

/** The hex of a colour; out of what screens show, its chroma gives way, never its hue or lightness. */
export function fromLch(colour: Lch): Hex {
  const shown = (c: number) => bytes({ ...colour, c }).every((share) => share >= -0.0005 && share <= 1.0005);
  let [kept, lost] = [0, colour.c];
  for (let halving = 0; halving < 14 && kept < lost; halving += 1) {
    const tried = halving === 0 ? lost : (kept + lost) / 2;
    if (shown(tried)) kept = tried;
    else lost = tried;
  }
  const digits = bytes({ ...colour, c: kept })
    .map((share) => Math.round(Math.min(1, Math.max(0, share)) * 255))
    .map((byte) => byte.toString(16).padStart(2, "0"));
  return `#${digits.join("")}`;
}

/** How far two colours look from each other (OKLab distance). */
export function distance(one: Hex, other: Hex): number {
  const [p, q] = [lch(one), lch(other)];
  const [pa, pb, qa, qb] = [p.c * Math.cos(p.h), p.c * Math.sin(p.h), q.c * Math.cos(q.h), q.c * Math.sin(q.h)];
  return Math.hypot(p.l - q.l, pa - qa, pb - qb);
}
