import { Migration } from "@mikro-orm/migrations";

/** What the page of jobs reads of every organisation, without what they hold, and what the ledger may forget. */
export class Migration20261121001231_job_page extends Migration {
  override up(): void {
    this.addSql(`
      create policy "lookup_reads" on "job_run" for select to "lookup" using (true);
      grant select on job_run to lookup;

      create function lookup.job_runs() returns table (
        tenant_id uuid, tenant_name text, job text, on_day text, state text,
        started_at timestamptz, finished_at timestamptz, outcome text, failure text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select distinct on (r.tenant_id, r.job)
          r.tenant_id, t.name, r.job, r.on_day::text, r.state, r.started_at, r.finished_at, r.outcome, r.failure
        from job_run r join tenant t on t.tenant_id = r.tenant_id and t.id = r.tenant_id
        order by r.tenant_id, r.job, r.on_day desc $$;
      alter function lookup.job_runs() owner to lookup;
      revoke all on function lookup.job_runs() from public;
      grant execute on function lookup.job_runs() to opstracker_app;

      create policy "kept_ninety_days" on "job_run" as restrictive for delete using (on_day < (app_now() - interval '90 days')::date);
      grant delete on job_run to opstracker_app;
    `);
  }
}
