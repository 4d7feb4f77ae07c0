import { Migration } from "@mikro-orm/migrations";

/** Whoever answers for a prerequisite is told when it is due (PRE-2, ACT-5). */
export class Migration20261122001591_prerequisite_notices extends Migration {
  override up(): void {
    this.addSql(`
      alter table "notification" drop constraint "notification_kind_check";
      alter table "notification" add constraint "notification_kind_check" check ("kind" in ('rights', 'account', 'undone', 'jobs', 'files', 'failures', 'deaths', 'prerequisites'));
    `);
  }
}
