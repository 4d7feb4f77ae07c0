import type { Request, RequestHandler, Response } from "express";
import { NotFound } from "../../platform/errors.ts";
import { read } from "../../platform/http/forms.ts";
import { sendFile } from "../../platform/http/send-file.ts";
import { StoredFile } from "../../platform/storage/file.ts";

/** To keep. Pictures and logos are everybody's in the organisation; other files are given by what shows them. */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  await sendFile(req, res as Response, await served(req, req.params.id), { as: "attachment" });
};

/** To see, in an `img` of ours: pixels drawn by us, and never a page. */
export const image: RequestHandler<{ id: string }> = async (req, res) => {
  const file = await served(req, req.params.id);
  if (!file.type.startsWith("image/")) throw new NotFound();
  await sendFile(req, res as Response, file, { as: "inline" });
};

/** Until it is clean, a file does not exist for those who would read it (DOC-4). */
async function served(req: Parameters<RequestHandler>[0] | object, id: string): Promise<StoredFile> {
  const file = await read(req as never, (em) => em.findOne(StoredFile, { id }));
  const isPicture = file && (req as Request).files.purposes.get(file.purpose)?.picture;
  if (!isPicture || !file.isServed())
    throw new NotFound("Ce fichier n’existe pas, n’existe plus, ou attend d’être vérifié.");
  return file;
}
