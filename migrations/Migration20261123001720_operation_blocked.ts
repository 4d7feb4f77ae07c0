import { Migration } from "@mikro-orm/migrations";

/** What has been blocked for longest is told by every dashboard, at each change (STA-9). */
export class Migration20261123001720_operation_blocked extends Migration {
  override up(): void {
    this.addSql(`
      create index "operation_blocked" on "operation" ("tenant_id", "campaign_id", "entered_at", "id")
        where trashed_at is null and category = 'problem';
    `);
  }
}
