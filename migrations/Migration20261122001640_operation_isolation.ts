import { Migration } from "@mikro-orm/migrations";

/**
 * Which organisation asks is worked out once a question, not once a row: reading the hundred thousand operations of a
 * campaign spent two thirds of its time on it (DSH-18, STA-1). Writing keeps its own check.
 */
export class Migration20261122001640_operation_isolation extends Migration {
  override up(): void {
    this.addSql(
      `alter policy "tenant_isolation" on "operation" using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))`,
    );
  }
}
