import { Migration } from "@mikro-orm/migrations";

/** After a restore nothing leaves before somebody has looked at what was waiting. */
export class Migration20261121001214_mail_hold extends Migration {
  override up(): void {
    this.addSql(`
      create table "mail_hold" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "reason" text not null,
        "held_at" timestamptz not null default app_now(),
        "released_at" timestamptz null,
        "released_by_id" uuid null,
        primary key ("tenant_id", "id")
      );
      alter table "mail_hold" enable row level security;
      alter table "mail_hold" force row level security;
      create policy "tenant_isolation" on "mail_hold" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "mail_hold" for select to "lookup" using (true);
      grant select, insert, update on mail_hold to opstracker_app;
      grant select on mail_hold to lookup;

      drop function lookup.due_mail();
      create function lookup.due_mail() returns table (tenant_id uuid, name text, zone text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select t.id, t.name, t.zone from tenant t
        where not exists (select from mail_hold h where h.released_at is null)
          and (exists (select from outbox o where o.tenant_id = t.id and o.state = 'pending' and o.next_attempt_at <= app_now())
            or exists (select from outbox o where o.tenant_id = t.id and o.state = 'sending' and o.claimed_at < app_now() - interval '15 minutes'))
        order by t.id $$;
      create function lookup.mail_hold() returns table (reason text, held_at timestamptz, before int, since int)
      language sql stable security definer set search_path = public, pg_temp as $$
        select h.reason, h.held_at,
          (select count(*)::int from outbox o where o.state in ('pending', 'sending') and o.created_at <= h.held_at),
          (select count(*)::int from outbox o where o.state in ('pending', 'sending') and o.created_at > h.held_at)
        from mail_hold h where h.released_at is null order by h.held_at limit 1 $$;
      alter function lookup.due_mail() owner to lookup;
      alter function lookup.mail_hold() owner to lookup;
      revoke all on function lookup.due_mail(), lookup.mail_hold() from public;
      grant execute on function lookup.due_mail(), lookup.mail_hold() to opstracker_app;
    `);
  }
}
