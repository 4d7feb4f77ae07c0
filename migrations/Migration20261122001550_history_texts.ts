import { Migration } from "@mikro-orm/migrations";

/**
 * The same digests of history, of all the texts of a row at once: an array sent as PostgreSQL sends arrays is, past a head
 * of twenty bytes, the length of each text then its bytes, minus one for null.
 */
export class Migration20261122001550_history_texts extends Migration {
  override up(): void {
    this.addSql(`
      drop function history_part(text);
      -- Parts of a digest: of each text its length, then its bytes; null differs from the empty text. Kept in step with src/history/digest.ts.
      create function history_part(variadic texts text[]) returns bytea language sql stable parallel safe as $$
        select substring(array_send(texts), 21) $$;

      create or replace function history_digest(tenant uuid, changeset uuid) returns table (digest bytea, changes bigint) language sql stable as $digest$
        select sha256(
          history_part(a.tenant_id::text, c.id::text, a.id::text, history_moment(a.at), a.actor_id::text, a.on_behalf_of_id::text, a.channel, a.code, a.subject_type, a.subject_id::text)
          || a.digest || history_part(a.request_id, history_moment(a.client_at), a.undoes_id::text) || coalesce(e.parts, '') || coalesce(h.parts, '')),
          h.changes
        from changeset c join act a on a.tenant_id = c.tenant_id and a.id = c.act_id,
          (select string_agg(history_part(e.id::text, e.name, e.subject_type, e.subject_id::text, e.payload::text), '' order by e.id) as parts
           from event e where e.tenant_id = tenant and e.changeset_id = changeset) e,
          (select string_agg(history_part(h.ordinal::text, h.table_name, h.row_id::text, h.subject_type, h.subject_id::text, h.operation) || h.digest,
             '' order by h.ordinal) as parts,
             count(*) as changes
           from change h where h.tenant_id = tenant and h.changeset_id = changeset) h
        where c.tenant_id = tenant and c.id = changeset $digest$;

      -- Texts are sent in the encoding of whoever is connected: digests are of UTF-8.
      alter function take_imprint() set client_encoding = 'UTF8';
    `);
  }
}
