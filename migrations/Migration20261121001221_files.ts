import { Migration } from "@mikro-orm/migrations";

/** Files people send, those being sent, and who shows which (DOC-2, DOC-4, P40, P41). */
export class Migration20261121001221_files extends Migration {
  override up(): void {
    this.addSql(`
      create table "file" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "blob" text not null,
        "purpose" text not null,
        "name" text not null,
        "type" text not null,
        "size" bigint not null,
        "sha256" bytea not null,
        "state" text not null,
        "owner_id" uuid not null,
        "scanned_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "file_tenant_id_owner_id_index" on "file" ("tenant_id", "owner_id");
      create index "file_tenant_id_state_index" on "file" ("tenant_id", "state");
      alter table "file" add constraint "file_tenant_id_blob_unique" unique ("tenant_id", "blob");
      alter table "file" add constraint "file_state_check" check ("state" in ('pending', 'clean', 'infected'));
      create table "upload" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "owner_id" uuid not null,
        "purpose" text not null,
        "name" text not null,
        "size" bigint not null,
        "mark" text not null,
        "received" bigint not null,
        "pieces" jsonb not null default '[]',
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "upload_tenant_id_owner_id_index" on "upload" ("tenant_id", "owner_id");
      alter table "file" enable row level security;
      alter table "file" force row level security;
      create policy "tenant_isolation" on "file" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "file" for select to "lookup" using (true);
      alter table "upload" enable row level security;
      alter table "upload" force row level security;
      create policy "tenant_isolation" on "upload" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      grant select, insert, update, delete on "file", "upload" to opstracker_app;
      -- Whether it may be shown, not what it is.
      grant select (tenant_id, id, state) on "file" to lookup;

      -- No foreign key: history may bring back a picture whose file was purged since, and its undo says so.
      alter table "app_user" add column "picture_id" uuid null;
      alter table "tenant" add column "logo_id" uuid null;
    `);
  }
}
