import { Migration } from "@mikro-orm/migrations";

/** Changes of a field's type that have many values to read again, and how far each is (FLD-6). */
export class Migration20261121001511_field_conversions extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "field_conversion" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "code" text not null,
        "from" jsonb not null,
        "to" jsonb not null,
        "zone" text not null,
        "author_id" uuid not null,
        "act_id" uuid not null,
        "since" bigint not null,
        "state" text not null check ("state" in ('running', 'completed')) default 'running',
        "total" int not null,
        "done" int not null default 0,
        "done_id" uuid null,
        "converted" int not null default 0,
        "refused" int not null default 0,
        "finished_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create unique index "field_conversion_running" on "field_conversion" ("tenant_id", "campaign_id", "code") where state = 'running';
      alter table "field_conversion" add constraint "field_conversion_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "field_conversion" enable row level security;
      alter table "field_conversion" force row level security;
      create policy "tenant_isolation" on "field_conversion" using (${own}) with check (${own});
      grant select, insert, update, delete on "field_conversion" to opstracker_app;
    `);
  }
}
