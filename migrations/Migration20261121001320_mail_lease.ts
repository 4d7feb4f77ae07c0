import { Migration } from "@mikro-orm/migrations";

/**
 * Messages a dead sender held are due again after a minute instead of a quarter of an hour, a living one saying every
 * few seconds that it holds them (F03); those of an organisation on hold wait, but for the kinds that say it is.
 */
export class Migration20261121001320_mail_lease extends Migration {
  override up(): void {
    this.addSql(`
      drop function lookup.due_mail();
      create function lookup.due_mail(despite_hold text[] default '{}') returns table (tenant_id uuid, name text, zone text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select t.id, t.name, t.zone from tenant t
        where not exists (select from mail_hold h where h.released_at is null)
          and (exists (select from outbox o where o.tenant_id = t.id and o.state = 'pending' and o.next_attempt_at <= app_now()
              and (t.suspended_at is null or o.kind = any(despite_hold)))
            or exists (select from outbox o where o.tenant_id = t.id and o.state = 'sending' and o.claimed_at < app_now() - interval '1 minute'
              and (t.suspended_at is null or o.kind = any(despite_hold))))
        order by t.id $$;
      drop function lookup.mail_health();
      create function lookup.mail_health() returns table (waiting int, waiting_since timestamptz, failed int, last_sent_at timestamptz)
      language sql stable security definer set search_path = public, pg_temp as $$
        select (count(*) filter (where o.state in ('pending', 'sending') and t.suspended_at is null))::int,
          min(o.created_at) filter (where o.state in ('pending', 'sending') and t.suspended_at is null),
          (count(*) filter (where o.state = 'failed' and o.created_at > app_now() - interval '7 days'))::int, max(o.sent_at)
        from outbox o join tenant t on t.id = o.tenant_id $$;
      alter function lookup.due_mail(text[]) owner to lookup;
      alter function lookup.mail_health() owner to lookup;
      revoke all on function lookup.due_mail(text[]), lookup.mail_health() from public;
      grant execute on function lookup.due_mail(text[]), lookup.mail_health() to opstracker_app;
    `);
  }
}
