import { Migration } from "@mikro-orm/migrations";

/** Acts, changesets, changes, events, imprints and seals; append-only for everybody (HIS-8). */
export class Migration20261121000300_history extends Migration {
  override up(): void {
    this.addSql(`
      create table "act" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "at" timestamptz not null,
        "actor_id" uuid null,
        "on_behalf_of_id" uuid null,
        "channel" text not null,
        "code" text not null,
        "subject_type" text null,
        "subject_id" uuid null,
        "label" text null,
        "reason" text null,
        "salt" uuid null,
        "digest" bytea not null,
        "request_id" text null,
        "client_at" timestamptz null,
        "undoes_id" uuid null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "changeset" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "act_id" uuid not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "change" (
        "tenant_id" uuid not null,
        "changeset_id" uuid not null,
        "ordinal" bigint generated always as identity not null,
        "table_name" text not null,
        "row_id" uuid not null,
        "subject_type" text not null,
        "subject_id" uuid not null,
        "operation" text not null,
        "title" text null,
        "before" jsonb null,
        "after" jsonb null,
        "salt" uuid null,
        "digest" bytea not null,
        primary key ("tenant_id", "changeset_id", "ordinal")
      );
      create table "event" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "changeset_id" uuid not null,
        "name" text not null,
        "subject_type" text not null,
        "subject_id" uuid not null,
        "payload" jsonb not null,
        primary key ("tenant_id", "id")
      );
      create table "idempotency_key" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "user_id" uuid null,
        "route" text not null,
        "digest" bytea not null,
        "status" int null,
        "location" text null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "imprint" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "digest" bytea not null,
        "changes" int not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "seal" (
        "tenant_id" uuid not null,
        "sequence" bigint not null,
        "changeset_id" uuid not null,
        "digest" bytea not null,
        "previous_hash" bytea not null,
        "hash" bytea not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "sequence")
      );
      create table "verification" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "asked_by_id" uuid null,
        "verified" int not null default 0,
        "signed_up_to" int not null default 0,
        "finished_at" timestamptz null,
        "broken_number" int null,
        "broken_reason" text null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      create table "job_run" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "job" text not null,
        "on_day" date not null,
        "created_at" timestamptz not null default app_now(),
        primary key ("tenant_id", "id")
      );
      alter table "job_run" add constraint "job_run_tenant_id_job_on_day_unique" unique ("tenant_id", "job", "on_day");
      create table "unsealed" (
        "tenant_id" uuid not null,
        "id" uuid not null,
        "position" bigint generated always as identity not null,
        primary key ("tenant_id", "id")
      );
      create index "act_tenant_id_subject_type_subject_id_index" on "act" ("tenant_id", "subject_type", "subject_id");
      create index "act_tenant_id_actor_id_id_index" on "act" ("tenant_id", "actor_id", "id");
      alter table "act" add constraint "act_channel_check" check ("channel" in ('page', 'api', 'import', 'bulk', 'booking_link', 'open_link', 'job', 'automation', 'setup'));
      create index "change_tenant_id_subject_type_subject_id_index" on "change" ("tenant_id", "subject_type", "subject_id");
      create index "change_tenant_id_table_name_row_id_index" on "change" ("tenant_id", "table_name", "row_id");
      alter table "change" add constraint "change_operation_check" check ("operation" in ('create', 'update', 'delete', 'restore'));
      create index "changeset_tenant_id_act_id_index" on "changeset" ("tenant_id", "act_id");
      create index "event_tenant_id_changeset_id_index" on "event" ("tenant_id", "changeset_id");
      create index "idempotency_key_tenant_id_created_at_index" on "idempotency_key" ("tenant_id", "created_at");
      alter table "seal" add constraint "seal_tenant_id_changeset_id_unique" unique ("tenant_id", "changeset_id");
      alter table "changeset" add constraint "changeset_tenant_id_act_id_foreign" foreign key ("tenant_id", "act_id") references "act" ("tenant_id", "id") on update no action on delete no action deferrable initially deferred;
      alter table "event" add constraint "event_tenant_id_changeset_id_foreign" foreign key ("tenant_id", "changeset_id") references "changeset" ("tenant_id", "id") on update no action on delete no action;
      alter table "verification" enable row level security;
      alter table "verification" force row level security;
      create policy "tenant_isolation" on "verification" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "job_run" enable row level security;
      alter table "job_run" force row level security;
      create policy "tenant_isolation" on "job_run" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "act" enable row level security;
      alter table "act" force row level security;
      create policy "tenant_isolation" on "act" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "change" enable row level security;
      alter table "change" force row level security;
      create policy "tenant_isolation" on "change" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "changeset" enable row level security;
      alter table "changeset" force row level security;
      create policy "tenant_isolation" on "changeset" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "event" enable row level security;
      alter table "event" force row level security;
      create policy "tenant_isolation" on "event" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "idempotency_key" enable row level security;
      alter table "idempotency_key" force row level security;
      create policy "tenant_isolation" on "idempotency_key" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "imprint" enable row level security;
      alter table "imprint" force row level security;
      create policy "tenant_isolation" on "imprint" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "seal" enable row level security;
      alter table "seal" force row level security;
      create policy "tenant_isolation" on "seal" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      alter table "unsealed" enable row level security;
      alter table "unsealed" force row level security;
      create policy "tenant_isolation" on "unsealed" using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid) with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      create policy "lookup_reads" on "unsealed" for select to "lookup" using (true);
      grant select, insert on act, changeset, event to opstracker_app;
      grant select on change, imprint to opstracker_app;
      grant select, insert on seal to opstracker_app;
      grant select, insert, update on verification to opstracker_app;
      grant select, insert on job_run to opstracker_app;
      grant select, delete on unsealed to opstracker_app;
      grant select, insert, update, delete on idempotency_key to opstracker_app;
      grant select on unsealed to lookup;

      -- A part of a digest: its length, then its bytes; null differs from the empty text. Kept in step with src/history/digest.ts.
      -- Both are stable, as what they call is: declared immutable they could not be inlined, and each act calls them twenty times.
      create function history_part(value text) returns bytea language sql stable parallel safe as $$
        select case when value is null then '\\xffffffff'::bytea
          else int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') end $$;
      create function history_moment(value timestamptz) returns text language sql stable parallel safe as $$
        select trunc(extract(epoch from value) * 1000000)::bigint::text $$;

      -- The digest of all a changeset holds, and how many changes; personal texts and values enter by their salted digests
      -- only. A plain function of one query: PostgreSQL merges it into the statement of its caller.
      create function history_digest(tenant uuid, changeset uuid) returns table (digest bytea, changes bigint) language sql stable as $$
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
          (select string_agg(history_part(h.ordinal::text) || history_part(h.table_name) || history_part(h.row_id::text)
             || history_part(h.subject_type) || history_part(h.subject_id::text) || history_part(h.operation) || h.digest, '' order by h.ordinal) as parts,
             count(*) as changes
           from change h where h.tenant_id = tenant and h.changeset_id = changeset) h
        where c.tenant_id = tenant and c.id = changeset $$;

      -- At commit, in the changeset's own transaction: its digest, and a place in the sealer's queue.
      create function take_imprint() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
      begin
        insert into imprint (tenant_id, id, digest, changes)
          select new.tenant_id, new.id, d.digest, d.changes from history_digest(new.tenant_id, new.id) d;
        insert into unsealed (tenant_id, id) values (new.tenant_id, new.id);
        return null;
      end $$;
      create constraint trigger take_imprint after insert on changeset deferrable initially deferred
        for each row execute function take_imprint();

      -- The owner is refused too: altering history belongs to the erasure and retention procedures alone (HIS-8).
      create function refuse_history_change() returns trigger language plpgsql as $$
      begin
        raise exception 'history is append-only: % on % refused', tg_op, tg_table_name using errcode = 'OT002';
      end $$;
      create trigger append_only before update or delete or truncate on act for each statement execute function refuse_history_change();
      create trigger append_only before update or delete or truncate on changeset for each statement execute function refuse_history_change();
      create trigger append_only before update or delete or truncate on change for each statement execute function refuse_history_change();
      create trigger append_only before update or delete or truncate on event for each statement execute function refuse_history_change();
      create trigger append_only before update or delete or truncate on imprint for each statement execute function refuse_history_change();
      create trigger append_only before update or delete or truncate on seal for each statement execute function refuse_history_change();
    `);
  }
}
