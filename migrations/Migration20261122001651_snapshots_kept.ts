import { Migration } from "@mikro-orm/migrations";

/** Snapshots keep how ready their campaign was, and leave with it alone: from the trash, for good (SNP-1, SNP-2, SNP-7, PRE-6). */
export class Migration20261122001651_snapshots_kept extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign_snapshot" add column "readiness" jsonb null;

      create function refuse_snapshot_change() returns trigger language plpgsql as $$
      begin
        if tg_op = 'DELETE' and exists (
          select from campaign c where c.tenant_id = old.tenant_id and c.id = old.campaign_id and c.trashed_at is not null) then
          return old;
        end if;
        raise exception 'a snapshot is never changed, and leaves with its campaign alone' using errcode = 'OT003';
      end $$;
      create trigger kept before update or delete on campaign_snapshot for each row execute function refuse_snapshot_change();
    `);
  }
}
