#!/bin/sh
# Writes the secrets of docker-compose.yml, one a file, each made at random. It overwrites none that is there, but
# renews the token for Prometheus, which lasts for 90 days.
#
# The containers' users are not the one who runs this, and a file reaches them with the mode that it has here. So the
# files can be read by all, and nobody but their owner gets into the directory.
set -eu

directory=$1
contexts='management_center installation order_status audit'

write() {
    [ -e "$directory/$1" ] || printf '%s' "$2" >"$directory/$1"
}

mkdir -p "$directory"
chmod 700 "$directory"
umask 022
for owner in postgres temporal grafana mariadb $contexts audit_writer; do
    write "${owner}_password" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done
write payload_keys "1:$(head -c 32 /dev/urandom | base64)"
write access_log_key "$(head -c 32 /dev/urandom | base64)"
for context in $contexts; do
    password=$(cat "$directory/${context}_password")
    write "${context}_postgresql_url" "postgresql://$context:$password@postgres:5432/$context"
done
write audit_writer_postgresql_url "postgresql://audit_writer:$(cat "$directory/audit_writer_password")@postgres:5432/audit"
write order_status_mariadb_url "mariadb://order_status:$(cat "$directory/order_status_password")@mariadb:3306/order_status"
# Whose tokens count no more, while the API runs: docs/access.md.
write revoked_subjects "# SUBJECT TIME, as in: kim 2026-07-01T09:00:00Z
"
# An issuer of tokens, for trying it out, and its token for Prometheus.
issue() { PYTHONPATH="$(dirname "$0")/.." "${PYTHON:-python3}" -m ops.issue_token --issuer "$directory" "$@"; }
issue
token=$(issue --role operator --subject prometheus --hours 2160)
printf '%s' "$token" >"$directory/metrics_token"
