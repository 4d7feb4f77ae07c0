import { Migration } from "@mikro-orm/migrations";

/** Documents of the organisation and their versions (DOC-1, DOC-5); a campaign's will say which. */
export class Migration20261121001310_documents extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "document" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "title" text not null,
        "kind" text not null check ("kind" in ('documentation', 'script', 'procedure', 'other')),
        "trashed_at" timestamptz null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create index "document_tenant_id_trashed_at_index" on "document" ("tenant_id", "trashed_at");
      create table "document_version" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "document_id" uuid not null,
        "number" int not null,
        "file_id" uuid not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      alter table "document_version" add constraint "document_version_tenant_id_document_id_number_unique" unique ("tenant_id", "document_id", "number");
      alter table "document_version" add constraint "document_version_tenant_id_file_id_unique" unique ("tenant_id", "file_id");
      alter table "document_version" add constraint "document_version_tenant_id_document_id_foreign" foreign key ("tenant_id", "document_id") references "document" ("tenant_id", "id") on update no action on delete no action;
      alter table "document" enable row level security;
      alter table "document" force row level security;
      create policy "tenant_isolation" on "document" using (${own}) with check (${own});
      alter table "document_version" enable row level security;
      alter table "document_version" force row level security;
      create policy "tenant_isolation" on "document_version" using (${own}) with check (${own});
      grant select, insert, update, delete on "document", "document_version" to opstracker_app;

      alter table "notification" drop constraint "notification_kind_check";
      alter table "notification" add constraint "notification_kind_check" check ("kind" in ('rights', 'account', 'undone', 'jobs', 'files'));
    `);
  }
}
