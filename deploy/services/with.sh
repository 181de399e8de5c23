#!/usr/bin/env bash
# Run a command with Mosquitto, Kafka and TimescaleDB around it, each on a free port of 127.0.0.1 and with data of its own;
# all are stopped and their data removed when it ends, however it ends. Needs to be root (TimescaleDB's root directory).
#
#   with.sh COMMAND…      the command finds them as TAGLEDGER_DATABASE__DSN, TAGLEDGER_KAFKA__BOOTSTRAP, TAGLEDGER_UPLINK__…
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin
command -v mosquitto >/dev/null || { echo "needs mosquitto: apt-get install mosquitto, or run .ci/services" >&2; exit 1; }
name=run-$$
folder=$(mktemp -d)
broker=""

finish() {
  trap - EXIT INT TERM
  [ -z "$broker" ] || kill "$broker" 2>/dev/null || true
  "$here/kafka.sh" drop "$name" || true
  "$here/timescaledb.sh" drop "$name" || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Two free ports side by side: Kafka's broker, and its controller above it.
free_pair() {
  for _ in $(seq 100); do
    local port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null && continue
    echo "$port"
    return
  done
  echo "no two free ports side by side" >&2
  exit 1
}

"$here/timescaledb.sh" install
"$here/kafka.sh" install
mqtt_port=$(free_pair)
cat >"$folder/mosquitto.conf" <<CONF
listener $mqtt_port 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 100000
max_inflight_messages 512
log_dest file $folder/mosquitto.log
user $(id -un)
CONF
mosquitto -c "$folder/mosquitto.conf" 2> >(grep -v 'should not be run as root' >&2) &
broker=$!
TAGLEDGER_KAFKA__BOOTSTRAP=$("$here/kafka.sh" up "$name" "$(free_pair)")
TAGLEDGER_DATABASE__DSN=$("$here/timescaledb.sh" up "$name" "$(free_pair)")
export TAGLEDGER_KAFKA__BOOTSTRAP TAGLEDGER_DATABASE__DSN
export TAGLEDGER_UPLINK__HOST=127.0.0.1 TAGLEDGER_UPLINK__PORT=$mqtt_port
"$@"
