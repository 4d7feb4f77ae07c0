import { Migration } from "@mikro-orm/migrations";

/** How many messages stand in each state over the whole instance: figures for machines, nobody's name. */
export class Migration20261121001232_outbox_states extends Migration {
  override up(): void {
    this.addSql(`
      create function lookup.outbox_states() returns table (state text, count int)
      language sql stable security definer set search_path = public, pg_temp as $$
        select state, count(*)::int from outbox group by state $$;
      alter function lookup.outbox_states() owner to lookup;
      revoke all on function lookup.outbox_states() from public;
      grant execute on function lookup.outbox_states() to opstracker_app;
    `);
  }
}
