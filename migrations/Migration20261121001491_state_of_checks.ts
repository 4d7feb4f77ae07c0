import { Migration } from "@mikro-orm/migrations";

/** What a check of an import was made on, and what it found before it was made again (IMP-31). */
export class Migration20261121001491_state_of_checks extends Migration {
  override up(): void {
    this.addSql(`alter table "import" add column "basis" text null, add column "earlier" jsonb null;`);
  }
}
