#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL and Redis on free loopback ports:
#   scripts/test-servers.sh npx vitest run --project servers
# The command finds them in KARKHANA_TEST_POSTGRES_URL and KARKHANA_TEST_REDIS_URL; its exit status is this script's.
# Needs Debian's packages postgresql and redis-server; installs what is missing when run as root.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: $0 <command> [argument ...]" >&2
  exit 2
fi

find_postgres() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1; }

missing=()
[ -n "$(find_postgres)" ] || missing+=(postgresql)
command -v redis-server >/dev/null || missing+=(redis-server)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "missing: ${missing[*]}; install them with apt-get install ${missing[*]}" >&2
    exit 2
  fi
  (apt-get install -y "${missing[@]}" || (apt-get update && apt-get install -y "${missing[@]}")) >&2
fi
postgres_bin=$(find_postgres)

work=$(mktemp -d)
postgres_pid=""
redis_pid=""
stop() {
  for pid in $postgres_pid $redis_pid; do
    kill -INT "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

# PostgreSQL refuses to run as root.
as_user=()
if [ "$(id -u)" = 0 ]; then
  user=nobody
  id postgres >/dev/null 2>&1 && user=postgres
  as_user=(runuser -u "$user" --)
  chmod 711 "$work"
  mkdir "$work/postgres"
  chown "$user" "$work/postgres"
else
  mkdir "$work/postgres"
fi

"${as_user[@]}" "$postgres_bin/initdb" -D "$work/postgres/data" -U karkhana --auth=trust --encoding=UTF8 --locale=C.UTF-8 >"$work/initdb.log" 2>&1 || {
  cat "$work/initdb.log" >&2
  exit 2
}
postgres_port=$(free_port)
(cd "$work/postgres" && exec "${as_user[@]}" "$postgres_bin/pg_ctl" -D "$work/postgres/data" -l "$work/postgres/log" -w -t 600 \
  -o "-p $postgres_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$work/postgres -c max_connections=200" start >/dev/null) || {
  cat "$work/postgres/log" >&2
  exit 2
}
postgres_pid=$(head -1 "$work/postgres/data/postmaster.pid")

redis_port=$(free_port)
mkdir "$work/redis"
redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$work/redis" --appendonly yes --save "" >"$work/redis/log" 2>&1 &
redis_pid=$!
for attempt in $(seq 1200); do
  redis-cli -h 127.0.0.1 -p "$redis_port" ping >/dev/null 2>&1 && break
  if [ "$attempt" = 1200 ] || ! kill -0 "$redis_pid" 2>/dev/null; then
    cat "$work/redis/log" >&2
    exit 2
  fi
  sleep 0.1
done

export KARKHANA_TEST_POSTGRES_URL="postgres://karkhana@127.0.0.1:$postgres_port/postgres"
export KARKHANA_TEST_REDIS_URL="redis://127.0.0.1:$redis_port"
status=0
"$@" || status=$?
exit "$status"
