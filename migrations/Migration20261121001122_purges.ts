import { Migration } from "@mikro-orm/migrations";

/** What the nightly purges may delete, and nothing more: the security log gives only what is older than a year (HIS-16). */
export class Migration20261121001122_purges extends Migration {
  override up(): void {
    this.addSql(`
      create policy "kept_a_year" on "security_event" as restrictive for delete using (at < app_now() - interval '12 months');
      grant delete on security_event to opstracker_app;

      -- No window of rates is longer than an hour: a day leaves room for clocks that disagree.
      create function lookup.forget_hits() returns int
      language sql security definer set search_path = public, pg_temp as $$
        with gone as (delete from rate_hit where started_at < app_now() - interval '1 day' returning 1)
        select count(*)::int from gone $$;
      alter function lookup.forget_hits() owner to lookup;
      revoke all on function lookup.forget_hits() from public;
      grant execute on function lookup.forget_hits() to opstracker_app;
    `);
  }
}
