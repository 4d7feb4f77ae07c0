import { Migration } from "@mikro-orm/migrations";

/** How the history of the whole instance is, in figures without content, for those who run it (INS-4). */
export class Migration20261121001151_history_health extends Migration {
  override up(): void {
    this.addSql(`
      create policy "lookup_reads" on "verification" for select to "lookup" using (true);
      grant select on verification to lookup;

      create function lookup.history_health() returns table (waiting int, waiting_since timestamptz, verified_at timestamptz, broken int)
      language sql stable security definer set search_path = public, pg_temp as $$
        select
          (select count(*)::int from unsealed),
          -- The identifier of a changeset holds the instant it was made.
          (select min(uuid_extract_timestamp(id)) from unsealed),
          (select max(finished_at) from verification),
          (select count(*)::int from (
            select distinct on (tenant_id) broken_reason from verification where finished_at is not null order by tenant_id, finished_at desc
          ) last where broken_reason is not null) $$;

      alter function lookup.history_health() owner to lookup;
      revoke all on function lookup.history_health() from public;
      grant execute on function lookup.history_health() to opstracker_app;
    `);
  }
}
