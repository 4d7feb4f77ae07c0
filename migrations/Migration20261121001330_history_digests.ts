import { Migration } from "@mikro-orm/migrations";

/**
 * The same digests of history in half the time: a text's bytes are taken as they are, which in a UTF-8 base is what
 * converting each to UTF-8 gave.
 */
export class Migration20261121001330_history_digests extends Migration {
  override up(): void {
    this.addSql(`
      do $$ begin
        if current_setting('server_encoding') <> 'UTF8' then
          raise exception 'La base est en %, il la faut en UTF8 : recréez-la avec « encoding UTF8 », puis relancez.', current_setting('server_encoding');
        end if;
      end $$;

      -- A part of a digest: its length, then its bytes; null differs from the empty text. Kept in step with src/history/digest.ts.
      -- With its backslashes doubled, a text is read as its own bytes, whatever they are.
      create or replace function history_part(value text) returns bytea language sql stable parallel safe as $$
        select case when value is null then '\\xffffffff'::bytea
          else int4send(octet_length(value)) || replace(value, '\\', '\\\\')::bytea end $$;

      -- As before, but for the identifiers of changes: always 36 characters, which is the code of $.
      create or replace function history_digest(tenant uuid, changeset uuid) returns table (digest bytea, changes bigint) language sql stable as $digest$
        select sha256(
          history_part(a.tenant_id::text) || history_part(c.id::text) || history_part(a.id::text) || history_part(history_moment(a.at))
          || history_part(a.actor_id::text) || history_part(a.on_behalf_of_id::text) || history_part(a.channel) || history_part(a.code)
          || history_part(a.subject_type) || history_part(a.subject_id::text) || a.digest || history_part(a.request_id)
          || history_part(history_moment(a.client_at)) || history_part(a.undoes_id::text) || coalesce(e.parts, '') || coalesce(h.parts, '')),
          h.changes
        from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id,
          (select string_agg(history_part(e.id::text) || history_part(e.name) || history_part(e.subject_type)
             || history_part(e.subject_id::text) || history_part(e.payload::text), '' order by e.id) as parts
           from event e where e.tenant_id = tenant and e.changeset_id = changeset) e,
          (select string_agg(history_part(h.ordinal::text) || history_part(h.table_name) || ('\\000\\000\\000$' || h.row_id::text)::bytea
             || history_part(h.subject_type) || ('\\000\\000\\000$' || h.subject_id::text)::bytea || history_part(h.operation) || h.digest,
             '' order by h.ordinal) as parts,
             count(*) as changes
           from change h where h.tenant_id = tenant and h.changeset_id = changeset) h
        where c.tenant_id = tenant and c.id = changeset $digest$;
    `);
  }
}
