#!/usr/bin/env bash
# TimescaleDB (Apache edition) on a bare Debian machine, for tests and for trying a cluster: Debian trixie's packages in a
# root of their own, so that an older Debian can run them. Needs to be root. A site installs the packages the usual way.
#
#   timescaledb.sh install          make the root (about a minute, once)
#   timescaledb.sh up NAME PORT     start cluster NAME on 127.0.0.1:PORT, creating it when new; prints its DSN
#   timescaledb.sh down NAME        stop it
#   timescaledb.sh drop NAME        stop it and remove its data
set -euo pipefail

root=${TAGLEDGER_TIMESCALEDB_ROOT:-/var/cache/tagledger/timescaledb}
version=17
bin=/usr/lib/postgresql/$version/bin
as_postgres() { chroot --userspec=postgres:postgres "$root" /usr/bin/env -i PATH="$bin:/usr/bin:/bin" LC_ALL=C.UTF-8 "$@"; }
data_of() {
  case "$1" in *[!a-z0-9_-]*|"") echo "a cluster's name is made of a-z, 0-9, _ and -: '$1'" >&2; exit 2;; esac
  printf '/var/lib/postgresql/tagledger-%s' "$1"
}

install_root() {
  [ -e "$root/.complete" ] && return
  [ "$(id -u)" -eq 0 ] || { echo "making a root directory needs to be root" >&2; exit 1; }
  command -v debootstrap >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  }
  # The mirror this machine already uses, whichever it is.
  mirror=$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' | head -n 1)
  rm -rf "$root.partial"
  mkdir -p "$root.partial"
  debootstrap --variant=minbase --include="postgresql-$version,postgresql-$version-timescaledb" \
    trixie "$root.partial" "$mirror" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
  touch "$root.partial/.complete"
  rm -rf "$root"
  mv "$root.partial" "$root"
}

up() {
  data=$(data_of "$1")
  port=$2
  [ -e "$root/.complete" ] || { echo "run '$0 install' first" >&2; exit 1; }
  if [ ! -e "$root$data/PG_VERSION" ]; then
    as_postgres initdb -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=trust --no-sync >/dev/null
    cat >>"$root$data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$data'
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
dynamic_shared_memory_type = mmap  # a bare root has no /dev/shm
CONF
  fi
  as_postgres pg_ctl -D "$data" -o "-p $port" -l "$data/server.log" -w start >/dev/null ||
    { tail -n 20 "$root$data/server.log" >&2; exit 1; }
  printf 'host=127.0.0.1 port=%s user=postgres dbname=postgres\n' "$port"
}

# down NAME HOW: `fast` writes everything out first, `immediate` is for what is removed anyway.
down() {
  data=$(data_of "$1")
  if [ -e "$root$data/postmaster.pid" ]; then as_postgres pg_ctl -D "$data" -m "$2" -w stop >/dev/null || true; fi
}

case "${1:-}" in
  install) install_root ;;
  up) up "$2" "$3" ;;
  down) down "$2" fast ;;
  drop) down "$2" immediate; rm -rf "$root$(data_of "$2")" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
