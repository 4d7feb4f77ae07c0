import { Migration } from "@mikro-orm/migrations";

/** The whole order of a list by day: many operations of one moment are not sorted anew for each page (OPS-4), nor all those of a campaign. */
export class Migration20261122001513_operation_by_day extends Migration {
  override up(): void {
    this.addSql(`
      drop index "operation_by_day";
      create index "operation_by_day" on "operation" ("tenant_id", "campaign_id", "planned_at", "title", "id") where trashed_at is null;
      drop index "operation_by_state";
      create index "operation_by_state" on "operation" ("tenant_id", "campaign_id", "status", "segment_id") where trashed_at is null and status is not null;
    `);
  }
}
