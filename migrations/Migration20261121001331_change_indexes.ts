import { Migration } from "@mikro-orm/migrations";

/** Half of what ten thousand changes cost was their indexes: one for rows, and one for those that are a part of something else. */
export class Migration20261121001331_change_indexes extends Migration {
  override up(): void {
    this.addSql(`
      drop index "change_tenant_id_subject_type_subject_id_index";
      drop index "change_tenant_id_table_name_row_id_index";
      create index "change_tenant_id_row_id_index" on "change" ("tenant_id", "row_id");
      create index "change_of_parts_index" on "change" ("tenant_id", "subject_id") where row_id <> subject_id;
    `);
  }
}
