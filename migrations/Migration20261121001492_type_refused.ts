import { Migration } from "@mikro-orm/migrations";

/** The version of its type a campaign was offered and did not want (TYP-4). */
export class Migration20261121001492_type_refused extends Migration {
  override up(): void {
    this.addSql(`alter table "campaign" add column "type_refused" jsonb null;`);
  }
}
