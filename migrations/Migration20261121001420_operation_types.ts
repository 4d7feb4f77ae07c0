import { Migration } from "@mikro-orm/migrations";

/** Types of operations: what they ask, and the workflow their operations follow (TYP-1). */
export class Migration20261121001420_operation_types extends Migration {
  override up(): void {
    this.addSql(`
      create table "operation_type" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "name" text not null,
        "description" text not null,
        "icon" text not null,
        "tone" text not null,
        "duration_minutes" int not null,
        "fields" jsonb not null,
        "workflow" jsonb not null,
        "retired_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "operation_type" add constraint "operation_type_tenant_id_name_unique" unique ("tenant_id", "name");
      alter table "operation_type" add constraint "operation_type_duration" check (duration_minutes >= 5 and duration_minutes <= 480);
      alter table "operation_type" enable row level security;
      alter table "operation_type" force row level security;
      create policy "tenant_isolation" on "operation_type" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on operation_type to opstracker_app;
    `);
  }
}
