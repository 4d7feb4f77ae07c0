import { Migration } from "@mikro-orm/migrations";

/** Who holds the instance is told of jobs whose every try failed (ACT-5). */
export class Migration20261121001350_dead_job_notices extends Migration {
  override up(): void {
    this.addSql(`
      alter table "notification" drop constraint "notification_kind_check";
      alter table "notification" add constraint "notification_kind_check" check ("kind" in ('rights', 'account', 'undone', 'jobs', 'files', 'failures', 'deaths'));
    `);
  }
}
