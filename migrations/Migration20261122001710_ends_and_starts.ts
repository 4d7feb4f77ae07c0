import { Migration } from "@mikro-orm/migrations";

/**
 * When campaigns archived as abandoned ended, and when operations done without ever being under way started: told from
 * history, what was undone left out (CAM-3, STA-9). Kept out of history, which tells acts.
 */
export class Migration20261122001710_ends_and_starts extends Migration {
  override up(): void {
    this.addSql(`
      alter table "campaign" disable trigger user;
      alter table "operation" disable trigger user;
      do $$
      declare
        tenants uuid[];
        one uuid;
        undo record;
        undone uuid[];
        in_force uuid[];
      begin
        set local role lookup;
        select array_agg(id) into tenants from lookup.tenants();
        reset role;
        foreach one in array coalesce(tenants, '{}') loop
          perform set_config('app.tenant_id', one::text, true);
          -- An undo that was itself undone counts no more: the latest are read first.
          undone := '{}';
          in_force := '{}';
          for undo in select id, undoes_id from act where undoes_id is not null order by id desc loop
            continue when undo.id = any (undone);
            in_force := in_force || undo.id;
            undone := undone || undo.undoes_id;
          end loop;

          update campaign c set closed_at = coalesce((
              select max(a.at) from act a where a.subject_type = 'campaign' and a.subject_id = c.id and a.code = 'campaign.archived'
                and not a.id = any (undone)), c.created_at)
            where c.state = 'archived' and c.closed_at is null;

          with taken_back as materialized (
            select a.undoes_id as act_id, h.row_id from act a join changeset s on s.act_id = a.id
              join change h on h.changeset_id = s.id and h.table_name = 'operation'
              where a.id = any (in_force)),
          done as (
            select h.row_id, min(s.created_at) as at
            from change h join changeset s on s.id = h.changeset_id join act a on a.id = s.act_id join operation o on o.id = h.row_id
            where h.table_name = 'operation' and h.operation = 'update' and h.after ->> 'category' = 'success'
              and o.started_at is null and a.undoes_id is null
              and not exists (select from taken_back t where t.act_id = a.id and t.row_id = h.row_id)
              and not exists (
                select from change w where w.changeset_id = s.id and w.table_name = 'campaign' and w.after ? 'workflow')
            group by h.row_id)
          update operation o set started_at = d.at from done d where d.row_id = o.id;
        end loop;
        perform set_config('app.tenant_id', '', true);
      end $$;
      alter table "campaign" enable trigger user;
      alter table "operation" enable trigger user;
    `);
  }
}
