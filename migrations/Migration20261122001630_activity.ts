import { Migration } from "@mikro-orm/migrations";

/** What happened in a campaign, newest first: its activity is read from the events themselves (ACT-1). */
export class Migration20261122001630_activity extends Migration {
  override up(): void {
    this.addSql(`
      create index "event_of_campaign" on "event" ("tenant_id", (coalesce(payload ->> 'campaign', payload ->> 'scope', case when subject_type = 'campaign' then subject_id::text end)), "id") where coalesce(payload ->> 'campaign', payload ->> 'scope', case when subject_type = 'campaign' then subject_id::text end) is not null;
    `);
  }
}
