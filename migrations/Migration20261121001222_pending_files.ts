import { Migration } from "@mikro-orm/migrations";

/** Which files wait for the scanner (DOC-4). */
export class Migration20261121001222_pending_files extends Migration {
  override up(): void {
    this.addSql(`
      -- Files a scanner has yet to look at, of all organisations, by id alone (DOC-4).
      create function lookup.pending_files() returns table (tenant_id uuid, id uuid)
      language sql stable security definer set search_path = public, pg_temp as $$
        select tenant_id, id from file where state = 'pending' order by id $$;
      alter function lookup.pending_files() owner to lookup;
      revoke all on function lookup.pending_files() from public;
      grant execute on function lookup.pending_files() to opstracker_app;
    `);
  }
}
