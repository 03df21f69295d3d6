#!/bin/bash
# The database of docker-compose.yml: a cluster with one account, whose password is made here at the first start
# and is handed on in a volume, so that it stands in no file that people copy.
set -euo pipefail
programs=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)")
data=/var/lib/segue-postgres/data
pass=/var/lib/segue-database/pgpass

if ! [ -s "$data/PG_VERSION" ]; then
  # Made beside its place, so that one that was cut off half-way is made again.
  rm -rf --one-file-system "$data.new"
  password=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
  "$programs/initdb" -D "$data.new" --username=segue --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --pwfile=<(printf %s "$password") >/dev/null
  echo 'create database segue;' | "$programs/postgres" --single -D "$data.new" postgres >/dev/null
  # Asked for by TCP alone; who may come that far still needs the password.
  printf 'host all all all scram-sha-256\n' >>"$data.new/pg_hba.conf"
  # Whoever runs the other containers reads it; nobody else has this volume.
  (umask 077 && printf '*:*:*:segue:%s\n' "$password" >"$pass.new")
  mv "$pass.new" "$pass"
  mv "$data.new" "$data"
fi
exec "$programs/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp \
  -c shared_buffers=256MB -c max_connections=200 -c log_min_messages=warning
