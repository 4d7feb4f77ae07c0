import { Migration } from "@mikro-orm/migrations";

/** An organisation put on hold by those who run the instance, and known as such to what loops over tenants. */
export class Migration20261121001202_suspension extends Migration {
  override up(): void {
    this.addSql(`
      alter table "tenant" add column "suspended_at" timestamptz null, add column "suspension_reason" text null;

      drop function lookup.tenants();
      create function lookup.tenants() returns table (id uuid, name text, kind text, zone text, demo boolean, suspended boolean)
      language sql stable security definer set search_path = public, pg_temp as $$
        select id, name, kind, zone, demo, suspended_at is not null from tenant order by id $$;
      alter function lookup.tenants() owner to lookup;
      revoke all on function lookup.tenants() from public;
      grant execute on function lookup.tenants() to opstracker_app;
    `);
  }
}
