/** A table as wide as that of operations, with the same indexes, in a database of its own: what floors write to. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { withDatabase } from "../../../src/platform/db/roles.ts";

export const FLOOR_TENANT = randomUUID();

export async function floorOperations(superUrl: string, database: string, rows: number): Promise<string> {
  const server = new pg.Client({ connectionString: superUrl });
  await server.connect();
  await server.query(`create database ${database}`);
  await server.end();
  const url = withDatabase(superUrl, database);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    create extension if not exists pg_trgm;
    create table operation (tenant_id uuid, id uuid, campaign_id uuid not null, title text not null, "values" jsonb not null default '{}',
      search text not null default '', status text not null, category text not null, segment_id uuid, is_segment_set_by_hand boolean not null default false,
      technician_id uuid, planned_at timestamptz, first_planned_at timestamptz, postpone_count int not null default 0, reason text,
      started_at timestamptz, completed_at timestamptz, completed_by_id uuid, capacity int not null default 1, minutes int, notes text not null default '',
      is_missing boolean not null default false, trashed_at timestamptz, created_at timestamptz not null default now(), version int not null default 1,
      primary key (tenant_id, id));
    create index on operation (tenant_id, campaign_id, planned_at, title, id) where trashed_at is null;
    create index on operation (tenant_id, campaign_id, status, segment_id) where trashed_at is null and status is not null;
    create index on operation (tenant_id, campaign_id, planned_at) where trashed_at is null and planned_at is not null and category not in ('success', 'cancelled');
    create index on operation (tenant_id, trashed_at) where trashed_at is not null;
    create index on operation (tenant_id, technician_id, planned_at) where technician_id is not null and trashed_at is null;
    create index on operation using gin ("values" jsonb_path_ops);
    create index on operation using gin (search gin_trgm_ops);
    create table trace (id uuid primary key, operation_id uuid not null, at timestamptz not null, status text not null);
    insert into operation (tenant_id, id, campaign_id, title, "values", search, status, category, planned_at)
    select '${FLOOR_TENANT}', uuidv7(), '${randomUUID()}', ${OPERATION_ROW} from generate_series(1, ${rows}) n`);
  await client.query("vacuum analyze");
  await client.end();
  return url;
}

/** SQL over `n`: title, values, search, status, category and date of one operation among many. */
export const OPERATION_ROW = `'PC-' || lpad(n::text, 5, '0'), jsonb_build_object('cible', 'PC-' || lpad(n::text, 5, '0'), 'bureau', 'B' || n % 400, 'service', 'Direction des systèmes'),
  'pc-' || lpad(n::text, 5, '0') || ' b' || n % 400 || ' direction des systemes', 'scheduled', 'planned', timestamptz '2026-12-01 09:00+01' + (n % 40) * interval '1 day'`;
