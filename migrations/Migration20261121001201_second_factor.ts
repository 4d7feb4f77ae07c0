import { Migration } from "@mikro-orm/migrations";

/** The second factor, its recovery codes, and what a session must know of them (ACC-12, ACC-13). */
export class Migration20261121001201_second_factor extends Migration {
  override up(): void {
    this.addSql(`
      create table "second_factor" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "seed" bytea not null,
        "key_id" text not null,
        "confirmed_at" timestamptz not null,
        primary key ("tenant_id", "id")
      );
      create table "recovery_code" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "code_hash" bytea not null,
        "used_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "recovery_code_tenant_id_user_id_index" on "recovery_code" ("tenant_id", "user_id");
      alter table "second_factor" add constraint "second_factor_tenant_id_id_foreign" foreign key ("tenant_id", "id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "recovery_code" add constraint "recovery_code_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "second_factor" enable row level security;
      alter table "second_factor" force row level security;
      create policy "tenant_isolation" on "second_factor" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "second_factor" for select to "lookup" using (true);
      alter table "recovery_code" enable row level security;
      alter table "recovery_code" force row level security;
      create policy "tenant_isolation" on "recovery_code" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on second_factor, recovery_code to opstracker_app;
      -- Whether there is one, not its seed.
      grant select (tenant_id, id) on second_factor to lookup;

      alter table "sign_in_guard" add column "code_failures" int not null default 0, add column "last_step" bigint null;
      alter table "tenant" add column "second_factor_roles" text[] null;

      drop function lookup.visitor(bytea);
      create function lookup.visitor(hash bytea) returns table (
        session_id uuid, tenant_id uuid, user_id uuid, payload jsonb, stay boolean, authenticated_at timestamptz,
        last_seen_at timestamptz, expires_at timestamptz, stale boolean, email text, given_name text, family_name text,
        roles text[], theme text, density text, shortcuts boolean, live boolean, tenant_name text, tenant_kind text,
        zone text, accent text, password_preset text, demo boolean, second_factor boolean, second_factor_roles text[]
      ) language sql stable security definer set search_path = public, pg_temp as $$
        select s.id, s.tenant_id, s.user_id, s.payload, s.stay, s.authenticated_at, s.last_seen_at, s.expires_at,
          s.last_seen_at < app_now() - interval '1 minute', u.email, u.given_name, u.family_name, u.roles, u.theme,
          u.density, u.shortcuts, u.live, t.name, t.kind, t.zone, t.accent, t.password_preset, t.demo,
          f.id is not null, t.second_factor_roles
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
