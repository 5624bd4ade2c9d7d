#!/bin/sh
# Run by the database's image when it sets itself up: a role and a database of its own for each context, for the
# audit and for Temporal, which nobody else may enter.
set -eu

database() {
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set owner="$1" --set name="$2" <<'SQL'
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

for owner in temporal management_center installation order_status audit; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set owner="$owner" --set password="$(cat "/run/secrets/${owner}_password")" <<'SQL'
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
SQL
    database "$owner" "$owner"
done
database temporal temporal_visibility
