import { Migration } from "@mikro-orm/migrations";

/** The door an organisation opens to those who run the instance, for a day at most (ROL-2). */
export class Migration20261121001300_support_access extends Migration {
  override up(): void {
    this.addSql(`
      create table "support_access" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "reason" text not null,
        "expires_at" timestamptz not null,
        "closed_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "support_access_tenant_id_expires_at_index" on "support_access" ("tenant_id", "expires_at");
      alter table "support_access" add constraint "support_access_one_day" check (expires_at <= (created_at + '24:00:00'::interval));
      alter table "support_access" add constraint "support_access_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "support_access" enable row level security;
      alter table "support_access" force row level security;
      create policy "tenant_isolation" on "support_access" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "support_access" for select to "lookup" using (true);
      grant select, insert, update on support_access to opstracker_app;
      grant select (tenant_id, closed_at, expires_at) on support_access to lookup;

      alter table "app_user" add column "support_of" uuid null;
      alter table "app_user" add constraint "app_user_tenant_id_support_of_unique" unique ("tenant_id", "support_of");

      -- Whether the support account of this super-admin may be used at this instant: the door is open, and they still run the instance.
      create function lookup.may_visit(organisation uuid, visitor uuid) returns boolean
      language sql stable set search_path = public, pg_temp as $$
        select exists (select from support_access a where a.tenant_id = organisation and a.closed_at is null and a.expires_at > app_now())
          and exists (
            select from app_user v where v.tenant_id = '00000000-0000-7000-8000-000000000001' and v.id = visitor
              and v.deactivated_at is null and 'super_admin' = any (v.roles)) $$;

      drop function lookup.visitor(bytea), lookup.open_sessions(bytea[]), lookup.accounts(text);
      create function lookup.visitor(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz,
        last_seen_at timestamptz, expires_at timestamptz, stale boolean, email text, given_name text, family_name text,
        roles text[], theme text, density text, shortcuts boolean, live boolean, silenced text[], unread int, picture uuid,
        tenant_name text, tenant_kind text, zone text, accent text, logo uuid, password_preset text, demo boolean,
        second_factor boolean, second_factor_roles text[], support_of uuid, support_factor boolean, support_until timestamptz
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name,
          case when u.support_of is null then u.roles else array['admin'] end, u.theme,
          u.density, u.shortcuts, u.live, u.silenced,
          (select count(*)::int from (
            select from notification n where n.tenant_id = s.tenant_id and n.user_id = s.user_id and n.read_at is null limit 100) n),
          case when u.picture_id is not null then (
            select p.id from file p where p.tenant_id = u.tenant_id and p.id = u.picture_id and p.state = 'clean') end,
          t.name, t.kind, t.zone, t.accent,
          case when t.logo_id is not null then (
            select l.id from file l where l.tenant_id = t.tenant_id and l.id = t.logo_id and l.state = 'clean') end,
          t.password_preset, t.demo, f.id is not null, t.second_factor_roles, u.support_of,
          u.support_of is not null and exists (
            select from second_factor v where v.tenant_id = '00000000-0000-7000-8000-000000000001' and v.id = u.support_of),
          (select max(a.expires_at) from support_access a
            where a.tenant_id = s.tenant_id and a.closed_at is null and a.expires_at > app_now())
        from session s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id
        join tenant t on t.tenant_id = s.tenant_id and t.id = s.tenant_id
        left join second_factor f on f.tenant_id = s.tenant_id and f.id = s.user_id
        where s.token_hash = hash and u.deactivated_at is null and s.expires_at > app_now()
          and (s.stay or s.last_seen_at > app_now() - interval '8 hours')
          and (u.support_of is null or lookup.may_visit(s.tenant_id, u.support_of)) $$;

      create function lookup.open_sessions(hashes bytea[]) returns table (token_hash bytea, tenant_id uuid, user_id uuid, roles text[])
      language sql stable security definer set search_path = public, pg_temp as $$
        select h, s.tenant_id, s.user_id, case when u.support_of is null then s.roles else array['admin'] end
        from unnest(hashes) h cross join lateral lookup.session(h) s
        join app_user u on u.tenant_id = s.tenant_id and u.id = s.user_id
        where u.support_of is null or lookup.may_visit(s.tenant_id, u.support_of) $$;

      -- Nobody signs in as a support, nor asks for its password.
      create function lookup.accounts(address text) returns table (
        tenant_id uuid, tenant_name text, tenant_kind text, user_id uuid, given_name text, family_name text, roles text[], password_hash text, locked boolean, demo boolean
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select u.tenant_id, t.name, t.kind, u.id, u.given_name, u.family_name, u.roles, c.password_hash, coalesce(g.locked_until > app_now(), false), t.demo
        from app_user u
        join tenant t on t.tenant_id = u.tenant_id and t.id = u.tenant_id
        left join credential c on c.tenant_id = u.tenant_id and c.id = u.id
        left join sign_in_guard g on g.tenant_id = u.tenant_id and g.id = u.id
        where u.email = address and u.deactivated_at is null and u.support_of is null order by t.name $$;

      alter function lookup.may_visit(uuid, uuid) owner to lookup;
      alter function lookup.visitor(bytea) owner to lookup;
      alter function lookup.open_sessions(bytea[]) owner to lookup;
      alter function lookup.accounts(text) owner to lookup;
      revoke all on function lookup.may_visit(uuid, uuid), lookup.visitor(bytea), lookup.open_sessions(bytea[]), lookup.accounts(text) from public;
      grant execute on function lookup.visitor(bytea), lookup.open_sessions(bytea[]), lookup.accounts(text) to opstracker_app;
    `);
  }
}
