import type { SignedIn } from "../accounts/index.ts";
import { staffNames } from "../directory/index.ts";
import type { ImportConcern } from "../platform/sheets/profile.ts";
import { fr } from "../platform/text/index.ts";
import { operationsLeftBy } from "./queries/concerned.ts";

/** Operations still open that name somebody whose card an import would close, or that they are to carry out [IMP-48]. */
export const operationsOfStaff: ImportConcern = {
  kind: "annuaire",
  choice: "deactivate",
  noun: ["opération en cours les concerne", "opérations en cours les concernent"],
  async find(em, user, rows) {
    const { total, first } = await operationsLeftBy(em, user as SignedIn, rows);
    const names = await staffNames(
      em,
      first.flatMap(({ staff }) => staff),
    );
    return {
      total,
      first: first.map(({ id, title, campaign, staff }) => ({
        label: title,
        said: `${campaign}, ${fr.list(staff.flatMap((one) => names.get(one) ?? []))}`,
        href: `/operations/${id}`,
      })),
    };
  },
};
