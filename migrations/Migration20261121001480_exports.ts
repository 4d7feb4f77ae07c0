import { Migration } from "@mikro-orm/migrations";

/** Files of rows prepared for one person, for a day (EXP-10, EXP-11). */
export class Migration20261121001480_exports extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "export" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "kind" text not null,
        "scope_id" uuid null,
        "query" jsonb not null,
        "is_whole" boolean not null,
        "author_id" uuid not null,
        "state" text not null check ("state" in ('running', 'completed', 'cancelled', 'failed')) default 'running',
        "file_name" text not null,
        "said" text not null default '',
        "total" int not null,
        "done" int not null default 0,
        "blob" text null,
        "size" bigint null,
        "sha256" text null,
        "failure" text null,
        "cancel_asked_at" timestamptz null,
        "finished_at" timestamptz null,
        "expires_at" timestamptz not null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create index "export_tenant_id_author_id_index" on "export" ("tenant_id", "author_id");
      alter table "export" enable row level security;
      alter table "export" force row level security;
      create policy "tenant_isolation" on "export" using (${own}) with check (${own});
      grant select, insert, update, delete on "export" to opstracker_app;
    `);
  }
}
