import { Migration } from "@mikro-orm/migrations";

/** Tenants, accounts, links, sessions, sign-in guards and the security log. */
export class Migration20261121000200_accounts extends Migration {
  override up(): void {
    this.addSql(`
      create table "tenant" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "kind" text not null,
        "zone" text not null default 'Europe/Paris',
        "holiday_zone" text not null default 'metropole',
        "password_preset" text not null default 'robustesse',
        "accent" text null,
        "stay_connected_days" int not null default 30,
        "demo" boolean not null default false,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "app_user" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "email" text not null,
        "given_name" text not null,
        "family_name" text not null,
        "roles" text[] not null,
        "theme" text not null default 'system',
        "density" text not null default 'comfort',
        "shortcuts" boolean not null default true,
        "deactivated_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "credential" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "password_hash" text not null,
        "changed_at" timestamptz not null,
        primary key ("tenant_id", "id")
      );
      create table "access_link" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid null,
        "purpose" text not null,
        "token_hash" bytea not null,
        "expires_at" timestamptz not null,
        "used_at" timestamptz null,
        "revoked_at" timestamptz null,
        "created_by_id" uuid null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "session" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "token_hash" bytea not null,
        "payload" jsonb not null,
        "user_agent" text not null,
        "address" text not null,
        "stay" boolean not null default false,
        "authenticated_at" timestamptz not null,
        "last_seen_at" timestamptz not null,
        "expires_at" timestamptz not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "sign_in_guard" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "failures" int not null default 0,
        "locked_until" timestamptz null,
        "last_sign_in_at" timestamptz null,
        "last_method" text null,
        primary key ("tenant_id", "id")
      );
      create table "security_event" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "at" timestamptz not null default app_now(),
        "kind" text not null,
        "user_id" uuid null,
        "actor_id" uuid null,
        "address" text not null,
        "user_agent" text not null,
        "detail" jsonb not null,
        primary key ("tenant_id", "id")
      );
      create index "security_event_tenant_id_user_id_id_index" on "security_event" ("tenant_id", "user_id", "id");
      alter table "tenant" add constraint "tenant_is_its_own_tenant" check (tenant_id = id);
      alter table "tenant" add constraint "tenant_kind_check" check ("kind" in ('instance', 'organisation'));
      alter table "tenant" add constraint "tenant_password_preset_check" check ("password_preset" in ('robustesse', 'composition'));
      alter table "app_user" add constraint "app_user_tenant_id_email_unique" unique ("tenant_id", "email");
      alter table "app_user" add constraint "app_user_theme_check" check ("theme" in ('system', 'light', 'dark'));
      alter table "app_user" add constraint "app_user_density_check" check ("density" in ('comfort', 'compact'));
      create index "session_token_hash_index" on "session" ("token_hash");
      create index "session_tenant_id_user_id_index" on "session" ("tenant_id", "user_id");
      create index "access_link_token_hash_index" on "access_link" ("token_hash");
      alter table "access_link" add constraint "access_link_purpose_check" check ("purpose" in ('invitation', 'setup'));
      alter table "session" add constraint "session_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "credential" add constraint "credential_tenant_id_id_foreign" foreign key ("tenant_id", "id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "access_link" add constraint "access_link_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "security_event" enable row level security;
      alter table "security_event" force row level security;
      create policy "tenant_isolation" on "security_event" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "sign_in_guard" enable row level security;
      alter table "sign_in_guard" force row level security;
      create policy "tenant_isolation" on "sign_in_guard" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "sign_in_guard" for select to "lookup" using (true);
      alter table "tenant" enable row level security;
      alter table "tenant" force row level security;
      create policy "tenant_isolation" on "tenant" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "tenant" for select to "lookup" using (true);
      alter table "app_user" enable row level security;
      alter table "app_user" force row level security;
      create policy "tenant_isolation" on "app_user" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "app_user" for select to "lookup" using (true);
      alter table "session" enable row level security;
      alter table "session" force row level security;
      create policy "tenant_isolation" on "session" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "session" for select to "lookup" using (true);
      alter table "credential" enable row level security;
      alter table "credential" force row level security;
      create policy "tenant_isolation" on "credential" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "credential" for select to "lookup" using (true);
      alter table "access_link" enable row level security;
      alter table "access_link" force row level security;
      create policy "tenant_isolation" on "access_link" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "access_link" for select to "lookup" using (true);
      grant select, insert, update on tenant, app_user, credential, access_link to opstracker_app;
      grant select, insert, update, delete on session, sign_in_guard to opstracker_app;
      grant select, insert on security_event to opstracker_app;
      grant select on tenant, app_user, credential, access_link, session, sign_in_guard to lookup;
    `);
  }
}
