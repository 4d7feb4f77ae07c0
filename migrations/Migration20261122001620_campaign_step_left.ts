import { Migration } from "@mikro-orm/migrations";

/** How far the preparation of a campaign has been led, screen by screen (CAM-12). */
export class Migration20261122001620_campaign_step_left extends Migration {
  override up(): void {
    this.addSql(`alter table "campaign" add column "step_left" smallint not null default 1;`);
  }
}
