import { z } from "zod";
import { NONE } from "./queries/operations.ts";
import type { PeopleFilter } from "./queries/people.ts";

/** What the address of the people of a campaign says: read here for the page and for an export of it (ELG-4). */

export const PeopleAddress = z.object({
  q: z.string().max(200).optional(),
  segment: z.union([z.uuid(), z.literal(NONE)]).optional(),
  origine: z.enum(["annuaire", "campagne"]).optional(),
  inscription: z.enum(["oui", "non"]).optional(),
  adresse: z.enum(["sans"]).optional(),
  page: z.string().max(600).optional(),
});

/** The filter an address says. */
export const peopleAsked = ({
  q,
  segment,
  origine,
  inscription,
  adresse,
}: z.output<typeof PeopleAddress>): PeopleFilter => ({
  q,
  segment,
  from: origine === "annuaire" ? "directory" : origine && "campaign",
  mayBook: inscription && inscription === "oui",
  isUnreachable: adresse !== undefined,
});
