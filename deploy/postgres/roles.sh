#!/bin/sh
# Runs once, when the database is created, as its owner (the user migrations connect as).
#
# earned_app      what the code acts as: no login, owns nothing, row-level security applies to it
# earned_runtime  what the processes log in as: can become earned_app and nothing else
set -eu

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv runtime_password EARNED_RUNTIME_PASSWORD
CREATE ROLE earned_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
CREATE ROLE earned_runtime LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
  PASSWORD :'runtime_password' IN ROLE earned_app;
SQL
