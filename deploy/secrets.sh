#!/bin/sh
# Writes the secrets of docker-compose.yml, one a file, each made at random. It overwrites none that is there, but
# renews the token for Prometheus, which lasts for 90 days.
#
# The containers' users are not the one who runs this, and a file reaches them with the mode that it has here. So the
# files can be read by all, and nobody but their owner gets into the directory.
set -eu

directory=$1
here=$(dirname "$0")
contexts='management_center installation event_delivery order_status audit'

# Writes what a command prints, whole or not at all, unless it is there. Fails where the command fails or prints nothing.
write() {
    name=$1
    shift
    [ ! -s "$directory/$name" ] || return 0
    "$@" >"$directory/$name.draft"
    [ -s "$directory/$name.draft" ] || { echo "$name: nothing was written" >&2; exit 1; }
    mv "$directory/$name.draft" "$directory/$name"
}

mkdir -p "$directory"
chmod 700 "$directory"
umask 022
# A container's user reads what of deploy/ is mounted, also where a strict umask kept it from others.
find "$here" \( -type d ! -perm -005 -o ! -type d ! -perm -004 \) -exec chmod a+rX {} +

password() {
    hex=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    [ ${#hex} -eq 48 ] && printf '%s' "$hex"
}

key() {
    base64=$(head -c 32 /dev/urandom | base64)
    [ ${#base64} -eq 44 ] && printf '%s%s' "${1:-}" "$base64"
}

# url KIND ROLE SERVER DATABASE
url() {
    word=$(cat "$directory/${2}_password")
    [ -n "$word" ] && printf '%s://%s:%s@%s/%s' "$1" "$2" "$word" "$3" "$4"
}

for owner in postgres temporal grafana mariadb $contexts audit_writer; do
    write "${owner}_password" password
done
write payload_keys key 1:
write access_log_key key
write tracking_keys key 1:
write console_session_keys key 1:
for context in $contexts; do
    write "${context}_postgresql_url" url postgresql "$context" postgres:5432 "$context"
done
write audit_writer_postgresql_url url postgresql audit_writer postgres:5432 audit
write order_status_mariadb_url url mariadb order_status mariadb:3306 order_status
# Whose tokens count no more, while the API runs: docs/access.md.
write revoked_subjects echo '# SUBJECT TIME, as in: kim 2026-07-01T09:00:00Z'
# An issuer of tokens, for trying it out, and its token for Prometheus.
issue() { PYTHONPATH="$here/.." "${PYTHON:-python3}" -m ops.issue_token --issuer "$directory" "$@"; }
issue
token=$(issue --role operator --subject prometheus --hours 2160)
[ -n "$token" ] || { echo "metrics_token: nothing was written" >&2; exit 1; }
# In place: a running container sees the file that it was started with.
printf '%s' "$token" >"$directory/metrics_token"
# For you to write, if your provider of tokens gives the console one; a public client has none.
[ -e "$directory/console_oidc_client_secret" ] || : >"$directory/console_oidc_client_secret"
