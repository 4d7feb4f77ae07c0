import { Migration } from "@mikro-orm/migrations";

/** Time asked of who completes, reasons to pick a problem from, and whether who completed was the technician (OPS-20, OPS-21, OPS-23). */
export class Migration20261121001510_time_spent extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign" add column "is_time_tracked" boolean not null default false, add column "problem_reasons" text[] not null default '{}';
      alter table "operation" add column "is_completed_by_technician" boolean null;
    `);
  }
}
