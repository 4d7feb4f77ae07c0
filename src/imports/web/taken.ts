import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { noteExport } from "../../accounts/index.ts";
import { NotFound } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { asDownload, givenAgain, pour } from "../../platform/http/download.ts";
import { asError, read, submit } from "../../platform/http/forms.ts";
import { fr } from "../../platform/text/index.ts";
import { errorFile } from "../error-file.ts";
import { type Import, NO_COUNTS } from "../import.ts";
import { writtenFile } from "../written-file.ts";
import { aboutImport, addressOf, profileAt, visibleImport } from "./shown.ts";

/** Files an import gives, each an act of history as every export is (EXP-12). */

interface Taken {
  what: "errors" | "lines";
  file: string;
  label: string;
  rows: number;
  content: AsyncGenerator<string>;
}

async function give(req: Request, res: Response, one: Import, { what, file, label, rows, content }: Taken) {
  const profile = profileAt(req, one.kind);
  const act = {
    code: "import.exported",
    label: `${label} (${fr.count(rows, "ligne", "lignes")})`,
    subject: () => aboutImport(one),
    at: addressOf(one),
  };
  const form = await submit(req, z.object({}), act, async (_values, em) => {
    record(em, "import.exported", aboutImport(one), { what, rows, by: req.user!.id });
    await noteExport(em, req, { what: `import.${what}`, rows, people: profile.holdsPeople ? label : null });
  }).catch(givenAgain(act.at));
  if (form.errors) throw asError(form);
  asDownload(res.status(200), file).type("text/csv");
  await pour(content, res);
}

/** All that was written, line by line [IMP-34]. */
export const written: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const one = await read(req, (em) => visibleImport(em, req, given.params.id));
  if (!one.isOver()) throw new NotFound("Cet import n’a encore rien écrit.");
  const { create, update } = one.counts ?? NO_COUNTS;
  await give(req, res as never, one, {
    what: "lines",
    file: "lignes-importees.csv",
    label: "Export des lignes écrites par un import",
    rows: create + update,
    content: writtenFile(req.db, profileAt(req, one.kind), one),
  });
};

/** The lines in error, to be corrected and sent again: as long as they are kept [IMP-39]. */
export const errors: RequestHandler<{ id: string }> = async (given, res) => {
  const req = given as unknown as Request;
  const one = await read(req, (em) => visibleImport(em, req, given.params.id));
  if (one.isForgotten()) throw new NotFound("Le détail de cet import n’est plus gardé.");
  await give(req, res as never, one, {
    what: "errors",
    file: "erreurs-import.csv",
    label: "Export des lignes en erreur d’un import",
    rows: (one.counts ?? NO_COUNTS).error,
    content: errorFile(req.db, one),
  });
};
