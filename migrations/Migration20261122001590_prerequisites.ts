import { Migration } from "@mikro-orm/migrations";

/** What must be ready before a campaign or one of its segments begins (PRE-1). */
export class Migration20261122001590_prerequisites extends Migration {
  override up(): void {
    this.addSql(`
      create table "prerequisite" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "segment_id" uuid null,
        "label" text not null,
        "responsible_id" uuid null,
        "responsible_name" text null,
        "due_on" date null,
        "status" text not null default 'todo',
        "is_blocking" boolean not null default false,
        "position" int not null,
        "told_before" date null,
        "told_after" date null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create index "prerequisite_tenant_id_campaign_id_index" on "prerequisite" ("tenant_id", "campaign_id");
      create index "prerequisite_tenant_id_segment_id_index" on "prerequisite" ("tenant_id", "segment_id");
      alter table "prerequisite" add constraint "prerequisite_status_check" check ("status" in ('todo', 'doing', 'done'));
      alter table "prerequisite" add constraint "prerequisite_one_responsible" check (num_nonnulls(responsible_id, responsible_name) = 1);
      alter table "prerequisite" add constraint "prerequisite_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "prerequisite" add constraint "prerequisite_tenant_id_segment_id_foreign" foreign key ("tenant_id", "segment_id") references "segment" ("tenant_id", "id") on update no action on delete no action;
      alter table "prerequisite" add constraint "prerequisite_tenant_id_responsible_id_foreign" foreign key ("tenant_id", "responsible_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "prerequisite" enable row level security;
      alter table "prerequisite" force row level security;
      create policy "tenant_isolation" on "prerequisite" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on prerequisite to opstracker_app;
    `);
  }
}
