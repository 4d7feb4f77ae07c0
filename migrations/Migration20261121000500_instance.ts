import { Migration } from "@mikro-orm/migrations";

/** The pages everybody may read, and the self-assessment behind the accessibility statement. */
export class Migration20261121000500_instance extends Migration {
  override up(): void {
    this.addSql(`
      create table "public_page" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "kind" text not null,
        "body" text not null,
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      create table "criterion_result" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "criterion" text not null,
        "status" text not null,
        "note" text null,
        "version" int not null default 1,
        primary key ("tenant_id", "id")
      );
      alter table "public_page" add constraint "public_page_tenant_id_kind_unique" unique ("tenant_id", "kind");
      alter table "public_page" add constraint "public_page_kind_check" check ("kind" in ('accessibilite', 'mentions-legales', 'donnees-personnelles', 'contact'));
      alter table "criterion_result" add constraint "criterion_result_tenant_id_criterion_unique" unique ("tenant_id", "criterion");
      alter table "criterion_result" add constraint "criterion_result_status_check" check ("status" in ('conforme', 'non_conforme', 'non_applicable', 'non_evalue'));
      alter table "public_page" enable row level security;
      alter table "public_page" force row level security;
      create policy "tenant_isolation" on "public_page" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "public_page" for select to "lookup" using (true);
      alter table "criterion_result" enable row level security;
      alter table "criterion_result" force row level security;
      create policy "tenant_isolation" on "criterion_result" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "criterion_result" for select to "lookup" using (true);
      grant select, insert, update on public_page, criterion_result to opstracker_app;
      grant select on public_page, criterion_result to lookup;

      -- Only rows of the instance tenant are public, whatever another tenant's session managed to write.
      create function lookup.public_page(page_kind text) returns table (body text, version int)
      language sql stable security definer set search_path = public, pg_temp as $$
        select p.body, p.version from public_page p
        join tenant t on t.tenant_id = p.tenant_id and t.id = p.tenant_id and t.kind = 'instance'
        where p.kind = page_kind $$;

      create function lookup.criterion_results() returns table (criterion text, status text, note text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select c.criterion, c.status, c.note from criterion_result c
        join tenant t on t.tenant_id = c.tenant_id and t.id = c.tenant_id and t.kind = 'instance' $$;

      alter function lookup.public_page(text) owner to lookup;
      alter function lookup.criterion_results() owner to lookup;
      revoke all on function lookup.public_page(text), lookup.criterion_results() from public;
      grant execute on function lookup.public_page(text), lookup.criterion_results() to opstracker_app;
    `);
  }
}
