import { Migration } from "@mikro-orm/migrations";

/** Which person of the directory an account is (DIR-3), and which departments and sites a coordinator looks after (TEA-2). */
export class Migration20261121001411_account_ties extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "account_tie" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "staff_member_id" uuid not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "account_tie" add constraint "account_tie_tenant_id_user_id_unique" unique ("tenant_id", "user_id");
      alter table "account_tie" add constraint "account_tie_tenant_id_staff_member_id_unique" unique ("tenant_id", "staff_member_id");
      alter table "account_tie" add constraint "account_tie_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "account_tie" add constraint "account_tie_tenant_id_staff_member_id_foreign" foreign key ("tenant_id", "staff_member_id") references "staff_member" ("tenant_id", "id") on update no action on delete no action;
      create table "coordinator_scope" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "department_id" uuid not null,
        "site_id" uuid null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create unique index "coordinator_scope_once" on "coordinator_scope" ("tenant_id", "user_id", "department_id", "site_id") nulls not distinct;
      alter table "coordinator_scope" add constraint "coordinator_scope_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "coordinator_scope" add constraint "coordinator_scope_tenant_id_department_id_foreign" foreign key ("tenant_id", "department_id") references "department" ("tenant_id", "id") on update no action on delete no action;
      alter table "coordinator_scope" add constraint "coordinator_scope_tenant_id_site_id_foreign" foreign key ("tenant_id", "site_id") references "site" ("tenant_id", "id") on update no action on delete no action;
      create index "coordinator_scope_tenant_id_department_id_index" on "coordinator_scope" ("tenant_id", "department_id");
      create index "coordinator_scope_tenant_id_site_id_index" on "coordinator_scope" ("tenant_id", "site_id");
      alter table "account_tie" enable row level security;
      alter table "account_tie" force row level security;
      create policy "tenant_isolation" on "account_tie" using (${own}) with check (${own});
      alter table "coordinator_scope" enable row level security;
      alter table "coordinator_scope" force row level security;
      create policy "tenant_isolation" on "coordinator_scope" using (${own}) with check (${own});
      grant select, insert, update, delete on "account_tie", "coordinator_scope" to opstracker_app;
    `);
  }
}
