import { Migration } from "@mikro-orm/migrations";

/** The department of an account, and groups: named sets of people and of departments (ROL-5). */
export class Migration20261121001301_groups extends Migration {
  override up(): void {
    this.addSql(`
      alter table "app_user" add column "department" text null;

      create table "user_group" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "user_group_member" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "group_id" uuid not null,
        "user_id" uuid null,
        "department" text null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      alter table "user_group" add constraint "user_group_tenant_id_name_unique" unique ("tenant_id", "name");
      alter table "user_group_member" add constraint "user_group_member_tenant_id_group_id_user_id_unique" unique ("tenant_id", "group_id", "user_id");
      alter table "user_group_member" add constraint "user_group_member_tenant_id_group_id_department_unique" unique ("tenant_id", "group_id", "department");
      create index "user_group_member_tenant_id_user_id_index" on "user_group_member" ("tenant_id", "user_id");
      alter table "user_group_member" add constraint "user_group_member_one_kind" check ((user_id is null) <> (department is null));
      alter table "user_group_member" add constraint "user_group_member_tenant_id_group_id_foreign" foreign key ("tenant_id", "group_id") references "user_group" ("tenant_id", "id") on update no action on delete no action;
      alter table "user_group_member" add constraint "user_group_member_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "user_group" enable row level security;
      alter table "user_group" force row level security;
      create policy "tenant_isolation" on "user_group" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "user_group_member" enable row level security;
      alter table "user_group_member" force row level security;
      create policy "tenant_isolation" on "user_group_member" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on user_group, user_group_member to opstracker_app;
    `);
  }
}
