import { Migration } from "@mikro-orm/migrations";

/** What lines say that means something only once all are read: who manages whom (IMP-47). */
export class Migration20261121001441_settled_lines extends Migration {
  override up(): void {
    this.addSql(`alter table "import_line" add column "settled" jsonb null;`);
  }
}
