import { randomUUIDv7 } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { addFields, createCampaign } from "../../src/campaigns/index.ts";
import { type Engine, linesOf, planOf, prepareExport } from "../../src/exports/prepare.ts";
import { newField } from "../../src/fields/index.ts";
import { modules } from "../../src/modules.ts";
import type { Database } from "../../src/platform/db/index.ts";
import { withDatabase } from "../../src/platform/db/roles.ts";
import { createRegistry } from "../../src/platform/registry.ts";
import { folderStore } from "../../src/platform/storage/folder.ts";
import { alternate, type Figure, forgetPeak, type Measure, peakRssMB, rssMB, timed } from "./measure.ts";
import { besideProduct, type Person, signInEverybody } from "./people.ts";
import { startProduct, withFolder } from "./servers.ts";

const ROWS = 100_000;
const MOST = 4;
const MOST_FIRST_MS = 300;
const MOST_GROWTH_MB = 80;
let firstMs = Number.POSITIVE_INFINITY;

/** Every column of 100,000 operations, six of them fields, prepared as a file; the floor is COPY of the same cells to one. */
export const export100k: Measure = {
  name: "export_csv_100k",
  unit: "s",
  target: `au plus ${MOST} fois le plancher, premier octet en moins de ${MOST_FIRST_MS} ms, et moins de ${MOST_GROWTH_MB} Mo de mémoire en plus`,
  holds: ({ ratio, grownMB }) =>
    ratio <= MOST && firstMs < MOST_FIRST_MS && grownMB !== undefined && grownMB < MOST_GROWTH_MB,
  run: () => withFolder(measure),
};

const FIELDS = [
  newField({ code: "cible", label: "Cible", isMandatory: true, isSearchable: true }),
  newField({ code: "utilisateur", label: "Utilisateur", isSearchable: true }),
  newField({ code: "lieu", label: "Lieu" }),
  newField({ code: "surface", label: "Surface", type: "number", rules: { decimals: 2 } }),
  newField({ code: "livre_le", label: "Livré le", type: "date" }),
  newField({ code: "urgent", label: "Urgent", type: "boolean" }),
];

async function measure(folder: string): Promise<Figure> {
  const product = await startProduct(folder);
  const { db, superUrl } = await besideProduct(folder);
  const client = new pg.Client({ connectionString: withDatabase(superUrl, "opstracker") });
  await client.connect();
  try {
    const people = await signInEverybody(product, db);
    const admin = people.find(({ roles }) => roles.includes("admin"))!;
    const campaignId = await populate(db, admin);
    await client.query("vacuum analyze operation");
    const into = path.join(folder, "exports");
    await mkdir(into);
    const profiles = createRegistry(modules).exports;
    const engine: Engine = {
      db,
      files: { store: folderStore(into, { floor: 1 }) },
      profiles,
      clock: { now: () => new Date() },
    };
    const floorFile = path.join(into, "copy.csv");
    const floor = () => timed(() => pipeline(client.query(copyTo(copyText(campaignId))), createWriteStream(floorFile)));
    let before = 0;
    const times = await alternate(
      async () => {
        const id = await ask(db, admin, campaignId);
        return timed(() => prepareExport(engine, { tenantId: admin.tenantId, id }));
      },
      floor,
      {
        warm: async () => {
          await prepareExport(engine, { tenantId: admin.tenantId, id: await ask(db, admin, campaignId) });
          await floor();
          before = rssMB(process.pid);
          forgetPeak(process.pid);
        },
      },
    );
    firstMs = await first(db, engine, admin, campaignId);
    console.error(`  premier octet : ${Math.round(firstMs)} ms ; plancher : ${(await stat(floorFile)).size} octets`);
    const peak = peakRssMB(process.pid);
    return { ...times, peakRssMB: peak, grownMB: peak - before };
  } finally {
    await client.end();
    await db.close();
    await product.stop();
  }
}

async function populate(db: Database, { tenantId, id }: Person): Promise<string> {
  const said = { tenantId, actorId: id, channel: "page" as const, now: new Date() };
  const by = { id };
  const campaign = await db.act({ ...said, code: "campaign.created", label: "Campagne de mesure" }, async (em) => {
    const outline = { name: "Export de mesure", description: "", startsOn: "2026-11-02", endsOn: "2027-02-26" };
    const made = await createCampaign(em, outline, { tenantId, by });
    await addFields(em, made, FIELDS, { by });
    return made;
  });
  await db.act({ ...said, code: "operation.added", label: "Cent mille opérations" }, (em) =>
    em.execute(
      `insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at, technician_id)
       select ?, uuidv7(), ?, 'PC-' || n, jsonb_build_object('cible', 'PC-' || n, 'utilisateur', 'Élise Gaëtan ' || n,
           'lieu', 'Bâtiment ' || n % 7 || ', étage ' || n % 5, 'surface', n / 7.0, 'livre_le', (date '2026-01-01' + n % 300)::text, 'urgent', n % 2 = 0),
         'pc-' || n, 'scheduled', 'planned', timestamptz '2026-11-02 08:00+01' + n % 90 * interval '1 day 15 minutes', ?
       from generate_series(1, ${ROWS}) n`,
      [tenantId, campaign.id, id],
    ),
  );
  return campaign.id;
}

/** As its page does, without the act: the file is what is measured. */
async function ask(db: Database, { tenantId, id: authorId }: Person, scopeId: string): Promise<string> {
  const id = randomUUIDv7();
  await db.note(tenantId, (em) =>
    em.execute(
      `insert into export (tenant_id, id, kind, scope_id, query, is_whole, author_id, state, file_name, total, expires_at)
       values (?, ?, 'operations', ?, '{}', true, ?, 'running', 'mesure.csv', ${ROWS}, now() + interval '1 day')`,
      [tenantId, id, scopeId, authorId],
    ),
  );
  return id;
}

/** Until the first rows are there, the heads being no news. */
async function first(db: Database, { profiles }: Engine, { tenantId, id, roles }: Person, scopeId: string) {
  const asked = { user: { id, roles }, scopeId, query: {}, isWhole: true, zone: "Europe/Paris", now: new Date() };
  const began = performance.now();
  return db.read(tenantId, async (em) => {
    let bundles = 0;
    for await (const _text of linesOf(await planOf(profiles, em, "operations", asked))) {
      if (++bundles === 2) break;
    }
    return performance.now() - began;
  });
}

/** The same cells in the same order, by COPY alone. */
const copyText = (campaignId: string) => {
  const moment = (column: string, form: string) => `to_char(${column} at time zone 'Europe/Paris', '${form}')`;
  const columns = [
    "o.title",
    ...["utilisateur", "lieu", "surface", "livre_le", "urgent"].map((code) => `o."values" ->> '${code}'`),
    "s.name, o.status, o.category, u.given_name || ' ' || u.family_name",
    moment("o.planned_at", "DD/MM/YYYY"),
    moment("o.planned_at", "HH24:MI"),
    moment("o.first_planned_at", "DD/MM/YYYY"),
    "o.postpone_count, o.reason",
    moment("o.started_at", "DD/MM/YYYY HH24:MI"),
    moment("o.completed_at", "DD/MM/YYYY HH24:MI"),
    "o.completed_by_id, o.minutes, o.capacity, o.notes",
  ];
  return `copy (select ${columns.join(", ")} from operation o left join segment s on s.tenant_id = o.tenant_id and s.id = o.segment_id
    left join app_user u on u.tenant_id = o.tenant_id and u.id = o.technician_id
    where o.campaign_id = '${campaignId}' and o.trashed_at is null order by o.planned_at, o.title, o.id) to stdout with (format csv, delimiter ';', header)`;
};
