#!/usr/bin/env bash
# Apache Kafka (KRaft) on a bare Debian machine with Java, for tests and for trying a cluster: jars from Maven Central, run
# as plain java. A site runs Kafka its own way; `deploy/` holds the settings that matter.
#
#   kafka.sh install                      fetch the jars (once)
#   kafka.sh up NAME PORT [PORT PORT]     start cluster NAME: a node on 127.0.0.1 for each port (its controller is on the next)
#   kafka.sh node NAME N PORT [PORT PORT] start node N of it again
#   kafka.sh down NAME                    stop the cluster's nodes that run here
#   kafka.sh drop NAME                    stop them and remove their data
#
# TAGLEDGER_KAFKA_PROPERTIES names a file of further settings, which come last and so win; TAGLEDGER_KAFKA_ADMIN is a first user
# of a new cluster, `name=admin,password=…`, who lets the others in. Three nodes keep every topic of replication factor 3 with min.insync.replicas=2, and go on without one of them.
set -euo pipefail

home=${TAGLEDGER_KAFKA_HOME:-/var/cache/tagledger/kafka}
version=3.9.1
# Any 16 bytes in base64: nodes of one cluster must agree on it.
cluster_id=dGFnbGVkZ2VyLWthZmthMQ
name_of() {
  case "$1" in *[!a-z0-9_-]*|"") echo "a cluster's name is made of a-z, 0-9, _ and -: '$1'" >&2; exit 2;; esac
  printf '%s/clusters/%s' "$home" "$1"
}

install_jars() {
  [ -e "$home/.complete-$version" ] && return
  for tool in java mvn; do
    command -v "$tool" >/dev/null || { echo "needs $tool: apt-get install default-jre-headless maven" >&2; exit 1; }
  done
  mkdir -p "$home/jars.partial"
  cat >"$home/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tagledger</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  mvn -q -B -f "$home/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$home/jars.partial" \
    >"$home/install.log" 2>&1 || { tail -n 20 "$home/install.log" >&2; exit 1; }
  rm -rf "$home/jars"
  mv "$home/jars.partial" "$home/jars"
  touch "$home/.complete-$version"
}

# begin NAME NODE PORTS…: a node, without waiting for it: nodes of a new cluster get ready together.
begin() {
  cluster=$(name_of "$1")
  node=$2
  shift 2
  ports=("$@")
  dir=$cluster/$node
  mkdir -p "$dir"
  voters=""
  for i in "${!ports[@]}"; do voters+="${voters:+,}$((i + 1))@127.0.0.1:$((ports[i] + 1))"; done
  replicas=${#ports[@]}
  in_sync=$((replicas > 2 ? 2 : 1))
  cat >"$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:${ports[$((node - 1))]},CONTROLLER://127.0.0.1:$((ports[node - 1] + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:${ports[$((node - 1))]}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
CONF
  [ -z "${TAGLEDGER_KAFKA_PROPERTIES:-}" ] || cat "$TAGLEDGER_KAFKA_PROPERTIES" >>"$dir/server.properties"
  cat >"$dir/log4j.properties" <<CONF
log4j.rootLogger=WARN, file
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=$dir/server.log
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=[%d] %p %m (%c)%n
CONF
  run=(java -Xms128m -Xmx512m -XX:+UseSerialGC -Dlog4j.configuration="file:$dir/log4j.properties" -cp "$home/jars/*")
  format=()
  [ -z "${TAGLEDGER_KAFKA_ADMIN:-}" ] || format=(--add-scram "SCRAM-SHA-512=[$TAGLEDGER_KAFKA_ADMIN]")
  [ -e "$dir/data/meta.properties" ] ||
    "${run[@]}" kafka.tools.StorageTool format -t "$cluster_id" -c "$dir/server.properties" "${format[@]}" >"$dir/format.log" 2>&1 ||
    { tail -n 20 "$dir/format.log" >&2; exit 1; }
  setsid nohup "${run[@]}" kafka.Kafka "$dir/server.properties" >"$dir/out.log" 2>&1 &
  echo $! >"$dir/pid"
}

# ready NAME NODE PORT
ready() {
  dir=$(name_of "$1")/$2
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null && return
    kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$dir/out.log" "$dir/server.log" >&2
  exit 1
}

up() {
  name=$1
  shift
  for i in $(seq $#); do begin "$name" "$i" "$@"; done
  for i in $(seq $#); do ready "$name" "$i" "${!i}"; done
  servers=$(printf ',127.0.0.1:%s' "$@")
  echo "${servers#,}"
}

# stop NAME SIGNAL: all nodes at once, because the last of three cannot end in order without the others.
stop() {
  for pid in "$(name_of "$1")"/*/pid; do
    [ ! -e "$pid" ] || kill "-$2" "$(cat "$pid")" 2>/dev/null || true
  done
  for pid in "$(name_of "$1")"/*/pid; do
    [ -e "$pid" ] || continue
    for _ in $(seq 100); do kill -0 "$(cat "$pid")" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$(cat "$pid")" 2>/dev/null || true
    rm -f "$pid"
  done
}

case "${1:-}" in
  install) install_jars ;;
  up) shift; up "$@" ;;
  node) shift; begin "$@"; at=$(($2 + 2)); ready "$1" "$2" "${!at}" ;;
  down) stop "$2" TERM ;;
  drop) stop "$2" KILL; rm -rf "$(name_of "$2")" ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
