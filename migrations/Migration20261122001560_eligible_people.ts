import { Migration } from "@mikro-orm/migrations";

/** The people a campaign concerns, of the directory or known to it alone (ELG-1, IMP-50). */
export class Migration20261122001560_eligible_people extends Migration {
  override up(): void {
    this.addSql(`
      create table "eligible_person" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "staff_member_id" uuid null,
        "staff_number" text null,
        "email" text null,
        "family_name" text null,
        "given_name" text null,
        "department" text null,
        "site" text null,
        "manager_id" uuid null,
        "segment_id" uuid null,
        "operation_id" uuid null,
        "may_book" boolean not null default true,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create unique index "eligible_person_staff" on "eligible_person" ("tenant_id", "campaign_id", "staff_member_id") where staff_member_id is not null;
      create unique index "eligible_person_number" on "eligible_person" ("tenant_id", "campaign_id", "staff_number") where staff_number is not null;
      create unique index "eligible_person_email" on "eligible_person" ("tenant_id", "campaign_id", "email") where email is not null;
      create unique index "eligible_person_operation" on "eligible_person" ("tenant_id", "operation_id") where operation_id is not null;
      create index "eligible_person_tenant_id_segment_id_index" on "eligible_person" ("tenant_id", "segment_id");
      alter table "eligible_person" add constraint "eligible_person_told_once" check (case when staff_member_id is null then num_nonnulls(staff_number, email) > 0 else num_nonnulls(staff_number, email, family_name, given_name, department, site, manager_id) = 0 end);
      alter table "eligible_person" add constraint "eligible_person_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;
      alter table "eligible_person" add constraint "eligible_person_tenant_id_staff_member_id_foreign" foreign key ("tenant_id", "staff_member_id") references "staff_member" ("tenant_id", "id") on update no action on delete no action;
      alter table "eligible_person" add constraint "eligible_person_tenant_id_manager_id_foreign" foreign key ("tenant_id", "manager_id") references "staff_member" ("tenant_id", "id") on update no action on delete no action;
      alter table "eligible_person" add constraint "eligible_person_tenant_id_segment_id_foreign" foreign key ("tenant_id", "segment_id") references "segment" ("tenant_id", "id") on update no action on delete no action;
      alter table "eligible_person" add constraint "eligible_person_tenant_id_operation_id_foreign" foreign key ("tenant_id", "operation_id") references "operation" ("tenant_id", "id") on update no action on delete no action;
      alter table "eligible_person" enable row level security;
      alter table "eligible_person" force row level security;
      create policy "tenant_isolation" on "eligible_person" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on eligible_person to opstracker_app;
    `);
  }
}
