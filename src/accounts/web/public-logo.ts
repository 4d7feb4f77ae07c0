import type { Request, RequestHandler } from "express";
import { NotFound } from "../../platform/errors.ts";
import { sendFile } from "../../platform/http/send-file.ts";
import { StoredFile } from "../../platform/storage/file.ts";

interface PublicLogo {
  tenant_id: string;
  id: string;
  name: string;
}

/** What the sign-in page shows above its form: the logo of the only organisation here, else the instance's own. */
export async function publicLogo({ db }: Request): Promise<PublicLogo | null> {
  const [logo] = await db.lookup<PublicLogo>("public_logo");
  return logo ?? null;
}

/** That one and no other: whoever asks is nobody yet. */
export const show: RequestHandler<{ id: string }> = async (req, res) => {
  const logo = await publicLogo(req);
  if (logo?.id !== req.params.id) throw new NotFound();
  const file = await req.db.read(logo.tenant_id, (em) => em.findOneOrFail(StoredFile, { id: logo.id }));
  await sendFile(req, res, file, { as: "inline" });
};
