import { Migration } from "@mikro-orm/migrations";

/** Campaigns, and who is let into each (CAM-1, CAM-23, CAM-24). */
export class Migration20261121001401_campaigns extends Migration {
  override up(): void {
    this.addSql(`
      create table "campaign" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "description" text not null default '',
        "starts_on" date not null,
        "ends_on" date not null,
        "owner_id" uuid not null,
        "visibility" text not null,
        "state" text not null,
        "state_before" text null,
        "zone" text null,
        "holiday_zone" text null,
        "closed_days" jsonb not null default '[]'::jsonb,
        "default_hour" text not null default '09:00',
        "closed_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "campaign_grant" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "user_id" uuid null,
        "group_id" uuid null,
        "letters" text[] not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create unique index "campaign_name_free" on "campaign" ("tenant_id", folded(name)) where state <> 'archived';
      create index "campaign_tenant_id_owner_id_index" on "campaign" ("tenant_id", "owner_id");
      alter table "campaign" add constraint "campaign_visibility_check" check ("visibility" in ('restricted', 'public'));
      alter table "campaign" add constraint "campaign_state_check" check ("state" in ('draft', 'upcoming', 'active', 'finished', 'archived'));
      alter table "campaign" add constraint "campaign_days_in_order" check (ends_on >= starts_on);
      alter table "campaign" add constraint "campaign_tenant_id_owner_id_foreign" foreign key ("tenant_id", "owner_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign_grant" add constraint "campaign_grant_tenant_id_campaign_id_user_id_unique" unique ("tenant_id", "campaign_id", "user_id");
      alter table "campaign_grant" add constraint "campaign_grant_tenant_id_campaign_id_group_id_unique" unique ("tenant_id", "campaign_id", "group_id");
      create index "campaign_grant_tenant_id_user_id_index" on "campaign_grant" ("tenant_id", "user_id");
      create index "campaign_grant_tenant_id_group_id_index" on "campaign_grant" ("tenant_id", "group_id");
      alter table "campaign_grant" add constraint "campaign_grant_one_kind" check ((user_id is null) <> (group_id is null));
      alter table "campaign_grant" add constraint "campaign_grant_some_letter" check (cardinality(letters) > 0);
      alter table "campaign_grant" add constraint "campaign_grant_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign_grant" add constraint "campaign_grant_tenant_id_user_id_foreign" foreign key ("tenant_id", "user_id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign" enable row level security;
      alter table "campaign" force row level security;
      create policy "tenant_isolation" on "campaign" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "campaign_grant" enable row level security;
      alter table "campaign_grant" force row level security;
      create policy "tenant_isolation" on "campaign_grant" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on campaign, campaign_grant to opstracker_app;
    `);
  }
}
