import QRCode from "qrcode";

/** A QR code as one SVG path on a square of `size` modules: presentation attributes only, as the CSP asks (rulings 25). */
export interface Qr {
  size: number;
  path: string;
}

/** Four light modules all around: without them a telephone finds no corner. */
const QUIET = 4;

/** The drawing of this text, made here: the key goes to no other server. */
export function qrOf(text: string): Qr {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: "M" });
  const runs: string[] = [];
  for (let y = 0; y < modules.size; y++) {
    for (let x = 0; x < modules.size; x++) {
      if (!modules.get(y, x)) continue;
      let length = 1;
      while (x + length < modules.size && modules.get(y, x + length)) length++;
      runs.push(`M${x + QUIET} ${y + QUIET}h${length}v1h-${length}z`);
      x += length;
    }
  }
  return { size: modules.size + 2 * QUIET, path: runs.join("") };
}
