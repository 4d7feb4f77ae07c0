import { Migration } from "@mikro-orm/migrations";

/** Whether pages follow by themselves, read with the session; and which sessions are still open, for streams (LIV-5, LIV-6). */
export class Migration20261121001131_live extends Migration {
  override up(): void {
    this.addSql(`
      alter table "app_user" add column "live" boolean not null default true;

      -- Around lookup.session rather than in it: what a page shows of its reader grows apart from what a session is.
      create function lookup.visit(hash bytea) returns table (session jsonb, live boolean)
      language sql stable security definer set search_path = public, pg_temp as $$
        select to_jsonb(s), u.live from lookup.session(hash) s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id $$;

      create function lookup.open_sessions(hashes bytea[]) returns table (token_hash bytea, tenant_id uuid, user_id uuid, roles text[])
      language sql stable security definer set search_path = public, pg_temp as $$
        select h, s.tenant_id, s.user_id, s.roles from unnest(hashes) h cross join lateral lookup.session(h) s $$;

      alter function lookup.visit(bytea) owner to lookup;
      alter function lookup.open_sessions(bytea[]) owner to lookup;
      revoke all on function lookup.visit(bytea), lookup.open_sessions(bytea[]) from public;
      grant execute on function lookup.visit(bytea), lookup.open_sessions(bytea[]) to opstracker_app;
    `);
  }
}
