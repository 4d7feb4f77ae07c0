#!/usr/bin/env bash
# Gives the roles of 01-roles.sql their passwords, read from the environment so that no command line shows them.
set -euo pipefail
: "${OPSTRACKER_OWNER_PASSWORD:?}" "${OPSTRACKER_APP_PASSWORD:?}"

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv owner OPSTRACKER_OWNER_PASSWORD
\getenv app OPSTRACKER_APP_PASSWORD
set pg_stat_statements.track_utility = off;
alter role opstracker_owner password :'owner';
alter role opstracker_app password :'app';
SQL
