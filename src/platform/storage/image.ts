import { RuleBroken } from "../errors.ts";

/** How a picture is kept: drawn again at this size, without anything but its pixels. */
export interface Picture {
  width: number;
  height: number;
  /** `cover` fills the frame and cuts what overflows; `inside` keeps the whole. */
  fit: "cover" | "inside";
  format: "png" | "webp";
}

/** More than any telephone takes, less than would fill the memory of a small machine. */
export const MOST_PIXELS = 60_000_000;
const LONGEST_SECONDS = 20;

/** Imported by the first picture: a start waits for each library it names. */
export async function drawing() {
  const { default: sharp } = await import("sharp");
  // One picture at a time and nothing kept: pages answer meanwhile, and the memory goes back.
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
}

/** Draws a picture again: upright, at the size of its use, without place, date nor device (P41). Throws RuleBroken. */
export async function redraw(content: Buffer, { width, height, fit, format }: Picture): Promise<Buffer> {
  const sharp = await drawing();
  await checkPixels(content);
  try {
    return await sharp(content, { limitInputPixels: MOST_PIXELS, failOn: "error", animated: false })
      .timeout({ seconds: LONGEST_SECONDS })
      .rotate()
      .resize({ width, height, fit, withoutEnlargement: fit === "inside" })
      .toColourspace("srgb")
      .toFormat(format)
      .toBuffer();
  } catch {
    throw new RuleBroken(
      "Cette image est abîmée ou incomplète. Ouvrez-la, enregistrez-la de nouveau, puis envoyez cette copie.",
    );
  }
}

/** By the picture's own header: a few bytes can promise a billion pixels. */
async function checkPixels(content: Buffer): Promise<void> {
  const sharp = await drawing();
  const { width, height } = await sharp(content, { limitInputPixels: false })
    .metadata()
    .catch(() => {
      throw new RuleBroken("Cette image est abîmée ou incomplète. Choisissez-en une autre.");
    });
  if (width * height <= MOST_PIXELS) return;
  throw new RuleBroken(
    `Cette image fait ${width.toLocaleString("fr-FR")}\u00a0×\u00a0${height.toLocaleString("fr-FR")} points, plus que les ${MOST_PIXELS / 1_000_000}\u00a0millions acceptés. Réduisez-la, puis envoyez-la de nouveau.`,
  );
}
