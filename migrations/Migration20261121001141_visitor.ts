import { Migration } from "@mikro-orm/migrations";

/**
 * Who visits, in columns and by one plan: it is asked at every request, where building and reading a JSON document
 * costs a third more.
 */
export class Migration20261121001141_visitor extends Migration {
  override up(): void {
    this.addSql(`
      create function lookup.visitor(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz,
        last_seen_at timestamptz, expires_at timestamptz, stale boolean, email text, given_name text, family_name text,
        roles text[], theme text, density text, shortcuts boolean, live boolean, tenant_name text, tenant_kind text,
        zone text, accent text, password_preset text, demo boolean
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name, u.roles, u.theme,
          u.density, u.shortcuts, u.live, t.name, t.kind, t.zone, t.accent, t.password_preset, t.demo
        from session s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id
        join tenant t on t.tenant_id = s.tenant_id and t.id = s.tenant_id
        where s.token_hash = hash and u.deactivated_at is null and s.expires_at > app_now()
          and (s.stay or s.last_seen_at > app_now() - interval '8 hours') $$;

      alter function lookup.visitor(bytea) owner to lookup;
      revoke all on function lookup.visitor(bytea) from public;
      grant execute on function lookup.visitor(bytea) to opstracker_app;

      drop function lookup.visit(bytea);
    `);
  }
}
