/** Files for tests: kept, on their way, and pictures of any shape. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import sharp from "sharp";
import { addDocument, type Document, type DocumentKind } from "../../src/documents/document.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { addFile, type StoredFile } from "../../src/platform/storage/file.ts";
import { type Files, openFiles } from "../../src/platform/storage/index.ts";
import { addPiece, openUpload, Upload } from "../../src/platform/storage/upload.ts";

interface Place {
  db: Database;
  files: Files;
}
interface Person {
  tenantId: string;
  id: string;
}

const NOBODY = "00000000-0000-7000-8000-00000000dead";

/** For what asks for files and meets none. */
export const noFiles = await openFiles(
  { folder: "/nowhere", s3Url: undefined, floor: 0, quotas: { tenant: 0, person: 0 } },
  new Map(),
);

/** A picture of noise, so that it weighs what it looks: no two are the same. */
export async function picture(width = 40, height = 30, format: "png" | "jpeg" | "webp" = "png"): Promise<Buffer> {
  const raw = { width, height, channels: 3 as const };
  return sharp(randomBytes(width * height * 3), { raw })
    .toFormat(format)
    .toBuffer();
}

/** A clean file of this person's, as if its form had been sent. */
export async function giveFile({ db, files }: Place, by: Person, { name = "photo.png" } = {}): Promise<StoredFile> {
  const kept = await files.store.put(by.tenantId, Readable.from([await picture()]), { most: 1e6 });
  return db.note(by.tenantId, (em) =>
    addFile(
      em,
      { ...kept, tenantId: by.tenantId, purpose: "user.picture", name, type: "image/png", state: "clean", by },
      files.quotas,
    ),
  );
}

/** A document of this person's, with one clean version of these bytes. */
export async function giveDocument(
  { db, files, clock }: Place & { clock: { now(): Date } },
  by: Person,
  {
    title = "Charte",
    kind = "documentation" as DocumentKind,
    name = "charte.md",
    type = "text/markdown",
    content = Buffer.from("# Charte\n\nUn texte.\n"),
  } = {},
): Promise<Document> {
  const { tenantId } = by;
  const kept = await files.store.put(tenantId, Readable.from([content]), { most: content.length });
  const label = `Dépôt du document «\u00a0${title}\u00a0»`;
  const act = { tenantId, actorId: by.id, channel: "page", code: "document.added", label, now: clock.now() } as const;
  return db.act(act, async (em) => {
    const sent = { ...kept, tenantId, purpose: "document.file", name, type, state: "clean", by } as const;
    return addDocument(em, { title, kind }, await addFile(em, sent, files.quotas), { by });
  });
}

/** An upload by pieces of this person's that has arrived whole, as its form would name it. */
export async function giveUpload({ db, files }: Place, by: Person, purpose: string, given?: Buffer): Promise<string> {
  if (!by.id) return NOBODY;
  const { picture: isPicture, kinds } = files.purposes.get(purpose)!;
  const name = isPicture ? "photo.png" : kinds.includes("csv") ? "lignes.csv" : "notice.md";
  const content = given ?? (isPicture ? await picture() : Buffer.from(`# Notice ${randomUUID()}\n`));
  const { tenantId } = by;
  const announced = { name, size: content.length, mark: randomUUID() };
  // One that waits for its form already does: a sweep asks for more than a person may have on the way.
  const waiting = await db.read(tenantId, (em) => em.find(Upload, { ownerId: by.id, purpose }));
  const digest = createHash("sha256").update(content).digest("hex");
  const whole = waiting.find(
    (one) => one.isWhole() && (!given || one.pieces.every((piece) => piece.digest === digest)),
  );
  if (whole) return whole.id;
  const upload = await db.note(tenantId, (em): Promise<Upload> => {
    return openUpload(em, files.purposes.get(purpose)!, announced, { tenantId, by, files });
  });
  const { key, size } = await files.store.put(tenantId, Readable.from([content]), { most: content.length });
  await db.note(tenantId, (em) => addPiece(em, upload, { offset: 0, size, digest, key }));
  return upload.id;
}
