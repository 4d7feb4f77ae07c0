import { Migration } from "@mikro-orm/migrations";

/** What readiness counts is read from the operations still to be dated or assigned, not from all that are not over (PRE-6). */
export class Migration20261122001660_operation_unready extends Migration {
  override up(): void {
    this.addSql(`
      create index "operation_unready" on "operation" ("tenant_id", "campaign_id", "planned_at", "technician_id")
        where trashed_at is null and category not in ('success', 'cancelled') and (planned_at is null or technician_id is null);
    `);
  }
}
