#!/bin/sh
# Restores a copy of deploy/backup.sh while only the databases run, and have no tables: deploy/restore.sh DIRECTORY
# (docs/operations.md). Then events are numbered anew, for whoever reads them has seen numbers after the copy.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "$1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "deploy/restore.sh DIRECTORY"
directory=$1
names='temporal temporal_visibility management_center installation audit'
# A copy of a release before has no log of events. It begins anew.
[ ! -f "$directory/event_delivery.dump" ] || names="$names event_delivery"
[ -f "$directory/order_status.sql" ] || names="$names order_status"
for name in $names; do
    [ -f "$directory/$name.dump" ] || fail "$directory is not a backup: there is no $name.dump"
done

tables() {
    docker compose exec -T postgres psql --username=postgres --no-psqlrc --tuples-only --no-align --dbname="$1" \
        --command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'" </dev/null
}

# in_mariadb PROGRAM: reads from standard input.
in_mariadb() {
    # shellcheck disable=SC2016 # the container's shell reads the secret
    docker compose exec -T mariadb sh -c 'MYSQL_PWD=$(cat "${SECRETS_DIR:-/run/secrets}/order_status_password") &&
        export MYSQL_PWD && exec mariadb --user=order_status --skip-column-names --default-character-set=utf8mb4 \
            order_status'
}

for name in $names; do
    [ "$(tables "$name")" = 0 ] || fail "$name already has tables: nothing was changed"
done
if [ -f "$directory/order_status.sql" ]; then
    [ -z "$(echo 'SHOW TABLES' | in_mariadb)" ] || fail "order_status already has tables: nothing was changed"
fi
for name in $names; do
    docker compose exec -T postgres pg_restore --username=postgres --exit-on-error --single-transaction \
        --dbname="$name" <"$directory/$name.dump"
done
if [ -f "$directory/order_status.sql" ]; then in_mariadb <"$directory/order_status.sql"; fi
docker compose run -T --rm --no-deps migrations python -m ops.renumber_events </dev/null || fail \
    "all is restored, but events are not numbered anew: run this script's last command before the service starts"
