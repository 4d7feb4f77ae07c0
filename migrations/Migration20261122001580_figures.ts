import { Migration } from "@mikro-orm/migrations";

/** What figures count of acts, on the operation itself; the baseline, the plan of each day and its snapshot (STA-5, STA-11, SNP-1, SNP-5). */
export class Migration20261122001580_figures extends Migration {
  override up(): void {
    this.addSql(`
      alter table "operation" add column "entered_at" timestamptz null, add column "stepped_on" jsonb not null default '[]'::jsonb,
        add column "postponed_on" jsonb not null default '[]'::jsonb, add column "joined_on" date null, add column "is_on_first_date" boolean null, add column "baseline_on" date null;
      create index "changeset_created_at" on "changeset" using brin ("created_at");

      create table "baseline" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "frozen_at" timestamptz not null,
        "frozen_by_id" uuid null,
        "reason" text null,
        "operations" uuid[] not null,
        "days" date[] not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "day_plan" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "day" date not null,
        "operations" uuid[] not null,
        "planned" int not null,
        "updated" int null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "campaign_snapshot" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "day" date not null,
        "cause" text not null,
        "taken_at" timestamptz not null,
        "is_rebuilt" boolean not null default false,
        "formula_version" int not null,
        "figures" jsonb not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "baseline_tenant_id_campaign_id_frozen_at_index" on "baseline" ("tenant_id", "campaign_id", "frozen_at");
      alter table "day_plan" add constraint "day_plan_tenant_id_campaign_id_day_unique" unique ("tenant_id", "campaign_id", "day");
      create index "campaign_snapshot_tenant_id_campaign_id_day_index" on "campaign_snapshot" ("tenant_id", "campaign_id", "day");
      create unique index "campaign_snapshot_of_day" on "campaign_snapshot" ("tenant_id", "campaign_id", "day") where cause = 'day';
      alter table "campaign_snapshot" add constraint "campaign_snapshot_cause_check" check ("cause" in ('day', 'finish', 'archive'));
      alter table "baseline" add constraint "baseline_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "day_plan" add constraint "day_plan_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign_snapshot" add constraint "campaign_snapshot_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "baseline" enable row level security;
      alter table "baseline" force row level security;
      create policy "tenant_isolation" on "baseline" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "day_plan" enable row level security;
      alter table "day_plan" force row level security;
      create policy "tenant_isolation" on "day_plan" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "campaign_snapshot" enable row level security;
      alter table "campaign_snapshot" force row level security;
      create policy "tenant_isolation" on "campaign_snapshot" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      -- A snapshot is never changed, and leaves with its campaign alone (SNP-2, SNP-7).
      grant select, insert, delete on baseline, campaign_snapshot to opstracker_app;
      grant select, insert, update, delete on day_plan to opstracker_app;
    `);
  }
}
