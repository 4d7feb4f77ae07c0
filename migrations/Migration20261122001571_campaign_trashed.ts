import { Migration } from "@mikro-orm/migrations";

/** Campaigns wait thirty days in the trash, where their name is free (CAM-2, CAM-11). */
export class Migration20261122001571_campaign_trashed extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign" add column "trashed_at" timestamptz null;
      drop index "campaign_name_free";
      create unique index "campaign_name_free" on "campaign" ("tenant_id", folded(name)) where ((state <> 'archived') and (trashed_at is null));
    `);
  }
}
