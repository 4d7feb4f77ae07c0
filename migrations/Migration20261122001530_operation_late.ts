import { Migration } from "@mikro-orm/migrations";

/** What is late is counted above every list: from the planned operations that are not over, not from all those of the past (OPS-8). */
export class Migration20261122001530_operation_late extends Migration {
  override up(): void {
    this.addSql(`
      create index "operation_late" on "operation" ("tenant_id", "campaign_id", "planned_at")
        where trashed_at is null and planned_at is not null and category not in ('success', 'cancelled');
    `);
  }
}
