import { Migration } from "@mikro-orm/migrations";

/** Undo: which act undid which, what several changes of one row come to, and texts of the instance that can be withdrawn. */
export class Migration20261121001111_undo extends Migration {
  override up(): void {
    this.addSql(`
      create index "act_tenant_id_undoes_id_index" on "act" ("tenant_id", "undoes_id");
      create aggregate jsonb_merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
      grant delete on public_page, criterion_result to opstracker_app;
    `);
  }
}
