import { Buffer } from "node:buffer";
import { TextDecoder } from "node:util";

/** The encodings a table may come in, by the name the page gives them [IMP-4]. */
export const ENCODINGS = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16 petit-boutiste",
  "utf-16be": "UTF-16 gros-boutiste",
  "windows-1252": "Windows-1252",
  "iso-8859-1": "ISO-8859-1",
} as const;
export type Encoding = keyof typeof ENCODINGS;

export interface FoundEncoding {
  encoding: Encoding;
  /** By a byte-order mark. */
  isMarked: boolean;
  /** Shown with the guess [IMP-5]. */
  confidence: "high" | "medium" | "low";
  /** More signs that no text holds than a text with a few damaged lines would. */
  isBinary: boolean;
}

/** Bytes of 80–9F to which Windows-1252 gives no sign. */
const UNDEFINED_1252 = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);
/** Of pairs of bytes: a Latin text in UTF-16 has one null in nearly each. */
const NULLS_OF_UTF16 = 0.4;
const NULLS_ELSEWHERE = 0.05;
const MOST_CONTROLS = 0.1;
const isControl = (byte: number) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c;

/**
 * The encoding of a whole file, in one pass that holds a piece at a time [IMP-4]: byte-order mark; UTF-16 by its null
 * bytes; UTF-8 when every byte is; Windows-1252 when a sign only it defines occurs; else ISO-8859-1.
 */
export async function detectEncoding(bytes: AsyncIterable<Uint8Array>): Promise<FoundEncoding> {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  let [isUtf8, isAscii, total, controls] = [true, true, 0, 0];
  const nulls: [number, number] = [0, 0];
  let [of1252, undefined1252] = [0, 0];
  const head: number[] = [];
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (total < 3) head.push(byte);
      if (byte === 0) nulls[(total & 1) as 0 | 1]++;
      if (byte < 0x20) {
        if (isControl(byte)) controls++;
      } else if (byte >= 0x80) {
        isAscii = false;
        if (byte <= 0x9f) {
          if (UNDEFINED_1252.has(byte)) undefined1252++;
          else of1252++;
        }
      }
      total++;
    }
    if (isUtf8) {
      try {
        utf8.decode(piece, { stream: true });
      } catch {
        isUtf8 = false;
      }
    }
  }
  if (isUtf8) {
    try {
      utf8.decode();
    } catch {
      isUtf8 = false;
    }
  }

  const marked = (encoding: Encoding): FoundEncoding => ({
    encoding,
    isMarked: true,
    confidence: "high",
    isBinary: false,
  });
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return marked("utf-8");
  if (head[0] === 0xff && head[1] === 0xfe) return marked("utf-16le");
  if (head[0] === 0xfe && head[1] === 0xff) return marked("utf-16be");

  const found = (encoding: Encoding, confidence: FoundEncoding["confidence"], isBinary = false): FoundEncoding => ({
    encoding,
    isMarked: false,
    confidence,
    isBinary,
  });
  const pairs = total / 2;
  const [even, odd] = nulls;
  if (total > 1 && odd >= pairs * NULLS_OF_UTF16 && even <= pairs * NULLS_ELSEWHERE) return found("utf-16le", "medium");
  if (total > 1 && even >= pairs * NULLS_OF_UTF16 && odd <= pairs * NULLS_ELSEWHERE) return found("utf-16be", "medium");
  const isBinary = controls > total * MOST_CONTROLS;
  const isDoubtful = even + odd > 0;
  if (isUtf8) return found("utf-8", isDoubtful ? "medium" : "high", isBinary);
  if (of1252 > 0) return found("windows-1252", undefined1252 > 0 || isDoubtful ? "low" : "medium", isBinary);
  return found("iso-8859-1", undefined1252 > 0 || isDoubtful ? "low" : isAscii ? "high" : "medium", isBinary);
}

/** What stands, once decoded, where no sign was [IMP-4]. */
export const UNREADABLE: Record<Encoding, RegExp> = {
  "utf-8": /[\0\ufffd]/,
  "utf-16le": /[\0\ufffd]/,
  "utf-16be": /[\0\ufffd]/,
  "windows-1252": /[\0\x81\x8d\x8f\x90\x9d]/,
  "iso-8859-1": /[\0\x80-\x9f]/,
};

const MARKS = ["efbbbf", "fffe", "feff"].map((mark) => Buffer.from(mark, "hex"));
const LONGEST_MARK = 3;

/** The bytes after a byte-order mark, whichever it is: a header holds none, even read in another encoding [IMP-5]. */
async function* unmarked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Buffer | null = Buffer.alloc(0);
  const rest = (start: Buffer) =>
    start.subarray(MARKS.find((mark) => mark.equals(start.subarray(0, mark.length)))?.length);
  for await (const piece of bytes) {
    if (!head) {
      yield piece;
      continue;
    }
    head = Buffer.concat([head, piece]);
    if (head.length < LONGEST_MARK) continue;
    yield rest(head);
    head = null;
  }
  if (head) yield rest(head);
}

/** The text of these bytes, piece by piece, without its byte-order mark; signs that straddle two pieces are whole. */
export async function* decodeText(marked: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<string> {
  const bytes = unmarked(marked);
  // What the web calls ISO-8859-1 is Windows-1252: the true one is Node's.
  if (encoding === "iso-8859-1") {
    for await (const piece of bytes) yield Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString("latin1");
    return;
  }
  const decoder = new TextDecoder(encoding);
  for await (const piece of bytes) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}
