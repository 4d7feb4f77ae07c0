import { Migration } from "@mikro-orm/migrations";

/** What must be read before the tenant is known (rulings 3); the list with its reasons is src/platform/db/lookups.ts. */
export class Migration20261121000400_lookups extends Migration {
  override up(): void {
    this.addSql(`
      create schema lookup;
      grant usage, create on schema lookup to lookup;
      grant usage on schema lookup to opstracker_app;

      create function lookup.session(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz, last_seen_at timestamptz,
        expires_at timestamptz, stale boolean, email text, given_name text, family_name text, roles text[], theme text, density text, shortcuts boolean,
        tenant_name text, tenant_kind text, zone text, accent text, password_preset text, demo boolean
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name, u.roles, u.theme, u.density, u.shortcuts,
          t.name, t.kind, t.zone, t.accent, t.password_preset, t.demo
        from session s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id
        join tenant t on t.tenant_id = s.tenant_id and t.id = s.tenant_id
        where s.token_hash = hash and u.deactivated_at is null and s.expires_at > app_now()
          and (s.stay or s.last_seen_at > app_now() - interval '8 hours') $$;

      create function lookup.accounts(address text) returns table (
        tenant_id uuid, tenant_name text, tenant_kind text, user_id uuid, given_name text, family_name text, roles text[], password_hash text, locked boolean, demo boolean
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select u.tenant_id, t.name, t.kind, u.id, u.given_name, u.family_name, u.roles, c.password_hash, coalesce(g.locked_until > app_now(), false), t.demo
        from app_user u
        join tenant t on t.tenant_id = u.tenant_id and t.id = u.tenant_id
        left join credential c on c.tenant_id = u.tenant_id and c.id = u.id
        left join sign_in_guard g on g.tenant_id = u.tenant_id and g.id = u.id
        where u.email = address and u.deactivated_at is null order by t.name $$;

      create function lookup.access_link(hash bytea) returns table (
        tenant_id uuid, id uuid, user_id uuid, purpose text, expires_at timestamptz, open boolean
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select l.tenant_id, l.id, l.user_id, l.purpose, l.expires_at, l.used_at is null and l.revoked_at is null and l.expires_at > app_now()
        from access_link l where l.token_hash = hash $$;

      create function lookup.tenants() returns table (id uuid, name text, kind text, zone text, demo boolean)
      language sql stable security definer set search_path = public, pg_temp as $$
        select id, name, kind, zone, demo from tenant order by id $$;

      create function lookup.personas() returns table (tenant_id uuid, tenant_name text, user_id uuid, given_name text, family_name text, email text, roles text[])
      language sql stable security definer set search_path = public, pg_temp as $$
        select u.tenant_id, t.name, u.id, u.given_name, u.family_name, u.email, u.roles
        from app_user u join tenant t on t.tenant_id = u.tenant_id and t.id = u.tenant_id
        join credential c on c.tenant_id = u.tenant_id and c.id = u.id
        where t.demo and u.deactivated_at is null order by t.created_at, u.id $$;

      create function lookup.has_super_admin() returns boolean
      language sql stable security definer set search_path = public, pg_temp as $$
        select exists (select from app_user where 'super_admin' = any (roles) and deactivated_at is null) $$;

      create function lookup.unsealed() returns table (tenant_id uuid)
      language sql stable security definer set search_path = public, pg_temp as $$
        select distinct tenant_id from unsealed $$;

      -- Rates are counted apart from any tenant: the address is all that is known. Unlogged: a crash may forget a minute.
      create unlogged table rate_hit (bucket text not null, started_at timestamptz not null, hits int not null, primary key (bucket, started_at));
      grant select, insert, update, delete on rate_hit to lookup;
      create function lookup.hit(name text, window_seconds int) returns int
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare
        start timestamptz := to_timestamp(floor(extract(epoch from app_now()) / window_seconds) * window_seconds);
        total int;
      begin
        insert into rate_hit values (name, start, 1)
          on conflict (bucket, started_at) do update set hits = rate_hit.hits + 1 returning hits into total;
        if total = 1 then delete from rate_hit where bucket = name and started_at < start; end if;
        return total;
      end $$;

      alter function lookup.session(bytea) owner to lookup;
      alter function lookup.accounts(text) owner to lookup;
      alter function lookup.access_link(bytea) owner to lookup;
      alter function lookup.tenants() owner to lookup;
      alter function lookup.personas() owner to lookup;
      alter function lookup.has_super_admin() owner to lookup;
      alter function lookup.unsealed() owner to lookup;
      alter function lookup.hit(text, int) owner to lookup;
      revoke all on all functions in schema lookup from public;
      grant execute on all functions in schema lookup to opstracker_app;
    `);
  }
}
