import { Migration } from "@mikro-orm/migrations";

/**
 * What the planner knows of a table an import has just filled dates from before, for a minute at least: a question that
 * joins five thousand rows to as many others took that minute. Only an owner may look again, so this function does.
 */
export class Migration20261122001670_statistics extends Migration {
  override up(): void {
    this.addSql(`
      create function refresh_statistics(variadic tables regclass[]) returns void
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare each regclass;
      begin
        foreach each in array tables loop execute format('analyze %s', each); end loop;
      end $$;
      revoke all on function refresh_statistics(regclass[]) from public;
      grant execute on function refresh_statistics(regclass[]) to opstracker_app;
    `);
  }
}
