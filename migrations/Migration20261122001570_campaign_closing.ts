import { Migration } from "@mikro-orm/migrations";

/** What was left open when a campaign was finished by hand, and what was decided of it (CAM-6). */
export class Migration20261122001570_campaign_closing extends Migration {
  override up(): void {
    this.addSql(`alter table "campaign" add column "closing" jsonb null;`);
  }
}
