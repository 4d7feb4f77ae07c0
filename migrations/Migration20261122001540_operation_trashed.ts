import { Migration } from "@mikro-orm/migrations";

/** What the trash gives up each night is found without reading every operation (OPS-12, GDP-5). */
export class Migration20261122001540_operation_trashed extends Migration {
  override up(): void {
    this.addSql(
      `create index "operation_trashed" on "operation" ("tenant_id", "trashed_at") where trashed_at is not null;`,
    );
  }
}
