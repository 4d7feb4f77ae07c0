import { Migration } from "@mikro-orm/migrations";

/** A link may now open the choice of a new password (ACC-8). */
export class Migration20261121001212_reset_links extends Migration {
  override up(): void {
    this.addSql(`
      alter table "access_link" drop constraint "access_link_purpose_check";
      alter table "access_link" add constraint "access_link_purpose_check" check ("purpose" in ('invitation', 'setup', 'reset'));
    `);
  }
}
