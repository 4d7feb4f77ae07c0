import type { RequestHandler } from "express";
import { z } from "zod";
import { noteSecurity, writeReading } from "../../accounts/index.ts";
import type { Mark, Paged } from "../../platform/db/paging.ts";
import { RuleBroken } from "../../platform/errors.ts";
import { record } from "../../platform/events/record.ts";
import { asDownload, pour } from "../../platform/http/download.ts";
import { read, submit } from "../../platform/http/forms.ts";
import { CSV_MARK, csvLine } from "../../platform/sheets/csv.ts";
import { fr } from "../../platform/text/index.ts";
import { localMoment } from "../local.ts";
import { saidPhone } from "../phone.ts";
import { countStaff, listStaff, type StaffLine } from "../queries/staff.ts";
import { reachOf } from "../reach.ts";
import { AT } from "./shown.ts";
import { readStaffFilter } from "./staff.ts";

const BATCH = 1_000;
/** As an import reads them again [IMP-46]. */
const HEADS = [
  "Matricule",
  "Nom",
  "Prénom",
  "Adresse électronique",
  "Service",
  "Site",
  "Fonction",
  "Type de contrat",
  "Téléphone",
  "Matricule du responsable",
  "Actif",
];

/**
 * The people of the filter, those this account may see, as CSV [EXP-1, EXP-3, IMP-46]: streamed by short reads, told in
 * history, in the security log and among the readings of personal data [EXP-12].
 */
export const create: RequestHandler = async (req, res) => {
  const { filter, order, descending } = readStaffFilter(req);
  const { tenantId, id, tenant } = req.user!;
  const reach = reachOf(req.user!);
  const form = await submit(
    req,
    z.object({}),
    {
      code: "staff.exported",
      label: (_values, people: number) => `Export de l’annuaire (${fr.count(people, "agent", "agents")})`,
      at: AT,
    },
    async (_values, em) => {
      const people = await countStaff(em, reach, filter);
      record(em, "staff.exported", { type: "tenant", id: tenantId }, { people, by: id });
      noteSecurity(em, req, { kind: "export", userId: id, detail: { what: "directory", people } });
      await writeReading(em, {
        tenantId,
        userId: id,
        page: "Export de l’annuaire",
        subjectId: null,
        address: req.ip ?? "",
      });
      return people;
    },
  );
  // A button alone: nothing to draw again, its refusal is a page.
  if (form.errors) throw new RuleBroken(Object.values(form.errors)[0]!);

  asDownload(res.status(200), `annuaire-${localMoment(req.now, tenant.zone).day}.csv`);
  res.setHeader("Content-Type", "text/csv; charset=utf-8");
  const lines = async function* () {
    yield CSV_MARK + csvLine(HEADS);
    let mark: Mark | null = null;
    do {
      const from: Mark | null = mark;
      const page: Paged<StaffLine> = await read(req, (em) =>
        listStaff(em, reach, filter, { order, descending, mark: from, size: BATCH }),
      );
      yield page.rows.map((line) => csvLine(columnsOf(line))).join("");
      mark = page.after;
    } while (mark);
  };
  await pour(lines(), res);
};

const columnsOf = (line: StaffLine) => [
  line.staffNumber,
  line.familyName,
  line.givenName,
  line.email,
  line.department,
  line.site,
  line.position,
  line.contractType,
  line.phone && saidPhone(line.phone),
  line.managerNumber,
  line.deactivatedAt === null ? "oui" : "non",
];
