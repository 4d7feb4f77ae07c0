/** A campaign of many operations, as long work and imports leave it, and somebody who reads its list. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { addFields } from "../../src/campaigns/field.ts";
import { createCampaign } from "../../src/campaigns/index.ts";
import { newField } from "../../src/fields/index.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import type { Person } from "./people.ts";

const OPTIONS = ["leger", "lourd", "fixe", "mobile"].map((code) => ({ code, label: code, isRetired: false }));

/** Statuses as they are halfway: most done, some planned, few elsewhere. */
const FILL = `
  insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at, segment_id, technician_id)
  select $1, uuidv7(), $2, 'PC-' || lpad(n::text, 6, '0'),
    jsonb_build_object('modele', (array['leger', 'lourd', 'fixe', 'mobile'])[n % 4 + 1], 'bureau', 'B' || n % 900, 'poids', n % 50,
      'personne', 'Personne ' || n % 5000),
    'pc-' || lpad(n::text, 6, '0'), (array['scheduled', 'done', 'to_schedule', 'blocked', 'done'])[n % 5 + 1],
    (array['planned', 'success', 'open', 'problem', 'success'])[n % 5 + 1],
    case when n % 5 <> 2 then timestamptz '2026-11-02 08:00+01' + (n * 7919 % 86400) * interval '1 minute' end,
    ($3::uuid[])[n % 3 + 1], $4
  from generate_series(1, $5::int) n`;

export interface Filled {
  /** Where the list is, filtered by a status and a field, sorted by date. */
  address: string;
  tenantId: string;
  campaignId: string;
}

/** So many operations in each of so many campaigns; the addresses of their lists. */
export async function fillCampaigns(
  db: Database,
  superUrl: string,
  { people, campaigns, each }: { people: Person[]; campaigns: number; each: number },
): Promise<Filled[]> {
  const owner = people.find(({ roles }) => roles.includes("campaign_manager"))!;
  const technician = people.find(({ roles }) => roles.includes("technician"))!;
  const { tenantId, id } = owner;
  const root = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  await root.connect();
  try {
    await root.query("set session_replication_role = replica");
    const filled: Filled[] = [];
    for (let n = 0; n < campaigns; n++) {
      const said = { code: "campaign.created", label: `Campagne ${n}`, channel: "page" as const, now: new Date() };
      const campaignId = await db.act({ tenantId, actorId: id, ...said }, async (em) => {
        const outline = {
          name: `Mesure ${randomUUID()}`,
          description: "",
          startsOn: "2026-11-02",
          endsOn: "2027-02-26",
        };
        const campaign = await createCampaign(em, outline, { tenantId, by: { id } });
        const fields = [
          newField({ code: "cible", label: "Cible", isMandatory: true }),
          newField({ code: "modele", label: "Modèle", type: "single_choice", rules: { options: OPTIONS } }),
          newField({ code: "bureau", label: "Bureau" }),
          newField({ code: "poids", label: "Poids", type: "number" }),
          newField({ code: "personne", label: "Personne" }),
        ];
        await addFields(em, campaign, fields, { by: { id } });
        return campaign.id;
      });
      const segments = ["A", "B", "C"].map(() => randomUUID());
      for (const [i, segment] of segments.entries()) {
        await root.query(
          "insert into segment (tenant_id, id, campaign_id, name, position) values ($1, $2, $3, $4, $5)",
          [...[tenantId, segment, campaignId, `Bâtiment ${"ABC"[i]}`, i + 1]],
        );
      }
      await root.query(FILL, [tenantId, campaignId, segments, technician.id, each]);
      const query = "statut=scheduled&f.modele=any&v.modele=leger";
      filled.push({ address: `/campagnes/${campaignId}/operations?${query}`, tenantId, campaignId });
    }
    await root.query("vacuum analyze"); // as PostgreSQL does by itself, minutes later
    return filled;
  } finally {
    await root.end();
  }
}
