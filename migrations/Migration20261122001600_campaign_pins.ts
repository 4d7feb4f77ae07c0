import { Migration } from "@mikro-orm/migrations";

/** The campaigns each person keeps at hand, in their order (CAM-27). */
export class Migration20261122001600_campaign_pins extends Migration {
  override up(): void {
    this.addSql(`
      create table "campaign_pins" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_ids" uuid[] not null,
        primary key ("tenant_id", "id")
      );
      alter table "campaign_pins" add constraint "campaign_pins_few" check (cardinality(campaign_ids) <= 10);
      alter table "campaign_pins" add constraint "campaign_pins_tenant_id_id_foreign" foreign key ("tenant_id", "id") references "app_user" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign_pins" enable row level security;
      alter table "campaign_pins" force row level security;
      create policy "tenant_isolation" on "campaign_pins" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on campaign_pins to opstracker_app;
    `);
  }
}
