import { Migration } from "@mikro-orm/migrations";

/**
 * What figures count of acts, on operations of before these columns: told from history, what was undone left out, and the
 * planned dates of each publication as its baseline (STA-5, STA-11, SNP-5). Kept out of history, which tells acts.
 */
export class Migration20261122001650_figures_of_before extends Migration {
  override up(): void {
    this.addSql(`
      alter table "operation" disable trigger user;
      alter table "baseline" disable trigger user;
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

          with taken_back as materialized (
            select a.undoes_id as act_id, h.row_id from act a join changeset s on s.act_id = a.id
              join change h on h.changeset_id = s.id and h.table_name = 'operation'
              where a.id = any (in_force)),
          told as materialized (
            select h.row_id, h.ordinal, h.after, s.created_at as at, (s.created_at at time zone z.zone)::date as day, z.zone,
              h.after ? 'status' and not exists (
                select from change w where w.changeset_id = s.id and w.table_name = 'campaign' and w.after ? 'workflow') as is_step
            from change h join changeset s on s.id = h.changeset_id join act a on a.id = s.act_id
            join operation o on o.id = h.row_id join campaign c on c.id = o.campaign_id join tenant n on n.id = c.tenant_id
            cross join lateral (select coalesce(c.zone, n.zone) as zone) z
            where h.table_name = 'operation' and h.operation = 'update' and o.entered_at is null and a.undoes_id is null
              and (h.after ? 'status' or h.after ? 'planned_at')
              and not exists (select from taken_back t where t.act_id = a.id and t.row_id = h.row_id)),
          facts as (
            select row_id, max(at) filter (where after ? 'category') as entered_at,
              jsonb_agg(distinct day::text) filter (where is_step) as stepped_on,
              jsonb_agg(day::text order by ordinal) filter (where is_step and after ->> 'category' = 'deferred') as postponed_on,
              max(day) filter (where ((after ->> 'planned_at')::timestamptz at time zone zone)::date = day) as joined_on
            from told group by row_id),
          known as (
            select o.id, coalesce(f.entered_at, o.created_at) as entered_at, coalesce(f.stepped_on, '[]') as stepped_on,
              coalesce(f.postponed_on, '[]') as postponed_on,
              coalesce(f.joined_on, case when b.born = b.first_day then b.born end) as joined_on,
              case when o.completed_at is not null then coalesce(b.first_day = (o.completed_at at time zone z.zone)::date, false) end as is_on_first_date
            from operation o join campaign c on c.id = o.campaign_id join tenant n on n.id = c.tenant_id
            cross join lateral (select coalesce(c.zone, n.zone) as zone) z
            cross join lateral (
              select (o.created_at at time zone z.zone)::date as born, (o.first_planned_at at time zone z.zone)::date as first_day) b
            left join facts f on f.row_id = o.id
            where o.entered_at is null)
          update operation o set entered_at = k.entered_at, stepped_on = k.stepped_on, postponed_on = k.postponed_on,
            joined_on = k.joined_on, is_on_first_date = k.is_on_first_date
          from known k where k.id = o.id;

          -- What each campaign had planned as it was published: as it is now, but for what changed since.
          with published as materialized (
            select distinct on (c.id) c.tenant_id, c.id, a.at as frozen_at, a.actor_id, s.created_at as at, coalesce(c.zone, n.zone) as zone
            from campaign c join tenant n on n.id = c.tenant_id
            join act a on a.subject_type = 'campaign' and a.subject_id = c.id and a.code = 'campaign.published' and not a.id = any (undone)
            join changeset s on s.act_id = a.id
            where c.state <> 'draft' and not exists (select from baseline b where b.campaign_id = c.id)
            order by c.id, a.id desc, s.created_at desc),
          made as (
            insert into baseline (tenant_id, id, campaign_id, frozen_at, frozen_by_id, operations, days)
            select p.tenant_id, uuidv7(), p.id, p.frozen_at, p.actor_id,
              coalesce(array_agg(d.id order by d.id) filter (where d.day is not null), '{}'),
              coalesce(array_agg(d.day order by d.id) filter (where d.day is not null), '{}')
            from published p left join lateral (
              select o.id, (case when w.is_there then w.planned_at else o.planned_at end at time zone p.zone)::date as day from operation o
              left join lateral (
                select true as is_there, (h.before ->> 'planned_at')::timestamptz as planned_at from change h
                join changeset s on s.id = h.changeset_id
                where h.table_name = 'operation' and h.row_id = o.id and h.before ? 'planned_at' and s.created_at > p.at
                order by h.ordinal limit 1) w on true
              where o.campaign_id = p.id and o.created_at <= p.at and (o.trashed_at is null or o.trashed_at > p.at)) d on true
            group by p.tenant_id, p.id, p.frozen_at, p.actor_id
            returning operations, days)
          update operation o set baseline_on = d.day from made m, unnest(m.operations, m.days) as d (id, day) where o.id = d.id;
        end loop;
        perform set_config('app.tenant_id', '', true);
      end $$;
      alter table "operation" enable trigger user;
      alter table "baseline" enable trigger user;
    `);
  }
}
