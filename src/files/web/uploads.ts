import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { NotFound, RuleBroken } from "../../platform/errors.ts";
import { asError, read, submit } from "../../platform/http/forms.ts";
import { isPiece } from "../../platform/http/uploads.ts";
import { Meter } from "../../platform/storage/store.ts";
import { addPiece, hasPiece, openUpload, PIECE_BYTES, Upload } from "../../platform/storage/upload.ts";

const Announced = z.object({
  purpose: z.string().max(60).describe("Usage"),
  name: z.string().min(1, "Choisissez un fichier.").max(300, "Ce nom de fichier est trop long.").describe("Nom"),
  size: z.int("La taille du fichier n’est pas connue.").min(1, "Ce fichier est vide.").describe("Taille"),
  mark: z.string().max(60).describe("Marque"),
});

/**
 * Opens an upload by pieces, or finds it again; the words are those of the IETF draft on resumable uploads. Its file
 * takes place only when the form it belongs to is sent.
 */
export const create: RequestHandler = async (req, res) => {
  const { id, tenantId } = req.user!;
  const act = { code: "upload.opened", label: "Envoi par morceaux", at: "/compte" };
  const form = await submit(req, Announced, act, ({ purpose, ...announced }, em) => {
    const wanted = req.files.purposes.get(purpose);
    if (!wanted) throw new RuleBroken("Cet usage de fichier n’existe pas. Rechargez la page.", "purpose");
    return openUpload(em, wanted, announced, { tenantId, by: { id }, files: req.files });
  });
  if (form.errors) throw asError(form);
  tell(res, form.result!);
  res.setHeader("Location", `/envois/${form.result!.id}`);
  res.status(204).end();
};

/** One piece, where the last one ended, with its own SHA-256. Sent again, it changes nothing; elsewhere, 409 says where. */
export const append: RequestHandler<{ id: string }> = async (req, res) => {
  const upload = await ownUpload(req as never, req.params.id);
  if (!isPiece(req as never))
    return void tell(res as Response, upload)
      .status(204)
      .end();
  const offset = Number(req.headers["upload-offset"]);
  const digest = digestOf(req.headers["content-digest"]);
  if (!Number.isSafeInteger(offset) || offset < 0 || !digest) {
    throw new RuleBroken("Ce morceau est venu sans sa place ou son empreinte. Rechargez la page.");
  }
  const content = await buffer(req.pipe(new Meter(PIECE_BYTES)));
  if (createHash("sha256").update(content).digest("hex") !== digest) {
    throw new RuleBroken("Ce morceau est arrivé abîmé : il sera envoyé de nouveau.");
  }
  const same = { offset, digest };
  if (hasPiece(upload, same))
    return void tell(res as Response, upload)
      .status(204)
      .end();
  if (offset !== upload.received)
    return void tell(res as Response, upload)
      .status(409)
      .end();
  const { tenantId } = req.user!;
  const { key, size } = await req.files.store.put(tenantId, Readable.from([content]), { most: PIECE_BYTES });
  const received = await req.db
    .note(tenantId, (em) => addPiece(em, upload, { ...same, size, key }))
    .catch(async (error: unknown) => {
      await req.files.store.remove(key);
      throw error;
    });
  if (received !== null)
    return void tell(res as Response, { ...upload, received })
      .status(204)
      .end();
  // The same piece came by another way meanwhile.
  await req.files.store.remove(key);
  const now = await ownUpload(req as never, req.params.id);
  tell(res as Response, now)
    .status(hasPiece(now, same) ? 204 : 409)
    .end();
};

async function ownUpload(req: Request, id: string): Promise<Upload> {
  const upload = await read(req, (em) => em.findOne(Upload, { id, ownerId: req.user!.id }));
  if (!upload) throw new NotFound("Cet envoi n’est plus là. Choisissez de nouveau le fichier.");
  return upload;
}

function tell(res: Response, { received, size }: Pick<Upload, "received" | "size">): Response {
  res.setHeader("Upload-Offset", String(received));
  res.setHeader("Upload-Length", String(size));
  res.setHeader("Upload-Complete", received === size ? "?1" : "?0");
  res.setHeader("Upload-Limit", `max-append-size=${PIECE_BYTES}`);
  return res;
}

/** RFC 9530: `sha-256=:base64:`. */
function digestOf(header: unknown): string | null {
  const [, text] = /^sha-256=:([A-Za-z0-9+/]{43}=):$/.exec(String(header)) ?? [];
  return text ? Buffer.from(text, "base64").toString("hex") : null;
}
