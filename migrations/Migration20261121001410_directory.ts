import { Migration } from "@mikro-orm/migrations";

/** People of the organisation, their departments and sites (DIR-1, DIR-2, DIR-4). */
export class Migration20261121001410_directory extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "department" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create unique index "department_name_unique" on "department" ("tenant_id", folded("name"));
      create table "site" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "zone" text not null,
        "holiday_zone" text not null,
        "hours" jsonb not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create unique index "site_name_unique" on "site" ("tenant_id", folded("name"));
      create table "staff_member" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "staff_number" text not null,
        "family_name" text not null,
        "given_name" text not null,
        "email" text null,
        "department_id" uuid null,
        "site_id" uuid null,
        "position" text null,
        "contract_type" text null,
        "phone" text null,
        "manager_id" uuid null,
        "sms_consent_at" timestamptz null,
        "sms_consent_proof" text null,
        "deactivated_at" timestamptz null,
        "sort_name" text generated always as (folded(family_name || ' ' || given_name)) stored,
        "search" text generated always as (folded(family_name || ' ' || given_name || ' ' || family_name || ' ' || staff_number || ' ' || coalesce(email, ''))) stored,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "staff_member" add constraint "staff_member_tenant_id_staff_number_unique" unique ("tenant_id", "staff_number");
      alter table "staff_member" add constraint "staff_member_tenant_id_email_unique" unique ("tenant_id", "email");
      alter table "staff_member" add constraint "staff_member_not_own_manager" check (manager_id <> id);
      alter table "staff_member" add constraint "staff_member_consent_with_proof" check ((sms_consent_at is null) = (sms_consent_proof is null));
      alter table "staff_member" add constraint "staff_member_tenant_id_department_id_foreign" foreign key ("tenant_id", "department_id") references "department" ("tenant_id", "id") on update no action on delete no action;
      alter table "staff_member" add constraint "staff_member_tenant_id_site_id_foreign" foreign key ("tenant_id", "site_id") references "site" ("tenant_id", "id") on update no action on delete no action;
      alter table "staff_member" add constraint "staff_member_tenant_id_manager_id_foreign" foreign key ("tenant_id", "manager_id") references "staff_member" ("tenant_id", "id") on update no action on delete no action;
      create index "staff_member_tenant_id_department_id_index" on "staff_member" ("tenant_id", "department_id");
      create index "staff_member_tenant_id_site_id_index" on "staff_member" ("tenant_id", "site_id");
      create index "staff_member_tenant_id_manager_id_index" on "staff_member" ("tenant_id", "manager_id");
      create index "staff_member_tenant_id_sort_name_id_index" on "staff_member" ("tenant_id", "sort_name", "id");
      create index "staff_member_search_index" on "staff_member" using gin ("tenant_id", "search" gin_trgm_ops);
      alter table "department" enable row level security;
      alter table "department" force row level security;
      create policy "tenant_isolation" on "department" using (${own}) with check (${own});
      alter table "site" enable row level security;
      alter table "site" force row level security;
      create policy "tenant_isolation" on "site" using (${own}) with check (${own});
      alter table "staff_member" enable row level security;
      alter table "staff_member" force row level security;
      create policy "tenant_isolation" on "staff_member" using (${own}) with check (${own});
      grant select, insert, update, delete on "department", "site", "staff_member" to opstracker_app;
    `);
  }
}
