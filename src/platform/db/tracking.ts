import { createHash } from "node:crypto";
import type { Client } from "pg";
import type { BeyondUndo, Undo } from "./undo.ts";

/** How a tracked column is named and read by people. */
export interface TrackedColumn {
  label: string;
  /** `secret` shows *modifié* in place of any value (HIS-3); `hidden`, said by the row's title, is kept to bring it back. */
  format?: "text" | "date" | "dateTime" | "yesNo" | "list" | "secret" | "user" | "file" | "hidden";
  /** French words of coded values. */
  values?: Record<string, string>;
  /**
   * A JSON object whose keys the organisation chooses: its changes are kept, shown and undone key by key. No value of
   * it is ever null: null says that the key was not there.
   */
  isKeyed?: true;
  /** The value is the id of an object of this subject type, and is read by its name. */
  of?: string;
  /** How a value of its own shape is told, in French. */
  tell?: (value: unknown) => string;
}

/** A table whose rows' changes enter history; only the columns named here do (rulings 9). */
export interface Tracked {
  table: string;
  /** The subject type (Module.subjects) these rows are shown under. */
  subject: string;
  /** SQL over the alias `r`: the row's title at that time (HIS-2). */
  title: string;
  /** SQL over `r`: id of the subject when the row is a part of it; the row's own id by default. */
  subjectId?: string;
  columns: Record<string, TrackedColumn>;
  /** How its changes are taken back, or why they never are (HIS-11). */
  undo: Undo | BeyondUndo;
}

/** A table out of history, with the reason a reader of this list deserves (rulings 4). */
export interface Untracked {
  table: string;
  why: string;
}

const identifier = (name: string) => {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`Not an identifier we generate SQL with: ${name}`);
  return `"${name}"`;
};

/**
 * The trigger function and its three triggers for one table: statement-level with transition tables, and a fixed list
 * of columns, which costs × 2 on a 10 000-row update where a generic jsonb comparison costs × 3–10 (rulings 9).
 * Half of each page is left for the next version of its rows: a bulk act, or its undo, then touches no index of theirs.
 */
export function trackingSql({ table, title, subject, subjectId = "r.id", columns }: Tracked): string {
  const names = Object.keys(columns).map(identifier);
  const fn = identifier(`track_${table}`);
  const on = (expression: string, alias: string) => expression.replace(/\br\./g, `${alias}.`);
  const differs = names.map((c) => `o.${c} is distinct from n.${c}`);
  const side = (c: string, name: string, alias: string) =>
    columns[name]!.isKeyed ? `changed_keys(${alias}.${c}, ${alias === "o" ? "n" : "o"}.${c})` : `${alias}.${c}`;
  const changed = (alias: string) =>
    Object.keys(columns)
      .map((name, i) => {
        const value = side(names[i]!, name, alias);
        return `case when ${differs[i]} then jsonb_build_object('${name}', ${value}) else '{}' end`;
      })
      .join(" || ");
  const whole = `jsonb_build_object(${names.map((c) => `'${c.slice(1, -1)}', o.${c}`).join(", ")})`;
  const insert = (operation: string, rows: string) => `
    insert into change (tenant_id, changeset_id, table_name, row_id, subject_type, subject_id, operation, title, before, after, salt, digest)
    select d.tenant_id, changeset, '${table}', d.id, '${subject}', d.subject_id, '${operation}', d.title, d.before, d.after, d.salt,
      sha256(uuid_send(d.salt) || history_part(d.title, d.told_before, d.told_after))
    from (select r.*, r.before::text as told_before, r.after::text as told_after from (${rows}) r offset 0) d;`;
  const row = (alias: string, before: string, after: string) =>
    `select ${alias}.tenant_id, ${alias}.id, ${on(subjectId, alias)} as subject_id, ${on(title, alias)} as title, ${before} as before, ${after} as after, gen_random_uuid() as salt`;

  // Its plan is kept by the connection: made for one row and met by ten thousand, a nested loop would read them squared,
  // and a merge sort them twice. `offset 0`: what is told enters the digest thrice and is worked out once. Texts of a
  // digest are sent in the encoding of whoever is connected.
  return `
create or replace function ${fn}() returns trigger language plpgsql security definer set search_path = public, pg_temp
set enable_nestloop = off set enable_mergejoin = off set client_encoding = 'UTF8' as $track$
declare changeset uuid := nullif(current_setting('app.changeset_id', true), '')::uuid;
begin
  if changeset is null then
    raise exception 'write on ${table} outside a changeset' using errcode = 'OT001', hint = 'Open an act: db.act(…).';
  end if;
  if tg_op = 'INSERT' then${insert("create", `${row("n", "null::jsonb", "null::jsonb")} from new_rows n`)}
  elsif tg_op = 'UPDATE' then${insert(
    "update",
    `${row("n", changed("o"), changed("n"))} from old_rows o join new_rows n on n.tenant_id = o.tenant_id and n.id = o.id where ${differs.join(" or ")}`,
  )}
  else${insert("delete", `${row("o", whole, "null::jsonb")} from old_rows o`)}
  end if;
  if found then
    insert into changeset (tenant_id, id, act_id)
      values (current_setting('app.tenant_id')::uuid, changeset, current_setting('app.act_id')::uuid) on conflict do nothing;
  end if;
  return null;
end $track$;
drop trigger if exists track_insert on ${identifier(table)};
drop trigger if exists track_update on ${identifier(table)};
drop trigger if exists track_delete on ${identifier(table)};
alter table ${identifier(table)} set (fillfactor = 50);
create trigger track_insert after insert on ${identifier(table)} referencing new table as new_rows for each statement execute function ${fn}();
create trigger track_update after update on ${identifier(table)} referencing old table as old_rows new table as new_rows for each statement execute function ${fn}();
create trigger track_delete after delete on ${identifier(table)} referencing old table as old_rows for each statement execute function ${fn}();
`;
}

/** Brings the triggers in line with the manifests, as owner; a table whose definition has not moved is left alone. */
export async function installTracking(owner: Client, tracked: Tracked[]): Promise<void> {
  const known = await owner.query<{ name: string; mark: string | null }>(
    `select p.proname as name, obj_description(p.oid, 'pg_proc') as mark from pg_proc p
     join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.proname like 'track\\_%'`,
  );
  const marks = new Map(known.rows.map((row) => [row.name, row.mark]));
  for (const one of tracked) {
    const sql = trackingSql(one);
    const mark = createHash("sha256").update(sql).digest("hex");
    if (marks.get(`track_${one.table}`) === mark) continue;
    try {
      await owner.query(
        `begin; ${sql} comment on function ${identifier(`track_${one.table}`)}() is '${mark}'; commit;`,
      );
    } catch (error) {
      await owner.query("rollback"); // so that it can be tried again on this connection
      throw error;
    }
  }
}
