import { Migration } from "@mikro-orm/migrations";

/** Views of the list of operations that people keep, and the one each opens it on (OPS-8). */
export class Migration20261121001460_saved_views extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "saved_view" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "owner_id" uuid not null,
        "name" text not null,
        "address" jsonb not null,
        "is_shared" boolean not null default false,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "saved_view" add constraint "saved_view_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "saved_view" add constraint "saved_view_tenant_id_owner_id_foreign" foreign key ("tenant_id", "owner_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      create unique index "saved_view_name_free" on "saved_view" ("tenant_id", "campaign_id", "owner_id", folded(name));

      create table "default_view" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "user_id" uuid not null,
        "view_id" uuid not null,
        primary key ("tenant_id", "id")
      );
      alter table "default_view" add constraint "default_view_tenant_id_campaign_id_user_id_unique" unique ("tenant_id", "campaign_id", "user_id");
      alter table "default_view" add constraint "default_view_tenant_id_view_id_foreign" foreign key ("tenant_id", "view_id") references "saved_view" ("tenant_id", "id") on update no action on delete cascade;
      create index "default_view_tenant_id_view_id_index" on "default_view" ("tenant_id", "view_id");

      ${["saved_view", "default_view"]
        .map(
          (table) => `
      alter table "${table}" enable row level security;
      alter table "${table}" force row level security;
      create policy "tenant_isolation" on "${table}" using (${own}) with check (${own});
      grant select, insert, update, delete on "${table}" to opstracker_app;`,
        )
        .join("")}
    `);
  }
}
