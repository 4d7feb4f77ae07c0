import { Migration } from "@mikro-orm/migrations";

/** How long an organisation keeps its history, and the only way to erase what is older (HIS-8, HIS-17). */
export class Migration20261121001345_history_retention extends Migration {
  override up(): void {
    this.addSql(`
      alter table "tenant" add column "history_years" int not null default 2;
      alter table "tenant" add constraint "tenant_history_years_check" check (history_years between 2 and 10);

      -- The owner is refused too: altering history belongs to the erasure and retention procedures alone (HIS-8).
      create or replace function refuse_history_change() returns trigger language plpgsql as $$
      begin
        if tg_op = 'DELETE' and current_setting('app.history_retention', true) = 'on' then return null; end if;
        raise exception 'history is append-only: % on % refused', tg_op, tg_table_name using errcode = 'OT002';
      end $$;

      -- Erases the acts of the organisation in hand up to a seal. It refuses what is too young by itself, whoever calls,
      -- and the last seal, from which the next one is chained.
      create function purge_history(up_to bigint) returns table (acts int, changes int)
      language plpgsql security definer set search_path = public, pg_temp as $$
      declare old_acts uuid[];
      begin
        if up_to >= (select max(s.sequence) from seal s) or exists (
          select from seal s, tenant t
          where s.sequence <= up_to and s.created_at >= app_now() - make_interval(years => t.history_years)
        ) then
          raise exception 'history is kept: seal % is not to be erased', up_to using errcode = 'OT002';
        end if;
        perform set_config('app.history_retention', 'on', true);
        select coalesce(array_agg(distinct c.act_id), '{}') into old_acts
          from changeset c join seal s on s.tenant_id = c.tenant_id and s.changeset_id = c.id where s.sequence <= up_to;
        delete from event e using seal s where s.tenant_id = e.tenant_id and s.changeset_id = e.changeset_id and s.sequence <= up_to;
        delete from change h using seal s where s.tenant_id = h.tenant_id and s.changeset_id = h.changeset_id and s.sequence <= up_to;
        get diagnostics changes = row_count;
        delete from imprint i using seal s where s.tenant_id = i.tenant_id and s.changeset_id = i.id and s.sequence <= up_to;
        delete from changeset c using seal s where s.tenant_id = c.tenant_id and s.changeset_id = c.id and s.sequence <= up_to;
        delete from seal s where s.sequence <= up_to;
        delete from act a where a.id = any (old_acts)
          and not exists (select from changeset c where c.tenant_id = a.tenant_id and c.act_id = a.id);
        get diagnostics acts = row_count;
        perform set_config('app.history_retention', 'off', true);
        return next;
      end $$;
      revoke all on function purge_history(bigint) from public;
      grant execute on function purge_history(bigint) to opstracker_app;
    `);
  }
}
