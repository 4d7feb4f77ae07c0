import { Migration } from "@mikro-orm/migrations";

/**
 * Fields go with a campaign whose creation is undone: they outlive their own removal, never their campaign (FLD-7). Before
 * it rather than by cascade, so that history brings it back before them.
 */
export class Migration20261121001451_fields_of_campaign extends Migration {
  override up(): void {
    this.addSql(`
      create function public.fields_go_first() returns trigger language plpgsql set search_path = public, pg_temp as $$
      begin
        delete from campaign_field where tenant_id = old.tenant_id and campaign_id = old.id;
        return old;
      end $$;
      create trigger fields_go_first before delete on "campaign" for each row execute function public.fields_go_first();
    `);
  }
}
