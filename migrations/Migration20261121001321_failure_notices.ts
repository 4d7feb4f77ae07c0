import { Migration } from "@mikro-orm/migrations";

/** Who administers is told of messages that will never leave by themselves (ACT-5). */
export class Migration20261121001321_failure_notices extends Migration {
  override up(): void {
    this.addSql(`
      alter table "notification" drop constraint "notification_kind_check";
      alter table "notification" add constraint "notification_kind_check" check ("kind" in ('rights', 'account', 'undone', 'jobs', 'files', 'failures'));
    `);
  }
}
