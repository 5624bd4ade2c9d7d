#!/bin/sh
# Run by the database's image when it sets itself up: a role and a database of its own for each context, for the
# audit and for Temporal, which nobody else may enter. The API is a role of its own in the audit's database: it does not
# own the tables, and the migrations give it what it may do (stores/audit/grants.py). What is there already stays as it
# is, so that it can be run again for what a later release adds (docs/deployment.md).
set -eu

secrets=${SECRETS_DIR:-/run/secrets}

database() {
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set owner="$1" --set name="$2" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

role() {
    password=$(cat "$secrets/${1}_password")
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set role="$1" --set password="$password" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'role', :'password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SQL
}

for owner in temporal management_center installation event_delivery order_status audit; do
    role "$owner"
    database "$owner" "$owner"
done
database temporal temporal_visibility
role audit_writer
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
GRANT CONNECT ON DATABASE audit TO audit_writer;
SQL
