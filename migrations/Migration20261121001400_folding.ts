import { Migration } from "@mikro-orm/migrations";

/** Names and searches compare without case or accents, in indexes too: unaccent itself is only stable (rulings 6). */
export class Migration20261121001400_folding extends Migration {
  override up(): void {
    this.addSql(`
      create function public.folded(value text) returns text language sql immutable strict parallel safe
        return lower(public.unaccent('public.unaccent'::regdictionary, value));
      grant execute on function public.folded(text) to opstracker_app;
    `);
  }
}
