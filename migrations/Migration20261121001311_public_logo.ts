import { Migration } from "@mikro-orm/migrations";

/** The logo the sign-in page may show before anybody is known: that of the only organisation, else the instance's own. */
export class Migration20261121001311_public_logo extends Migration {
  override up(): void {
    this.addSql(`
      create function lookup.public_logo() returns table (tenant_id uuid, id uuid, name text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select t.tenant_id, f.id, t.name from tenant t
        join file f on f.tenant_id = t.tenant_id and f.id = t.logo_id and f.state = 'clean'
        where t.kind = 'instance' or not exists (
          select from tenant o where o.kind = 'organisation' and o.id <> t.id)
        order by t.kind = 'instance' limit 1 $$;
      alter function lookup.public_logo() owner to lookup;
      revoke all on function lookup.public_logo() from public;
      grant execute on function lookup.public_logo() to opstracker_app;
    `);
  }
}
