import { Migration } from "@mikro-orm/migrations";

/** Mappings of the same columns told apart by a name (IMP-19). */
export class Migration20261121001490_named_mappings extends Migration {
  override up(): void {
    this.addSql(`
      alter table "import_mapping" add column "name" text not null default '';
      alter table "import_mapping" drop constraint "import_mapping_tenant_id_kind_signature_unique";
      alter table "import_mapping" add constraint "import_mapping_tenant_id_kind_signature_name_unique" unique ("tenant_id", "kind", "signature", "name");
    `);
  }
}
