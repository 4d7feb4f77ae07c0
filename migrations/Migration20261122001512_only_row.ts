import { Migration } from "@mikro-orm/migrations";

/** For updates whose answer nobody waits for: they fail by themselves when their row was changed meanwhile (GEN-8). */
export class Migration20261122001512_only_row extends Migration {
  override up(): void {
    this.addSql(`
      create function only_row(rows bigint) returns void language plpgsql stable set search_path = '' as $$
      begin
        if rows <> 1 then
          raise exception 'this row is not at the version it was read at' using errcode = 'OP409';
        end if;
      end $$;
    `);
  }
}
