import { fileURLToPath } from "node:url";
import { drawing } from "../storage/image.ts";
import type { DrawnChart } from "./draw.ts";

const MARGIN = 24;
const HEAD = 56;
const SCALE = 2;

const FONT = "Atkinson Hyperlegible Next";
const FONT_FILE = fileURLToPath(new URL("../../../public/fonts/atkinson-hyperlegible-next-latin.ttf", import.meta.url));
let fontKnown: Promise<unknown> | undefined;

/** A server may have no font at all: a first text by the file makes ours known to all that is drawn after. */
async function painter() {
  const sharp = await drawing();
  fontKnown ??= sharp({ text: { text: "a", font: FONT, fontfile: FONT_FILE } }).toBuffer();
  await fontKnown;
  return sharp;
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * A chart as a PNG that stands by itself, with its title: `colours` are those of one theme by the name of their token
 * (DSH-5).
 */
export async function chartPicture(
  { title, wide }: Pick<DrawnChart, "title" | "wide">,
  colours: ReadonlyMap<string, string>,
): Promise<Buffer> {
  const [, w = 0, h = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(wide) ?? []).map(Number);
  const size = `width="${w + 2 * MARGIN}" height="${h + HEAD + MARGIN}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${FONT}"><rect ${size} fill="var(--card)"/><text x="${MARGIN}" y="36" font-size="20" font-weight="700" fill="var(--ink)">${escaped(title)}</text><g transform="translate(${MARGIN} ${HEAD})">${wide}</g></svg>`;
  const painted = svg.replace(/var\(--([\w-]+)\)/g, (_, name: string) => {
    const colour = colours.get(name);
    if (!colour) throw new Error(`--${name} is not a token: see public/css/tokens.css.`);
    return colour;
  });
  const sharp = await painter();
  // The narrow space of numbers is not in the font, and would vanish.
  return sharp(Buffer.from(painted.replaceAll("\u202f", "\u00a0")), { density: 72 * SCALE })
    .png({ palette: true })
    .toBuffer();
}
