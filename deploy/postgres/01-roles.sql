-- Roles, extensions and rights of an OpsTracker database. Run as superuser, connected to that database; may be run
-- again at any time. The one source: src/platform/db/roles.ts runs this file for the embedded server, the official
-- PostgreSQL image runs it from /docker-entrypoint-initdb.d. Passwords are set apart (02-passwords.sh).

do $$
begin
  if not exists (select from pg_roles where rolname = 'opstracker_owner') then create role opstracker_owner; end if;
  if not exists (select from pg_roles where rolname = 'opstracker_app') then create role opstracker_app; end if;
  if not exists (select from pg_roles where rolname = 'lookup') then create role lookup; end if;
end $$;

-- Owns the database and its tables; used at start for migrations, then closed.
alter role opstracker_owner login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit;
-- What web and jobs connect as: owns nothing, row-level security always applies.
alter role opstracker_app login nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit;
-- Owns the few functions that read before the tenant is known; nobody signs in as it.
alter role lookup nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls noinherit;

-- SET lets migrations give functions to `lookup`; without INHERIT its policies never apply to the owner.
grant lookup to opstracker_owner with admin false, inherit false, set true;

do $$
begin
  execute format('alter database %I owner to opstracker_owner', current_database());
  execute format('revoke all on database %I from public', current_database());
  -- Temporary tables: imports are copied into one before being checked.
  execute format('grant connect, temporary on database %I to opstracker_app', current_database());
end $$;
revoke create on schema public from public;

create extension if not exists unaccent with schema public;
create extension if not exists pg_trgm with schema public;
create extension if not exists btree_gin with schema public;
create extension if not exists pg_stat_statements with schema public;

-- Under row-level security an index serves only operators whose function leaks nothing of the rows it rejects.
-- The reasons stand in LEAKPROOF (src/platform/db/roles.ts); a test keeps both lists equal.
alter function pg_catalog.jsonb_contains(jsonb, jsonb) leakproof;
alter function pg_catalog.jsonb_exists(jsonb, text) leakproof;
alter function pg_catalog.jsonb_exists_any(jsonb, text[]) leakproof;
alter function pg_catalog.jsonb_exists_all(jsonb, text[]) leakproof;
alter function pg_catalog.ts_match_vq(tsvector, tsquery) leakproof;
alter function pg_catalog.ts_match_qv(tsquery, tsvector) leakproof;
alter function pg_catalog.textlike(text, text) leakproof;
alter function pg_catalog.texticlike(text, text) leakproof;
alter function public.similarity_op(text, text) leakproof;
alter function public.word_similarity_op(text, text) leakproof;
alter function public.word_similarity_commutator_op(text, text) leakproof;
alter function public.strict_word_similarity_op(text, text) leakproof;
alter function public.strict_word_similarity_commutator_op(text, text) leakproof;
