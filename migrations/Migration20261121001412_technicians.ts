import { Migration } from "@mikro-orm/migrations";

/** When technicians work, and when they are away: whom work can be given to. */
export class Migration20261121001412_technicians extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "technician_hours" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "hours" jsonb not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "technician_hours" add constraint "technician_hours_tenant_id_user_id_unique" unique ("tenant_id", "user_id");
      alter table "technician_hours" add constraint "technician_hours_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      create table "absence" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid not null,
        "starts_on" date not null,
        "ends_on" date not null,
        "reason" text not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      alter table "absence" add constraint "absence_ends_after" check (ends_on >= starts_on);
      alter table "absence" add constraint "absence_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      create index "absence_tenant_id_user_id_ends_on_index" on "absence" ("tenant_id", "user_id", "ends_on");
      alter table "technician_hours" enable row level security;
      alter table "technician_hours" force row level security;
      create policy "tenant_isolation" on "technician_hours" using (${own}) with check (${own});
      alter table "absence" enable row level security;
      alter table "absence" force row level security;
      create policy "tenant_isolation" on "absence" using (${own}) with check (${own});
      grant select, insert, update, delete on "technician_hours", "absence" to opstracker_app;
    `);
  }
}
