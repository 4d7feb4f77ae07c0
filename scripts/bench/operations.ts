/** A campaign of many operations, which everybody may change. */
import type { EntityManager } from "@mikro-orm/postgresql";
import { addFields, type Campaign, createCampaign } from "../../src/campaigns/index.ts";
import { newField } from "../../src/fields/index.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { OPERATION_ROW } from "./floors/operations.ts";
import type { Person } from "./people.ts";

const FIELDS = [
  newField({ code: "cible", label: "Cible", isMandatory: true, isSearchable: true }),
  newField({ code: "bureau", label: "Bureau", isSearchable: true }),
  newField({ code: "service", label: "Service", isSearchable: true }),
];

export async function bigCampaign(db: Database, admin: Person, rows: number, people: Person[] = []): Promise<string> {
  const { tenantId, id } = admin;
  const said = { tenantId, actorId: id, channel: "page" as const, now: new Date(), code: "campaign.created" };
  const add = async (em: EntityManager): Promise<Campaign> => {
    const days = { startsOn: "2026-11-02", endsOn: "2027-06-30" };
    const by = { tenantId, by: { id } };
    const made = await createCampaign(em, { name: "Mesure", description: "", ...days }, by);
    await em.flush();
    await addFields(em, made, FIELDS, { by: { id } });
    return made;
  };
  const campaign = await db.act({ ...said, label: "Campagne de mesure" }, add);
  await db.act({ ...said, label: "Ses opérations" }, async (em) => {
    await em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at)
       select ?, uuidv7(), ?, ${OPERATION_ROW} from generate_series(1, ${rows}) n`,
      [tenantId, campaign.id],
    );
    for (const person of people.filter((one) => one.id !== id)) {
      await em.execute(
        "insert into campaign_grant (tenant_id, id, campaign_id, user_id, letters) values (?, uuidv7(), ?, ?, '{see,configure}')",
        [tenantId, campaign.id, person.id],
      );
    }
  });
  return campaign.id;
}
