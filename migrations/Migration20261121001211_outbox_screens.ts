import { Migration } from "@mikro-orm/migrations";

/** What the screens of the outbox show: the act that caused a message, each attempt with its answer, one person's messages. */
export class Migration20261121001211_outbox_screens extends Migration {
  override up(): void {
    this.addSql(`
      alter table "outbox" add column "act_id" uuid null default (nullif(current_setting('app.act_id', true), ''))::uuid;
      alter table "outbox" add column "answers" jsonb not null default '[]';
      create index "outbox_tenant_id_act_id_index" on "outbox" ("tenant_id", "act_id");
      create index "outbox_tenant_id_person_id_id_index" on "outbox" ("tenant_id", "person_id", "id");

      create function lookup.mail_health() returns table (waiting int, waiting_since timestamptz, failed int, last_sent_at timestamptz)
      language sql stable security definer set search_path = public, pg_temp as $$
        select (count(*) filter (where state in ('pending', 'sending')))::int,
          min(created_at) filter (where state in ('pending', 'sending')),
          (count(*) filter (where state = 'failed' and created_at > app_now() - interval '7 days'))::int, max(sent_at)
        from outbox $$;
      alter function lookup.mail_health() owner to lookup;
      revoke all on function lookup.mail_health() from public;
      grant execute on function lookup.mail_health() to opstracker_app;
    `);
  }
}
