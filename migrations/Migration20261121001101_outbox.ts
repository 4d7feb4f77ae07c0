import { Migration } from "@mikro-orm/migrations";

/** Messages to send, written in the transaction of their cause, and which organisations have some that are due (MSG-1). */
export class Migration20261121001101_outbox extends Migration {
  override up(): void {
    this.addSql(`
      create table "outbox" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "kind" text not null,
        "address" text not null,
        "person_type" text null,
        "person_id" uuid null,
        "subject" text not null,
        "payload" jsonb not null,
        "dedupe_key" text null,
        "state" text not null default 'pending',
        "attempts" int not null default 0,
        "next_attempt_at" timestamptz not null default app_now(),
        "first_attempt_at" timestamptz null,
        "claimed_at" timestamptz null,
        "sent_at" timestamptz null,
        "unreachable" boolean not null default false,
        "last_answer" text null,
        "message_id" text null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create index "outbox_tenant_id_state_next_attempt_at_index" on "outbox" ("tenant_id", "state", "next_attempt_at");
      create index "outbox_tenant_id_address_index" on "outbox" ("tenant_id", "address");
      alter table "outbox" add constraint "outbox_tenant_id_dedupe_key_unique" unique ("tenant_id", "dedupe_key");
      alter table "outbox" add constraint "outbox_state_check" check ("state" in ('pending', 'sending', 'sent', 'failed', 'dropped', 'unsent'));
      alter table "outbox" enable row level security;
      alter table "outbox" force row level security;
      create policy "tenant_isolation" on "outbox" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "outbox" for select to "lookup" using (true);
      grant select, insert, update, delete on outbox to opstracker_app;
      grant select on outbox to lookup;

      create function lookup.due_mail() returns table (tenant_id uuid, name text, zone text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select t.id, t.name, t.zone from tenant t
        where exists (select from outbox o where o.tenant_id = t.id and o.state = 'pending' and o.next_attempt_at <= app_now())
          or exists (select from outbox o where o.tenant_id = t.id and o.state = 'sending' and o.claimed_at < app_now() - interval '15 minutes')
        order by t.id $$;
      alter function lookup.due_mail() owner to lookup;
      revoke all on function lookup.due_mail() from public;
      grant execute on function lookup.due_mail() to opstracker_app;
    `);
  }
}
