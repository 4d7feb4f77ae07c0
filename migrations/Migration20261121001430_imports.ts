import { Migration } from "@mikro-orm/migrations";

/** Imports: what was sent, how it is read, what came of each line (IMP-28, IMP-35, IMP-39). */
export class Migration20261121001430_imports extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "import" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "kind" text not null,
        "scope_id" uuid null,
        "file_id" uuid null,
        "file_name" text not null,
        "sha256" bytea not null,
        "author_id" uuid not null,
        "state" text not null check ("state" in ('analysed', 'checked', 'waiting', 'running', 'completed', 'cancelled', 'failed')) default 'analysed',
        "shape" jsonb not null,
        "header_line" int not null default 1,
        "survey" jsonb not null,
        "mapping" jsonb not null,
        "options" jsonb not null,
        "counts" jsonb null,
        "done" int not null default 0,
        "done_line" int not null default 0,
        "act_id" uuid null,
        "cancel_asked_at" timestamptz null,
        "started_at" timestamptz null,
        "finished_at" timestamptz null,
        "failure" text null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create index "import_tenant_id_kind_scope_id_index" on "import" ("tenant_id", "kind", "scope_id");
      create unique index "import_one_runs" on "import" ("tenant_id", "kind", coalesce("scope_id", "tenant_id")) where "state" = 'running';

      create table "import_error" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "import_id" uuid not null,
        "line" int not null,
        "column_name" text null,
        "value" text not null,
        "reason" text not null,
        primary key ("tenant_id", "id")
      );
      create index "import_error_tenant_id_import_id_line_index" on "import_error" ("tenant_id", "import_id", "line");
      alter table "import_error" add constraint "import_error_tenant_id_import_id_foreign" foreign key ("tenant_id", "import_id") references "import" ("tenant_id", "id") on update no action on delete no action;

      create table "import_line" (
        "tenant_id" uuid not null,
        "import_id" uuid not null,
        "line" int not null,
        "row_id" uuid null,
        "outcome" text not null,
        "name" text null,
        "changes" jsonb null,
        primary key ("tenant_id", "import_id", "line")
      );

      create table "import_mapping" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "kind" text not null,
        "signature" text not null,
        "mapping" jsonb not null,
        "options" jsonb not null,
        "used_at" timestamptz not null,
        primary key ("tenant_id", "id")
      );
      alter table "import_mapping" add constraint "import_mapping_tenant_id_kind_signature_unique" unique ("tenant_id", "kind", "signature");

      ${["import", "import_error", "import_line", "import_mapping"]
        .map(
          (table) => `
      alter table "${table}" enable row level security;
      alter table "${table}" force row level security;
      create policy "tenant_isolation" on "${table}" using (${own}) with check (${own});
      grant select, insert, update, delete on "${table}" to opstracker_app;`,
        )
        .join("")}
    `);
  }
}
