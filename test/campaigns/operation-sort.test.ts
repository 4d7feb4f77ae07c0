import assert from "node:assert/strict";
import { test } from "node:test";
import { Campaign } from "../../src/campaigns/campaign.ts";
import { addFields } from "../../src/campaigns/field.ts";
import { orderOf } from "../../src/campaigns/operation-column.ts";
import { planFor } from "../../src/campaigns/plan.ts";
import { listOperations, operationsWhere } from "../../src/campaigns/queries/operations.ts";
import { createStaffMembers, StaffMember } from "../../src/directory/index.ts";
import { type FieldType, newField } from "../../src/fields/index.ts";
import type { Mark } from "../../src/platform/db/paging.ts";
import { idIn, isAt, makeCampaign } from "../support/campaigns.ts";
import { startWorld } from "../support/world.ts";

/** A list sorted by each of its columns, whatever another type left in its values (OPS-7). */

const world = await startWorld();
const sophie = await world.as("sophie");
const { tenantId } = sophie;
const said = { tenantId, actorId: sophie.id, channel: "page", code: "essai", label: "Essai" } as const;
const act = <T>(verb: Parameters<typeof world.db.act<T>>[1]) => world.db.act({ ...said, now: world.clock.now() }, verb);
const idOf = async (who: string) => (await world.userOf(who)).id;

await act((em) =>
  createStaffMembers(
    em,
    [
      ["ZZ-1", "Zoé", "Abel"],
      ["ZZ-2", "Anne", "Zola"],
    ].map(([staffNumber, givenName, familyName]) => ({
      staffNumber: staffNumber!,
      givenName: givenName!,
      familyName: familyName!,
      email: "",
      department: null,
      site: null,
      position: "",
      contractType: "",
      phone: "",
      manager: "",
    })),
    { tenantId, by: { id: sophie.id } } as never,
  ),
);
const staff = async (staffNumber: string) =>
  (await world.db.read(tenantId, (em) => em.findOneOrFail(StaffMember, { staffNumber }))).id;
// By name Abel comes first; by id, the other way round or not: both ways are asked below.
const [abel, zola] = [await staff("ZZ-1"), await staff("ZZ-2")];

/** Values from the least to the greatest, then those that another type has left, where such a type reads nothing of them. */
const SORTED: Record<Exclude<FieldType, "attachment">, { values: unknown[]; alien?: unknown }> = {
  short_text: { values: ["Abeille", "école", "Zoo"] },
  long_text: { values: ["Abeille", "école", "Zoo"] },
  number: { values: [-2, 9, 10.5, 100], alien: "environ 12" },
  date: { values: ["1999-12-31", "2026-03-12", "2026-11-02"] },
  datetime: { values: ["2026-03-12T08:30:00.000Z", "2026-03-12T14:30:00.000Z"] },
  boolean: { values: [false, true] },
  single_choice: { values: ["petit", "moyen", "grand"], alien: "disparu" },
  multiple_choice: { values: [["petit"], ["moyen", "petit"], ["moyen"], ["grand"]], alien: "petit" },
  email: { values: ["a@exemple.fr", "b@exemple.fr"] },
  phone: { values: ["+33102030405", "+33602030405"] },
  url: { values: ["https://a.exemple.fr", "https://b.exemple.fr"] },
  person: { values: [abel, zola], alien: "Abel" },
};
const options = ["petit", "moyen", "grand"].map((code) => ({ code, label: `Taille ${code}`, isRetired: false }));

const at = await makeCampaign(sophie);
const campaignId = idIn(at);
await act(async (em) => {
  const fields = Object.keys(SORTED).map((type) =>
    newField({
      code: type,
      label: type,
      type: type as FieldType,
      rules: type.endsWith("_choice") ? { options } : {},
    }),
  );
  await addFields(em, await em.findOneOrFail(Campaign, { id: campaignId }), fields, { by: { id: sophie.id } });
});

/** An operation for each of these, in an order that is not theirs, under titles that say their rank. */
async function fill(
  rows: { values?: object; status?: string; technician?: string; segment?: string; reason?: string }[],
) {
  await act(async (em) => {
    await em.execute("update operation set trashed_at = ? where campaign_id = ? and trashed_at is null", [
      world.clock.now(),
      campaignId,
    ]);
    for (const [rank, { values = {}, status = "to_schedule", technician, segment, reason }] of [
      ...rows.entries(),
    ].reverse()) {
      await em.execute(
        `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, technician_id, segment_id, reason)
         values (?, uuidv7(), ?, ?, ?::jsonb, '', ?, 'open', ?, ?, ?)`,
        [
          tenantId,
          campaignId,
          `PC-${9 - rank}`,
          JSON.stringify(values),
          status,
          technician ?? null,
          segment ?? null,
          reason ?? null,
        ],
      );
    }
  });
}

/** The titles of a list sorted by a column, page after page, then all the way back. */
const titles = (tri: string, isDescending: boolean) =>
  world.db.read(tenantId, async (em) => {
    const campaign = await em.findOneOrFail(Campaign, { id: campaignId });
    const plan = await planFor(em, campaign, "Europe/Paris");
    const { order } = orderOf({ tri, ...(isDescending && { sens: "decroissant" }) }, plan);
    const where = operationsWhere(campaignId, {}, { zone: plan.zone });
    const page = (mark: Mark | null) => listOperations(em, where, { order, mark, size: 2, within: campaignId });
    const forth: string[] = [];
    let [mark, last]: (Mark | null)[] = [null, null];
    do {
      const { rows, before, after } = await page(mark!);
      forth.push(...rows.map(({ title }) => title));
      [mark, last] = [after, before];
    } while (mark);
    const back: string[] = [];
    for (let from: Mark | null = last!; from; ) {
      const { rows, before } = await page(from);
      back.unshift(...rows.map(({ title }) => title));
      from = before;
    }
    assert.deepEqual(back, forth.slice(0, back.length), `${tri}, au retour`);
    return forth;
  });

async function sorts(tri: string, filled: number, empty: number) {
  const ranked = Array.from({ length: filled + empty }, (_, rank) => `PC-${9 - rank}`);
  const empties = ranked.slice(filled).toSorted();
  assert.deepEqual(await titles(tri, false), [...ranked.slice(0, filled), ...empties], tri);
  assert.deepEqual(await titles(tri, true), [...ranked.slice(0, filled).toReversed(), ...empties], tri);
  for (const sens of ["croissant", "decroissant"]) {
    assert.equal((await sophie.get(`${at}/operations?tri=${tri}&sens=${sens}`)).status, 200, tri);
  }
}

for (const [type, { values, alien }] of Object.entries(SORTED)) {
  test(`OPS-7 : la liste se trie par un champ ${type}, les vides en dernier, et ce qu’un autre type a laissé n’arrête rien`, async () => {
    const rows = values.map((value) => ({ values: { [type]: value } }));
    await fill([...rows, ...(alien === undefined ? [] : [{ values: { [type]: alien } }]), {}]);
    await sorts(`c.${type}`, values.length, alien === undefined ? 1 : 2);
  });
}

test("OPS-7 : la liste se trie par statut dans l’ordre du flux, par segment, par nom de technicien et par motif", async () => {
  await fill(["to_schedule", "scheduled", "in_progress", "done"].map((status) => ({ status })));
  await sorts("statut", 4, 0);

  const segments: string[] = [];
  for (const name of ["Atrium", "École", "Zone 3"]) {
    await sophie.get(`${at}/segments`);
    isAt(await sophie.post(`${at}/segments`, { name }));
    const [made] = await world.db.read(tenantId, (em) =>
      em.execute<{ id: string }[]>("select id from segment where campaign_id = ? and name = ?", [campaignId, name]),
    );
    segments.push(made!.id);
  }
  await fill([...segments.map((segment) => ({ segment })), {}]);
  await sorts("segment", 3, 1);

  // Karim Daoudi, Yann Le Goff.
  await fill([{ technician: await idOf("karim") }, { technician: await idOf("yann") }, {}]);
  await sorts("technicien", 2, 1);

  await fill([{ reason: "Absent" }, { reason: "Écran cassé" }, { reason: "Plan" }, { reason: "" }, {}]);
  await sorts("motif", 3, 2);
});
