import { Migration } from "@mikro-orm/migrations";

/** Bulk actions: what was selected, the rows and versions its preview froze, how far it went (OPS-14, OPS-15). */
export class Migration20261121001470_bulks extends Migration {
  override up(): void {
    const own = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";
    this.addSql(`
      create table "bulk" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "campaign_id" uuid not null,
        "author_id" uuid not null,
        "action" text not null,
        "selection" jsonb not null,
        "state" text not null check ("state" in ('chosen', 'frozen', 'running', 'completed', 'cancelled', 'failed')) default 'chosen',
        "wish" jsonb null,
        "counts" jsonb null,
        "act_id" uuid null,
        "done" int not null default 0,
        "done_id" uuid null,
        "changed" int not null default 0,
        "cancel_asked_at" timestamptz null,
        "started_at" timestamptz null,
        "finished_at" timestamptz null,
        "failure" text null,
        "created_at" timestamptz not null default app_now(),
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "bulk" add constraint "bulk_tenant_id_campaign_id_foreign" foreign key ("tenant_id", "campaign_id") references "campaign" ("tenant_id", "id") on update no action on delete no action;

      create table "bulk_row" (
        "tenant_id" uuid not null,
        "bulk_id" uuid not null,
        "operation_id" uuid not null,
        "seen" int not null,
        "outcome" text not null,
        "why" text null,
        "technician_id" uuid null,
        primary key ("tenant_id", "bulk_id", "operation_id")
      );

      ${["bulk", "bulk_row"]
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
