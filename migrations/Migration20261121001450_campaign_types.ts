import { Migration } from "@mikro-orm/migrations";

/** What a campaign took of its type, and every value that leads to a segment, merged ones included (TYP-4, SEG-2, SEG-5). */
export class Migration20261121001450_campaign_types extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign" add column "operation_type_id" uuid null, add column "type_taken" jsonb null, add column "duration_minutes" int null;
      create index "campaign_tenant_id_operation_type_id_index" on "campaign" ("tenant_id", "operation_type_id");
      alter table "campaign" add constraint "campaign_tenant_id_operation_type_id_foreign" foreign key ("tenant_id", "operation_type_id") references "operation_type" ("tenant_id", "id") on update no action on delete no action;
      alter table "campaign" add constraint "campaign_duration" check (duration_minutes >= 5 and duration_minutes <= 480);

      -- "value" was never written.
      alter table "segment" add column "values" text[] not null default '{}', drop column "value";
    `);
  }
}
