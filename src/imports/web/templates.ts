import type { Request, RequestHandler } from "express";
import { z } from "zod";
import { asDownload } from "../../platform/http/download.ts";
import { query, read } from "../../platform/http/forms.ts";
import type { ImportProfile, OpenImport } from "../../platform/sheets/profile.ts";
import { KINDS } from "../../platform/storage/kinds.ts";
import { templateText, templateWorkbook } from "../template.ts";
import { placeAt, profileAt } from "./shown.ts";

const Asked = z.object({ objet: z.uuid().optional().describe("Objet") });

/** What lines sent here would become, for whoever may send some. */
async function readyFor(req: Request, kind: string): Promise<{ profile: ImportProfile; ready: OpenImport }> {
  const profile = profileAt(req, kind);
  const { objet } = query(req, Asked);
  const { id, tenantId } = req.user!;
  return read(req, async (em) => {
    await placeAt(em, req, profile, objet ?? null);
    const about = { tenantId, scopeId: objet ?? null, author: { id }, importId: tenantId, now: req.now };
    return { profile, ready: await profile.open(em, about, null) };
  });
}

const nameOf = ({ noun }: ImportProfile, end: string) =>
  `modele-${noun[1].normalize("NFKD").replace(/\p{M}/gu, "")}.${end}`;

/** A file to fill in, of the columns there are today [IMP-44]. */
export const text: RequestHandler<{ kind: string }> = async (req, res) => {
  const { profile, ready } = await readyFor(req as never, req.params.kind);
  asDownload(res as never, nameOf(profile, "csv"))
    .type("text/csv")
    .send(templateText(ready));
};

/** The same as a workbook, with its lists and what each column is. */
export const book: RequestHandler<{ kind: string }> = async (req, res) => {
  const { profile, ready } = await readyFor(req as never, req.params.kind);
  asDownload(res as never, nameOf(profile, "xlsx"))
    .type(KINDS.xlsx.type)
    .send(templateWorkbook(ready, profile.noun));
};
