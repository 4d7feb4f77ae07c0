import { randomUUIDv7 } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { RequestHandler } from "express";
import { z } from "zod";
import { findUserNames, noteSecurity } from "../../accounts/index.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { asDownload, givenAgain, pour } from "../../platform/http/download.ts";
import { actOf, read, submit } from "../../platform/http/forms.ts";
import type { Registry } from "../../platform/registry.ts";
import { CSV_MARK, csvLine } from "../../platform/sheets/csv.ts";
import { fr } from "../../platform/text/index.ts";
import { CHANNEL_WORDS } from "../channels.ts";
import { countActs, listActs } from "../queries.ts";
import { readFilter } from "./filter.ts";
import { type ShownAct, shownActs } from "./lines.ts";

const AT = "/admin/historique";
const BATCH = 1_000;
const LONGEST_LABEL = 480;
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
  const { filter, values } = readFilter(req);
  const { tenantId, id, tenant } = req.user!;
  const form = await submit(
    req,
    z.object({}),
    {
      code: "history.exported",
      label: (_values, { acts, filters }: { acts: number; filters: string }) =>
        `Export de l’historique (${fr.count(acts, "acte", "actes")}${filters && `\u00a0: ${filters}`})`.slice(
          0,
          LONGEST_LABEL,
        ),
      at: AT,
    },
    async (_values, em) => {
      const acts = await countActs(em, filter);
      const filters = await filterWords(em, values, registry);
      record(em, "history.exported", { type: "tenant", id: tenantId }, { acts, filters });
      noteSecurity(em, req, { kind: "export", userId: id, detail: { what: "history", acts, filters } });
      return { acts, filters };
    },
  ).catch(givenAgain(AT));
  // A button alone: nothing to draw again, its refusal is a page.
  if (form.errors) throw new RuleBroken(Object.values(form.errors)[0]!);

  asDownload(res.status(200), `historique-${req.now.toISOString().slice(0, 10)}.csv`);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  const lines = async function* () {
    yield CSV_MARK + csvLine(HEADS);
    // This export is none of the acts it was asked for; given again, it is one of those before.
    for (let before: string | null = actOf(req) ?? randomUUIDv7(); before; ) {
      const from: string = before;
      const page = await read(req, async (em) => {
        const { acts, older } = await listActs(em, filter, { before: from, size: BATCH });
        return { acts: await shownActs(em, acts, registry), older };
      });
      yield page.acts.map((act) => csvLine(columnsOf(act, tenant.zone))).join("");
      before = page.older;
    }
  };
  await pour(lines(), res);
};

/** The filters as people read them (EXP-12). */
async function filterWords(
  em: EntityManager,
  { personne, objet, voie, du, au, texte, demande }: Record<string, string | undefined>,
  { subjects }: Pick<Registry, "subjects">,
): Promise<string> {
  const day = (date: string) => fr.date(`${date}T12:00:00Z`, "UTC");
  return [
    personne && `personne\u00a0: ${(await findUserNames(em, [personne])).get(personne) ?? "inconnue"}`,
    objet && `objet\u00a0: ${subjects.get(objet)?.noun ?? objet}`,
    voie && `voie\u00a0: ${CHANNEL_WORDS[voie as keyof typeof CHANNEL_WORDS]}`,
    du && `du ${day(du)}`,
    au && `au ${day(au)}`,
    texte && `texte\u00a0: ${texte}`,
    demande && `référence\u00a0: ${demande}`,
  ]
    .filter(Boolean)
    .join(" ; ");
}

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
