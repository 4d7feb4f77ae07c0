import { Migration } from "@mikro-orm/migrations";

/** The same visitor, with the pictures each page shows of them and of their organisation, once they may be shown. */
export class Migration20261121001291_visitor_pictures extends Migration {
  override up(): void {
    this.addSql(`
      drop function lookup.visitor(bytea);
      create function lookup.visitor(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz,
        last_seen_at timestamptz, expires_at timestamptz, stale boolean, email text, given_name text, family_name text,
        roles text[], theme text, density text, shortcuts boolean, live boolean, silenced text[], unread int, picture uuid,
        tenant_name text, tenant_kind text, zone text, accent text, logo uuid, password_preset text, demo boolean,
        second_factor boolean, second_factor_roles text[]
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name, u.roles, u.theme,
          u.density, u.shortcuts, u.live, u.silenced,
          (select count(*)::int from (
            select from notification n where n.tenant_id = s.tenant_id and n.user_id = s.user_id and n.read_at is null limit 100) n),
          case when u.picture_id is not null then (
            select p.id from file p where p.tenant_id = u.tenant_id and p.id = u.picture_id and p.state = 'clean') end,
          t.name, t.kind, t.zone, t.accent,
          case when t.logo_id is not null then (
            select l.id from file l where l.tenant_id = t.tenant_id and l.id = t.logo_id and l.state = 'clean') end,
          t.password_preset, t.demo, f.id is not null, t.second_factor_roles
        from session s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id
        join tenant t on t.tenant_id = s.tenant_id and t.id = s.tenant_id
        left join second_factor f on f.tenant_id = s.tenant_id and f.id = s.user_id
        where s.token_hash = hash and u.deactivated_at is null and s.expires_at > app_now()
          and (s.stay or s.last_seen_at > app_now() - interval '8 hours') $$;
      alter function lookup.visitor(bytea) owner to lookup;
      revoke all on function lookup.visitor(bytea) from public;
      grant execute on function lookup.visitor(bytea) to opstracker_app;
    `);
  }
}
