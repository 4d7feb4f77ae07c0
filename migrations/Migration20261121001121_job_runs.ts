import { Migration } from "@mikro-orm/migrations";

/** What became of each scheduled run: the ledger holds the claim, the queue the work, and the page shows both. */
export class Migration20261121001121_job_runs extends Migration {
  override up(): void {
    this.addSql(`
      -- Rows of before were run on the spot when they were claimed.
      alter table "job_run" add column "state" text not null default 'done';
      alter table "job_run" alter column "state" set default 'waiting';
      alter table "job_run" add column "started_at" timestamptz null;
      alter table "job_run" add column "finished_at" timestamptz null;
      alter table "job_run" add column "outcome" text null;
      alter table "job_run" add column "failure" text null;
      alter table "job_run" add constraint "job_run_state_check" check ("state" in ('waiting', 'running', 'done', 'failed', 'skipped'));
      grant update ("state", "started_at", "finished_at", "outcome", "failure") on job_run to opstracker_app;
    `);
  }
}
