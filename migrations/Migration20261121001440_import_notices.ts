import { Migration } from "@mikro-orm/migrations";

/** What a check noticed beside errors: targets another campaign has already (CAM-21). */
export class Migration20261121001440_import_notices extends Migration {
  override up(): void {
    this.addSql(`alter table "import" add column "notices" jsonb not null default '{}'::jsonb;`);
  }
}
