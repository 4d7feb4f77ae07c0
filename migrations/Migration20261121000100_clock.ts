import { Migration } from "@mikro-orm/migrations";

/** The clock of the database: tests replace this one function (rulings 5). */
export class Migration20261121000100_clock extends Migration {
  override up(): void {
    this.addSql(`
      create function app_now() returns timestamptz language sql stable parallel safe as $$ select now() $$;
      grant usage on schema public to opstracker_app, lookup;
    `);
  }
}
