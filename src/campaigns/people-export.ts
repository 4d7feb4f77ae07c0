import { z } from "zod";
import type { SignedIn } from "../accounts/index.ts";
import type { Mark } from "../platform/db/paging.ts";
import { Forbidden, NotFound } from "../platform/errors.ts";
import { type Cell, type ExportProfile, fileNameAfter, saidOnce } from "../platform/sheets/export.ts";
import { aboutCampaign } from "./campaign.ts";
import { PeopleAddress, peopleAsked } from "./people-filter.ts";
import { campaignFor } from "./policy.ts";
import { NONE } from "./queries/operations.ts";
import { countPeople, listPeople, type PersonLine } from "./queries/people.ts";
import { listSegments } from "./queries/segments.ts";

const BUNDLE = 1_000;

/** Every column, under heads that an import reads again (IMP-50). */
const COLUMNS: { head: string; cell(line: PersonLine): Cell }[] = [
  { head: "Matricule", cell: ({ staffNumber }) => staffNumber },
  { head: "Nom", cell: ({ familyName }) => familyName },
  { head: "Prénom", cell: ({ givenName }) => givenName },
  { head: "E-mail", cell: ({ email }) => email },
  { head: "Service", cell: ({ department }) => department },
  { head: "Site", cell: ({ site }) => site },
  { head: "Matricule du responsable", cell: ({ managerNumber }) => managerNumber },
  { head: "Segment", cell: ({ segment }) => segment },
  { head: "Opération", cell: ({ operation }) => operation?.title ?? null },
  { head: "Peut s’inscrire", cell: ({ mayBook }) => (mayBook ? "Oui" : "Non") },
];

/** The people of a campaign, to whoever may place them and take rows away (EXP-1, PRM-15, PRM-19). */
export const peopleExport: ExportProfile = {
  kind: "personnes",
  title: "Exporter les personnes concernées",
  noun: ["personne", "personnes"],
  about: (scopeId) => aboutCampaign({ id: scopeId! }),
  async open(em, { user, scopeId, query }) {
    if (!z.uuid().safeParse(scopeId).success) throw new NotFound();
    const { campaign, may, explain } = await campaignFor(em, user as SignedIn, scopeId!, "bookings.place");
    if (!may("rows.export")) throw new Forbidden(explain("rows.export"));
    const read = PeopleAddress.safeParse(saidOnce(query));
    if (!read.success) throw new NotFound("Ce filtre des personnes ne se lit plus. Revenez à la liste.");
    const filter = peopleAsked(read.data);
    const { q, segment, origine, inscription, adresse } = read.data;
    const named = segment && (await listSegments(em, campaign.id)).find(({ id }) => id === segment)?.name;
    const said = [
      q && `«\u00a0${q}\u00a0»`,
      segment && (segment === NONE ? "sans segment" : `segment\u00a0: ${named ?? "inconnu"}`),
      origine && (origine === "annuaire" ? "de l’annuaire" : "de cette campagne seule"),
      inscription && `peut s’inscrire\u00a0: ${inscription}`,
      adresse && "sans e-mail",
    ]
      .filter(Boolean)
      .join(" ; ");
    const heads = COLUMNS.map(({ head }) => head);
    return {
      place: { label: campaign.name, path: `/campagnes/${campaign.id}/personnes` },
      name: fileNameAfter("personnes", campaign.name, said),
      said,
      heads,
      wholeHeads: heads,
      count: await countPeople(em, campaign.id, filter),
      holdsPeople: true,
      async *rows() {
        let mark: Mark | null = null;
        do {
          const page = await listPeople(em, campaign.id, filter, { mark, size: BUNDLE });
          yield page.rows.map((line) => COLUMNS.map(({ cell }) => cell(line)));
          mark = page.after;
        } while (mark);
      },
    };
  },
};
