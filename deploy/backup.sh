#!/bin/sh
# Copies all data of docker-compose.yml while it runs: deploy/backup.sh DIRECTORY (docs/operations.md). The stores are
# copied from the moment on in which Temporal's copy is fixed, never before; the view and the audit come last.
set -eu
umask 077
cd "$(dirname "$0")/.."

fail() {
    echo "$1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "deploy/backup.sh DIRECTORY"
directory=$1
draft=$directory.unfinished
[ ! -e "$directory" ] || fail "$directory already exists"
[ -n "${ORDER_STATUS_STORE:-}" ] || ORDER_STATUS_STORE=$(sed -n 's/^ORDER_STATUS_STORE=//p' .env 2>/dev/null || true)
rm -rf "$draft"
mkdir -p "$draft"
trap 'rm -rf "$draft"' EXIT
trap 'exit 1' HUP INT TERM

postgresql() {
    docker compose exec -T postgres pg_dump --username=postgres --format=custom "$1" </dev/null >"$draft/$1.dump"
}

mariadb() {
    # shellcheck disable=SC2016 # the container's shell reads the secret
    docker compose exec -T mariadb sh -c 'MYSQL_PWD=$(cat "${SECRETS_DIR:-/run/secrets}/order_status_password") &&
        export MYSQL_PWD && exec mariadb-dump --user=order_status --single-transaction --skip-lock-tables \
            --default-character-set=utf8mb4 order_status' \
        </dev/null >"$draft/order_status.sql"
}

postgresql temporal &
temporal=$!
# What it copies is fixed before it writes anything.
until [ -s "$draft/temporal.dump" ]; do
    kill -0 "$temporal" 2>/dev/null || break
    sleep 0.1
done
postgresql management_center &
management_center=$!
postgresql installation &
installation=$!
postgresql event_delivery &
event_delivery=$!
postgresql temporal_visibility &
visibility=$!
for copy in "$temporal" "$management_center" "$installation" "$event_delivery" "$visibility"; do
    wait "$copy" || fail "the backup failed"
done
if [ "${ORDER_STATUS_STORE:-postgresql}" = mariadb ]; then mariadb; else postgresql order_status; fi
postgresql audit
mv "$draft" "$directory"
trap - EXIT
echo "$directory"
