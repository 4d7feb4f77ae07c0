import type { EntityManager } from "@mikro-orm/postgresql";
import { explain, type SignedIn } from "../accounts/index.ts";
import type { Mark } from "../platform/db/paging.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import {
  type Cell,
  type ExportAsked,
  type ExportPlan,
  type ExportProfile,
  fileNameAfter,
  saidOnce,
} from "../platform/sheets/export.ts";
import { saidPhone } from "./phone.ts";
import { listPlaceNames } from "./queries/places.ts";
import { countStaff, listStaff, type StaffLine, staffNames } from "./queries/staff.ts";
import { exportReachOf } from "./reach.ts";
import { NONE, StaffAddress, staffAsked } from "./staff-filter.ts";

const BUNDLE = 1_000;

interface Column {
  head: string;
  isShown: boolean;
  cell(line: StaffLine): Cell;
}

/** Every column, under heads that an import reads again (IMP-46); those of the screen apart. */
const COLUMNS: Column[] = [
  { head: "Matricule", isShown: true, cell: ({ staffNumber }) => staffNumber },
  { head: "Nom", isShown: true, cell: ({ familyName }) => familyName },
  { head: "Prénom", isShown: true, cell: ({ givenName }) => givenName },
  { head: "Adresse électronique", isShown: true, cell: ({ email }) => email },
  { head: "Service", isShown: true, cell: ({ department }) => department },
  { head: "Site", isShown: true, cell: ({ site }) => site },
  { head: "Fonction", isShown: true, cell: ({ position }) => position },
  { head: "Type de contrat", isShown: false, cell: ({ contractType }) => contractType },
  { head: "Téléphone", isShown: true, cell: ({ phone }) => phone && saidPhone(phone) },
  { head: "Matricule du responsable", isShown: true, cell: ({ managerNumber }) => managerNumber },
  { head: "Actif", isShown: false, cell: ({ deactivatedAt }) => (deactivatedAt === null ? "oui" : "non") },
];

/** The people of the list, those this account may see, to whoever may take them away (EXP-1, PRM-19). */
export const staffExport: ExportProfile = {
  kind: "annuaire",
  title: "Exporter l’annuaire",
  noun: ["agent", "agents"],
  about: (_scopeId, tenantId) => ({ type: "tenant", id: tenantId }),
  async open(em: EntityManager, { user, scopeId, query, isWhole }: ExportAsked): Promise<ExportPlan> {
    if (scopeId !== null) throw new NotFound();
    const person = user as SignedIn;
    const reach = exportReachOf(person);
    if (!reach) throw new Forbidden(explain(person.roles, "rows.export"));
    const read = StaffAddress.safeParse(saidOnce(query));
    if (!read.success) throw new NotFound("Ce filtre de l’annuaire ne se lit plus. Revenez à la liste.");
    const { filter, order, descending } = staffAsked(read.data);
    const said = await wordsOf(em, read.data);
    const columns = isWhole ? COLUMNS : COLUMNS.filter(({ isShown }) => isShown);
    return {
      place: { label: "Annuaire", path: "/admin/annuaire" },
      name: fileNameAfter("annuaire", said),
      said,
      ...((order !== "name" || descending) && {
        sorted: `tri\u00a0: ${order === "name" ? "nom" : "matricule"}${descending ? ", décroissant" : ""}`,
      }),
      heads: columns.map(({ head }) => head),
      wholeHeads: COLUMNS.map(({ head }) => head),
      count: await countStaff(em, reach, filter),
      holdsPeople: true,
      async *rows() {
        let mark: Mark | null = null;
        do {
          const from: Mark | null = mark;
          const page = await listStaff(em, reach, filter, { order, descending, mark: from, size: BUNDLE });
          yield page.rows.map((line) => columns.map(({ cell }) => cell(line)));
          mark = page.after;
        } while (mark);
      },
    };
  },
};

/** The filters as people read them. */
async function wordsOf(
  em: EntityManager,
  { q, service, site, responsable, etat }: Partial<Record<"q" | "service" | "site" | "responsable" | "etat", string>>,
): Promise<string> {
  const named = async (kind: "department" | "site", id: string) =>
    (await listPlaceNames(em, kind)).find((one) => one.id === id)?.name ?? "inconnu";
  const words = [
    q && `«\u00a0${q}\u00a0»`,
    service && (service === NONE ? "sans service" : `service\u00a0: ${await named("department", service)}`),
    site && (site === NONE ? "sans site" : `site\u00a0: ${await named("site", site)}`),
    responsable &&
      (responsable === NONE
        ? "sans responsable"
        : `responsable\u00a0: ${(await staffNames(em, [responsable])).get(responsable) ?? "inconnu"}`),
    etat && (etat === "toutes" ? "fiches désactivées comprises" : "fiches désactivées"),
  ];
  return words.filter(Boolean).join(" ; ");
}
