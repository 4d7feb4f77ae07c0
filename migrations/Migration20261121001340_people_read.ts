import { Migration } from "@mikro-orm/migrations";

/** Who read which page of people; like the rest of the security log, kept twelve months (PRM-32, HIS-16). */
export class Migration20261121001340_people_read extends Migration {
  override up(): void {
    this.addSql(`
      create table "people_read" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "at" timestamptz not null default app_now(),
        "user_id" uuid not null,
        "page" text not null,
        "subject_id" uuid null,
        "address" text not null,
        primary key ("tenant_id", "id")
      );
      create index "people_read_tenant_id_user_id_id_index" on "people_read" ("tenant_id", "user_id", "id");
      alter table "people_read" enable row level security;
      alter table "people_read" force row level security;
      create policy "tenant_isolation" on "people_read" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "kept_a_year" on "people_read" as restrictive for delete using (at < app_now() - interval '12 months');
      grant select, insert, delete on people_read to opstracker_app;
    `);
  }
}
