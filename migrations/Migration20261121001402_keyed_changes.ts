import { Migration } from "@mikro-orm/migrations";

/**
 * Objects whose keys the organisation chooses enter history key by key: two people who fill two fields of one target
 * are two changes, which are shown and undone apart (FLD-1, IMP-41).
 */
export class Migration20261121001402_keyed_changes extends Migration {
  override up(): void {
    this.addSql(`
      create function public.changed_keys(one jsonb, other jsonb) returns jsonb language sql immutable strict parallel safe
        return (select coalesce(jsonb_object_agg(k, one -> k), '{}') from jsonb_object_keys(one || other) k
          where one -> k is distinct from other -> k);
      create function public.with_keys(object jsonb, patch jsonb) returns jsonb language sql immutable strict parallel safe
        return (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(object || patch) where value <> 'null');
      grant execute on function public.changed_keys(jsonb, jsonb), public.with_keys(jsonb, jsonb) to opstracker_app;
    `);
  }
}
