import { Migration } from "@mikro-orm/migrations";

/** Whether an act is undone as things stand, so that its messages still waiting do not leave (MSG-8, HIS-13). */
export class Migration20261121001213_undone_messages extends Migration {
  override up(): void {
    this.addSql(`
      create function act_is_undone(of_tenant uuid, of_act uuid) returns boolean
      language plpgsql stable set search_path = public, pg_temp as $$
      begin
        -- An undo that was itself undone counts no more (HIS-14).
        return exists (
          select from act u where u.tenant_id = of_tenant and u.undoes_id = of_act and not act_is_undone(of_tenant, u.id));
      end $$;
      create index "outbox_tenant_id_id_index" on "outbox" ("tenant_id", "id") where state in ('pending', 'sending');
    `);
  }
}
