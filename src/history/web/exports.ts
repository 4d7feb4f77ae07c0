import type { RequestHandler } from "express";
import { z } from "zod";
import { noteSecurity } from "../../accounts/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { asDownload, pour } from "../../platform/http/download.ts";
import { read, submit } from "../../platform/http/forms.ts";
import type { Registry } from "../../platform/registry.ts";
import { CSV_MARK, csvLine } from "../../platform/sheets/csv.ts";
import { fr } from "../../platform/text/index.ts";
import { countActs, listActs } from "../queries.ts";
import { readFilter } from "./filter.ts";
import { type ShownAct, shownActs } from "./lines.ts";

const BATCH = 1_000;
const HEADS = [
  "Numéro",
  "Date",
  "Heure",
  "Auteur",
  "Acte",
  "Motif",
  "Objet",
  "Voie",
  "Lignes modifiées",
  "Référence de la demande",
];

/** The filtered acts as CSV (HIS-9), streamed by short reads; the export is itself an act, with no row (rulings 12). */
export const create: RequestHandler = async (req, res) => {
  const registry = req.app.locals.registry as Registry;
  const { filter } = readFilter(req);
  const { tenantId, id, tenant } = req.user!;
  const form = await submit(
    req,
    z.object({}),
    {
      code: "history.exported",
      label: (_values, acts: number) => `Export de l’historique (${fr.count(acts, "acte", "actes")})`,
      at: "/admin/historique",
    },
    async (_values, em) => {
      const acts = await countActs(em, filter);
      record(em, "history.exported", { type: "tenant", id: tenantId }, { acts });
      noteSecurity(em, req, { kind: "export", userId: id, detail: { what: "history", acts } });
      return acts;
    },
  );
  // A button alone: nothing to draw again, its refusal is a page.
  if (form.errors) throw new RuleBroken(Object.values(form.errors)[0]!);

  asDownload(res.status(200), `historique-${req.now.toISOString().slice(0, 10)}.csv`);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  const lines = async function* () {
    yield CSV_MARK + csvLine(HEADS);
    for (let before: string | null | undefined, first = true; first || before; first = false) {
      const page = await read(req, async (em) => {
        const { acts, older } = await listActs(em, filter, { before: before ?? undefined, size: BATCH });
        return { acts: await shownActs(em, acts, registry), older };
      });
      yield page.acts.map((act) => csvLine(columnsOf(act, tenant.zone))).join("");
      before = page.older;
    }
  };
  await pour(lines(), res);
};

const columnsOf = (act: ShownAct, zone: string) => [
  act.number,
  fr.shortDate(act.at, zone),
  fr.exactTime(act.at, zone),
  act.actor,
  act.what,
  act.reason,
  act.subject?.noun ?? null,
  act.way,
  act.changes,
  act.requestId,
];
