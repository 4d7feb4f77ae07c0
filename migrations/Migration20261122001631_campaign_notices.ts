import { Migration } from "@mikro-orm/migrations";

/** People are told of the grants they receive and of the operations given to them or taken back (ACT-5). */
export class Migration20261122001631_campaign_notices extends Migration {
  override up(): void {
    this.addSql(`
      alter table "notification" drop constraint "notification_kind_check";
      alter table "notification" add constraint "notification_kind_check" check ("kind" in ('rights', 'account', 'undone', 'jobs', 'files', 'failures', 'deaths', 'prerequisites', 'grants', 'operations'));
    `);
  }
}
