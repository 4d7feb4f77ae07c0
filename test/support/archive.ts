/** Archives and compound files for tests, honest or lying. */
import { crc32, deflateRawSync } from "node:zlib";

export interface Packed {
  name: string;
  content?: Buffer;
  /** What the lists say it unpacks to, when it is not so. */
  says?: number;
  stored?: boolean;
  /** Given in place of its own bytes: those of the entry of this rank, for entries that share them. */
  sharing?: number;
  flags?: number;
}

/** A ZIP of these entries, in this order. */
export function zip(entries: Packed[], { count = entries.length } = {}): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  const places: { at: number; packed: Buffer }[] = [];
  let at = 0;
  for (const {
    name,
    content = Buffer.alloc(0),
    says = content.length,
    stored = false,
    sharing,
    flags = 0,
  } of entries) {
    const shared = sharing === undefined ? undefined : places[sharing];
    const packed = shared?.packed ?? (stored ? content : deflateRawSync(content));
    const label = Buffer.from(name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(flags, 2);
    facts.writeUInt16LE(stored ? 0 : 8, 4);
    facts.writeUInt32LE(crc32(content), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(says, 18);
    facts.writeUInt16LE(label.length, 22);
    const mine = { at: shared?.at ?? at, packed };
    places.push(mine);
    if (!shared) {
      const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), facts, label, packed]);
      parts.push(local);
      at += local.length;
    }
    const more = Buffer.alloc(14);
    more.writeUInt32LE(mine.at, 10);
    list.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), facts, more, label]));
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}

const text = (name: string, words = "<x/>"): Packed => ({ name, content: Buffer.from(words) });
const TYPES = text("[Content_Types].xml");

export const docx = (...more: Packed[]): Buffer => zip([TYPES, text("word/document.xml"), ...more]);
export const xlsx = (...more: Packed[]): Buffer => zip([TYPES, text("xl/workbook.xml"), ...more]);
export const openDocument = (kind: "text" | "spreadsheet"): Buffer =>
  zip([{ ...text("mimetype", `application/vnd.oasis.opendocument.${kind}`), stored: true }, text("content.xml")]);

/** A compound file: the list of a Word document, or of an installer. */
export function compound(kind: "doc" | "msi" | "other"): Buffer {
  const head = Buffer.alloc(512);
  head.write("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "latin1");
  head.writeUInt16LE(9, 30);
  const entry = (name: string, type: number) => {
    const block = Buffer.alloc(128);
    block.write(`${name}\0`, "utf16le");
    block[66] = type;
    return block;
  };
  const root = entry("Root Entry", 5);
  if (kind === "msi") root.write("84100c0000000000c000000000000046", 80, "hex");
  const parts = [root, entry("1Table", 2), entry(kind === "doc" ? "WordDocument" : "Workbook", 2), Buffer.alloc(128)];
  return Buffer.concat([head, Buffer.alloc(512), ...parts]);
}

/** The least a Windows program begins with. */
export function program(): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write("MZ", "latin1");
  bytes.writeUInt32LE(128, 60);
  bytes.write("PE\0\0", 128, "latin1");
  return bytes;
}
