import { Migration } from "@mikro-orm/migrations";

/** What people are told, what they silenced, and the count of the unread that comes with each page (ACT-5). */
export class Migration20261121001241_notifications extends Migration {
  override up(): void {
    this.addSql(`
      create table "notification" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "kind" text not null check ("kind" in ('rights', 'account', 'undone', 'jobs')),
        "text" text not null,
        "path" text null,
        "changeset_id" uuid null,
        "read_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "notification_tenant_id_user_id_read_at_index" on "notification" ("tenant_id", "user_id", "read_at");
      create index "notification_tenant_id_changeset_id_index" on "notification" ("tenant_id", "changeset_id");
      alter table "notification" add constraint "notification_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "notification" enable row level security;
      alter table "notification" force row level security;
      create policy "tenant_isolation" on "notification" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "notification" for select to "lookup" using (true);
      grant select, insert, update, delete on notification to opstracker_app;
      -- How many are unread, not what they say.
      grant select (tenant_id, user_id, read_at) on notification to lookup;

      alter table "app_user" add column "silenced" text[] not null default '{}';

      drop function lookup.visitor(bytea);
      create function lookup.visitor(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz,
        last_seen_at timestamptz, expires_at timestamptz, stale boolean, email text, given_name text, family_name text,
        roles text[], theme text, density text, shortcuts boolean, live boolean, silenced text[], unread int,
        tenant_name text, tenant_kind text, zone text, accent text, password_preset text, demo boolean,
        second_factor boolean, second_factor_roles text[]
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name, u.roles, u.theme,
          u.density, u.shortcuts, u.live, u.silenced,
          (select count(*)::int from (
            select from notification n where n.tenant_id = s.tenant_id and n.user_id = s.user_id and n.read_at is null limit 100) n),
          t.name, t.kind, t.zone, t.accent, t.password_preset, t.demo, f.id is not null, t.second_factor_roles
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
