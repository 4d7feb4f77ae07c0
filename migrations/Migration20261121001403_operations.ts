import { Migration } from "@mikro-orm/migrations";

/** What a campaign does, on which targets, in which segments: fields, segments and operations (FLD-1, SEG-1, OPS-1). */
export class Migration20261121001403_operations extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign" add column "workflow" jsonb not null default '{}'::jsonb,
        add column "title_field" text null, add column "subtitle_fields" text[] not null default '{}', add column "segment_field" text null;

      create table "campaign_field" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "code" text not null,
        "label" text not null,
        "help" text not null default '',
        "type" text not null,
        "is_mandatory" boolean not null default false,
        "is_unique" boolean not null default false,
        "is_personal" boolean not null default false,
        "is_listed" boolean not null default true,
        "is_for_technicians" boolean not null default true,
        "is_technician_editable" boolean not null default false,
        "is_searchable" boolean not null default true,
        "rules" jsonb not null default '{}'::jsonb,
        "position" int not null,
        "removed_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "segment" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "name" text not null,
        "tone" text not null default 'neutral',
        "position" int not null,
        "value" text null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "operation" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "title" text not null,
        "values" jsonb not null default '{}'::jsonb,
        "search" text not null default '',
        "status" text not null,
        "category" text not null,
        "segment_id" uuid null,
        "is_segment_set_by_hand" boolean not null default false,
        "technician_id" uuid null,
        "planned_at" timestamptz null,
        "first_planned_at" timestamptz null,
        "postpone_count" int not null default 0,
        "reason" text null,
        "started_at" timestamptz null,
        "completed_at" timestamptz null,
        "completed_by_id" uuid null,
        "capacity" int not null default 1,
        "minutes" int null,
        "notes" text not null default '',
        "is_missing" boolean not null default false,
        "trashed_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );

      alter table "campaign_field" add constraint "campaign_field_tenant_id_campaign_id_code_unique" unique ("tenant_id", "campaign_id", "code");
      create unique index "campaign_field_label_free" on "campaign_field" ("tenant_id", "campaign_id", folded(label)) where removed_at is null;
      alter table "campaign_field" add constraint "campaign_field_code_form" check (code ~ '^[a-z][a-z0-9_]{0,49}$');
      alter table "campaign_field" add constraint "campaign_field_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;

      create unique index "segment_name_free" on "segment" ("tenant_id", "campaign_id", folded(name));
      alter table "segment" add constraint "segment_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;

      create index "operation_by_day" on "operation" ("tenant_id", "campaign_id", "planned_at", "id") where trashed_at is null;
      create index "operation_by_state" on "operation" ("tenant_id", "campaign_id", "status", "segment_id") where trashed_at is null;
      create index "operation_by_technician" on "operation" ("tenant_id", "technician_id", "planned_at") where technician_id is not null and trashed_at is null;
      create index "operation_values" on "operation" using gin ("values" jsonb_path_ops);
      create index "operation_search" on "operation" using gin ("search" gin_trgm_ops);
      alter table "operation" add constraint "operation_category_check" check ("category" in ('open', 'planned', 'running', 'success', 'deferred', 'problem', 'cancelled'));
      alter table "operation" add constraint "operation_capacity_positive" check (capacity >= 1);
      alter table "operation" add constraint "operation_minutes_in_a_day" check ((minutes >= 1) and (minutes <= 1440));
      alter table "operation" add constraint "operation_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "operation" add constraint "operation_tenant_id_segment_id_foreign" foreign key ("tenant_id", "segment_id") references "segment" ("tenant_id", "id") on update no action on delete no action;
      alter table "operation" add constraint "operation_tenant_id_technician_id_foreign" foreign key ("tenant_id", "technician_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;

      alter table "campaign_field" enable row level security;
      alter table "campaign_field" force row level security;
      create policy "tenant_isolation" on "campaign_field" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "segment" enable row level security;
      alter table "segment" force row level security;
      create policy "tenant_isolation" on "segment" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "operation" enable row level security;
      alter table "operation" force row level security;
      create policy "tenant_isolation" on "operation" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on campaign_field, segment, operation to opstracker_app;
    `);
  }
}
